#include "tests/sim/sim_agent.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <absl/strings/match.h>

#include "agent/postgres/sql_error.h"
#include "agent/session/recorded_run.h"
#include "agent/session/wire.h"
#include "agent/tasks/inventory.h"
#include "agent/tasks/sql_tasks.h"
#include "common/errors.h"
#include "tests/sim/backup_model.h"

namespace croft::sim {
namespace {

// Later beats say nothing new.
constexpr absl::Duration kHeartbeat = absl::Seconds(5);

}  // namespace

namespace {

v1::TaskError::Cause CauseOf(const std::string& reason) {
  if (reason == "POSTGRES_UNAVAILABLE") return v1::TaskError::CAUSE_OUTAGE;
  if (reason == "DISK_FULL") return v1::TaskError::CAUSE_RESOURCE;
  if (absl::StartsWith(reason, "TENANT_")) return v1::TaskError::CAUSE_REFUSAL;
  return v1::TaskError::CAUSE_UNSPECIFIED;  // as an agent one version behind
}

// What the shipped agent finds out beside the model: the cause of an error, and what a proof found.
void Complete(const World& world, v1::TaskResult& result) {
  const v1::Fencing& fencing = result.fencing();
  if (result.has_error()) result.mutable_error()->set_cause(CauseOf(result.error().reason()));
  const bool incomplete =
      world.incomplete_proofs.count({fencing.operation(), fencing.step(), fencing.attempt()}) > 0;
  if (!result.has_verified() || !incomplete) return;
  v1::Finding& finding = *result.mutable_verified()->add_findings();
  finding.set_severity(v1::Finding::SEVERITY_MISSING);
  finding.set_reason("EXTENSION_NOT_ALLOWED");
  finding.set_object("EXTENSION \"postgis\"");
  result.mutable_verified()->set_finding_count(1);
}

}  // namespace

class SimAgent::Context final : public agent::TaskContext {
 public:
  Context(SimAgent& agent, const agent::QueuedTask& queued) : agent_(agent), queued_(queued) {}

  void Report(absl::string_view message) override {
    v1::ConnectRequest request;
    *request.mutable_progress()->mutable_fencing() = agent::ToProto(queued_.task.fencing);
    request.mutable_progress()->set_message(std::string(message));
    agent_.Send(request);
  }
  // The model of a host hands over nothing before its outcome.
  void HandOver(agent::InventoryTaken) override {}
  absl::Status KeepGoing() const override { return agent::MayGoOn(queued_, agent_.world_.scheduler.Now()); }

 private:
  SimAgent& agent_;
  const agent::QueuedTask& queued_;
};

SimAgent::SimAgent(World& world, SimHost& host, Watch& watch, FindPlane find_plane,
                   std::string journal_path)
    : world_(world),
      host_(host),
      watch_(watch),
      find_plane_(std::move(find_plane)),
      journal_path_(std::move(journal_path)),
      journal_(*agent::OpenJournal(journal_path_, world.scheduler)),
      cluster_(host.server, *this),
      queues_(std::make_unique<agent::TaskQueues>()) {
  agent::RegisterSqlTasks(runner_, cluster_, world_.dice);
  agent::RegisterInventoryTask(runner_, cluster_, stores_);
  RegisterModelledBackups(runner_, {world_, host_, cluster_});
}

SimAgent::~SimAgent() = default;

// ---- The process.

void SimAgent::Start() {
  if (alive_ || superseded_ || host_.lost) return;
  alive_ = true;
  ++incarnation_;
  calls_to_crash_ = -1;
  queues_ = std::make_unique<agent::TaskQueues>();
  world_.Say("agent of ", host_.id, " starts");
  Connect();
}

void SimAgent::Crash() {
  if (!alive_) return;
  alive_ = false;
  open_ = false;
  world_.Say("agent of ", host_.id, " dies");
  world_.tally.Fault("agent killed");
  if (link_) link_->CloseAgentEnd();
  link_.reset();
  const auto fibers = fibers_;
  for (const auto& [id, queued] : fibers) world_.scheduler.Kill(id);
  fibers_.clear();
}

void SimAgent::ShowJournal() {
  for (const char* file : {"", "-wal"}) {
    std::ifstream bytes(absl::StrCat(journal_path_, file), std::ios::binary);
    watch_.OnText("an agent's journal", std::string(std::istreambuf_iterator<char>(bytes), {}));
  }
}

void SimAgent::Beat() {
  if (!alive_ || !open_) return;
  v1::ConnectRequest message;
  *message.mutable_heartbeat()->mutable_report() = Report();
  Send(message);
}

// ---- The session.

v1::HostReport SimAgent::Report() const {
  v1::HostReport report;
  report.set_postgres_up(host_.server.up());
  report.set_postgres_version("15.20");
  report.set_system_identifier(absl::StrCat("system-", host_.id));
  report.set_timeline(1);
  report.add_advertise_endpoints(absl::StrCat(host_.id, ":5432"));
  report.set_free_bytes(int64_t{1} << 40);
  if (!host_.store.empty()) report.add_stores(host_.store);
  report.add_stores(kFurtherStore);
  (*report.mutable_store_names())[kFurtherStore] = kFurtherName;
  return report;
}

void SimAgent::Connect() {
  if (!alive_ || link_) return;
  PlaneEnd* plane = host_.cut ? nullptr : find_plane_();
  if (plane == nullptr) return ConnectLater();
  link_ = std::make_shared<Link>(world_, host_.id, this, plane);
  plane->OnConnected(link_);
  v1::ConnectRequest message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_version("sim");
  hello.set_instance_id(absl::StrCat(host_.id, "-", incarnation_));
  for (const std::string& kind : agent::TaskKindNames()) hello.add_task_kinds(kind);
  *hello.mutable_report() = Report();
  hello.set_highest_epoch(journal_->HighestEpoch());
  link_->Up(message);
}

void SimAgent::ConnectLater() {
  world_.scheduler.After(world_.dice.Between(absl::Milliseconds(250), absl::Seconds(3)),
                         [this, incarnation = incarnation_] {
                           if (incarnation == incarnation_) Connect();
                         });
}

void SimAgent::Greet(const v1::Welcome& welcome) {
  const absl::Status raised = journal_->RaiseEpoch(welcome.epoch());
  if (!raised.ok()) {
    world_.Say("agent of ", host_.id, " does not obey epoch ", welcome.epoch());
    link_->CloseAgentEnd();
    link_.reset();
    return ConnectLater();
  }
  open_ = true;
  obeyed_epoch_ = welcome.epoch();
  world_.scheduler.After(kHeartbeat, [this, link = link_] {
    if (link == link_) Beat();
  });
  const std::vector<agent::JournalEntry> unsettled = *journal_->Unsettled();
  for (const agent::JournalEntry& entry : unsettled) {
    v1::ConnectRequest message;
    if (!message.mutable_result()->ParseFromString(entry.outcome)) continue;
    Complete(world_, *message.mutable_result());
    Send(message);
  }
}

void SimAgent::OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectResponse& message) {
  if (link != link_) return;
  switch (message.message_case()) {
    case v1::ConnectResponse::kWelcome:
      if (!open_) Greet(message.welcome());
      return;
    case v1::ConnectResponse::kTask:
      if (open_) Submit(message.task());
      return;
    case v1::ConnectResponse::kCancel:
      queues_->Cancel(agent::FencingFromProto(message.cancel().fencing()));
      return;
    case v1::ConnectResponse::kRecorded:
      (void)journal_->Settle(agent::KeyOf(agent::FencingFromProto(message.recorded().fencing())));
      return;
    case v1::ConnectResponse::kStatements:
    case v1::ConnectResponse::kExportQuery:
    case v1::ConnectResponse::kExportControl:
    case v1::ConnectResponse::kUpload:
    case v1::ConnectResponse::MESSAGE_NOT_SET: return;
  }
}

void SimAgent::OnEnded(const std::shared_ptr<Link>& link, const absl::Status& status) {
  if (link != link_) return;
  link_.reset();
  open_ = false;
  if (DetailsOf(status).reason == "SESSION_SUPERSEDED") {
    world_.Say("agent of ", host_.id, " was superseded and ends");
    superseded_ = true;
    Crash();
    return;
  }
  ConnectLater();
}

void SimAgent::Send(const v1::ConnectRequest& message) {
  watch_.OnText("a message of an agent", message.SerializeAsString());
  if (open_ && link_) link_->Up(message);
}

// ---- Tasks.

void SimAgent::Submit(const v1::Task& message) {
  absl::StatusOr<agent::Task> task = agent::TaskFromProto(message);
  if (!task.ok()) {
    v1::ConnectRequest refusal;
    *refusal.mutable_result() =
        agent::ResultToProto(agent::FencingFromProto(message.fencing()), task.status());
    return Send(refusal);
  }
  watch_.OnTask(*task);
  if (auto ready = queues_->Submit(*std::move(task))) Run(std::move(ready));
}

void SimAgent::Run(std::shared_ptr<agent::QueuedTask> queued) {
  // As a thread that waits for work: never on the stack of who hands it in.
  world_.scheduler.After(absl::ZeroDuration(), [this, queued, incarnation = incarnation_] {
    if (!alive_ || incarnation != incarnation_) return;
    world_.scheduler.Spawn([this, queued] { Perform(queued); });
  });
}

void SimAgent::Perform(const std::shared_ptr<agent::QueuedTask>& queued) {
  const Scheduler::FiberId fiber = world_.scheduler.Current();
  fibers_[fiber] = queued;
  world_.scheduler.Sleep(world_.dice.Between(absl::ZeroDuration(), absl::Milliseconds(5)));
  const auto result = agent::RunRecorded(*queued, *journal_, [&] { return RunTask(*queued); });
  if (!result.ok()) world_.Violate(0, absl::StrCat("the journal failed: ", result.status().ToString()));
  // From the record to the stream nothing is lost but by a crash.
  world_.scheduler.Sleep(world_.dice.Between(absl::ZeroDuration(), absl::Milliseconds(2)));
  MayDie();
  fibers_.erase(fiber);
  if (auto next = queues_->Finish(*queued)) Run(std::move(next));
  if (!result.ok() || !*result) return;
  v1::ConnectRequest message;
  *message.mutable_result() = **result;
  *message.mutable_result()->mutable_fencing() = agent::ToProto(queued->fencing);
  Complete(world_, *message.mutable_result());
  world_.Say("agent of ", host_.id, " answers ", queued->task.fencing.operation, "/",
             queued->task.fencing.step, "/", queued->task.fencing.attempt, ": ",
             message.result().ShortDebugString());
  Send(message);
}

absl::StatusOr<agent::Outcome> SimAgent::RunTask(const agent::QueuedTask& queued) {
  const agent::Fencing& fencing = queued.task.fencing;
  world_.Say("agent of ", host_.id, " runs ", fencing.operation, "/", fencing.step, "/", fencing.attempt,
             " (", fencing.epoch, ", ", fencing.order, ") kind ", queued.task.work.index());
  world_.tally.Work("tasks run");
  watch_.OnRun(host_, queued.task, obeyed_epoch_);
  world_.scheduler.Sleep(world_.dice.Between(absl::Microseconds(200), absl::Milliseconds(4)));
  Context context(*this, queued);
  const absl::Status go = context.KeepGoing();
  if (!go.ok()) return go;
  return runner_.Run(queued.task, context);
}

// ---- What befalls its calls.

void SimAgent::MayDie() {
  if (!alive_) throw Killed();
  if (calls_to_crash_ < 0 || --calls_to_crash_ > 0) return;
  // This fiber ends here; the others with the process, as soon as nobody stands on their stacks.
  calls_to_crash_ = -1;
  world_.scheduler.After(absl::ZeroDuration(), [this] { Crash(); });
  throw Killed();
}

bool SimAgent::GoesOn(absl::string_view database) {
  if (!host_.server.up() || !world_.dice.Chance(1, 2)) return false;
  const std::string name(database);
  world_.Say("the server of ", host_.id, " goes on making ", name);
  world_.tally.Fault("CREATE DATABASE that nobody waits for");
  world_.scheduler.After(world_.dice.Between(absl::Milliseconds(10), absl::Seconds(5)), [this, name] {
    host_.server.FinishCreate(name);
    watch_.AfterCall(host_, nullptr);
  });
  return true;
}

absl::Status SimAgent::OnCall(absl::string_view call) {
  const bool slow = world_.faults && world_.dice.Chance(1, 60);
  if (slow) world_.tally.Fault("call to PostgreSQL delayed");
  world_.scheduler.Sleep(slow ? world_.dice.Between(absl::Milliseconds(100), absl::Seconds(20))
                              : world_.dice.Between(absl::Microseconds(100), absl::Milliseconds(3)));
  MayDie();
  world_.tally.Work("calls of tasks");
  if (!world_.faults || !world_.dice.Chance(1, 120)) return absl::OkStatus();
  world_.Say("call ", call, " at ", host_.id, " is lost");
  world_.tally.Fault("call to PostgreSQL lost");
  return MakeError(absl::StatusCode::kUnavailable, "the call was lost", {.reason = "POSTGRES_UNAVAILABLE"});
}

absl::Status SimAgent::OnAnswer(absl::string_view call) {
  const auto running = fibers_.find(world_.scheduler.Current());
  watch_.AfterCall(host_, running == fibers_.end() ? nullptr : &running->second->task);
  MayDie();
  if (!world_.faults || !world_.dice.Chance(1, 120)) return absl::OkStatus();
  world_.Say("answer to ", call, " at ", host_.id, " is lost");
  world_.tally.Fault("answer of PostgreSQL lost");
  return MakeError(absl::StatusCode::kUnavailable, "the answer was lost",
                   {.reason = "POSTGRES_UNAVAILABLE"});
}

absl::Status SimAgent::Refusal(absl::string_view call) {
  if (!world_.faults || !world_.refusals || !world_.dice.Chance(1, 500)) return absl::OkStatus();
  const bool passes = world_.dice.Chance(1, 2);
  world_.Say(call, " at ", host_.id, " is refused, ", passes ? "for now" : "for good");
  world_.tally.Fault(passes ? "call refused for now (disk full)" : "call refused for good (no right)");
  return passes ? agent::SqlError("53100", "could not extend file: No space left on device")
                : agent::SqlError("42501", "permission denied");
}

bool SimAgent::CutsDrop() {
  if (!world_.faults || !world_.dice.Chance(1, 12)) return false;
  world_.tally.Fault("DROP DATABASE cut in the middle");
  return true;
}

int SimAgent::Lingers() {
  if (!world_.dice.Chance(1, 5)) return 0;
  world_.tally.Fault("session that does not go at once");
  return static_cast<int>(world_.dice.Roll(5));
}

}  // namespace croft::sim
