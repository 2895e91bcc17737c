#include "tests/sim/sim_plane.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/domain/storage.h"
#include "controlplane/fleet/messages.h"
#include "controlplane/fleet/task_writer.h"
#include "controlplane/handlers/campaigns.h"
#include "controlplane/operations/rules.h"

namespace croft::sim {
namespace {

constexpr size_t kBatch = 8;
constexpr absl::Duration kSilence = absl::Seconds(30);

std::string NameOf(const engine::Fencing& fencing) {
  return absl::StrCat(fencing.operation, "/", fencing.step, "/", fencing.attempt, " (", fencing.epoch, ", ",
                      fencing.order, ")");
}

}  // namespace

SimPlane::SimPlane(World& world, PlaneWatch& watch, int64_t epoch)
    : world_(world), watch_(watch), epoch_(epoch) {}

// ---- The process.

void SimPlane::Start() {
  if (alive_) return;
  alive_ = true;
  stopped_ = false;
  ++incarnation_;
  commits_to_crash_ = -1;
  world_.Say("control plane of epoch ", epoch_, " starts");
  Post(engine::Started{});
  world_.scheduler.After(kSilence, [this, incarnation = incarnation_] {
    if (incarnation == incarnation_) LoseAwaited();
  });
  LookAtSchedules();
}

// As the fleet does: who has not come back by now is away.
void SimPlane::LoseAwaited() {
  for (const auto& [id, host] : world_.hosts) {
    const auto stored = *world_.catalog.GetHost(id);
    if (stored && stored->awaited && !members_[id].link) Post(engine::HostLost{.host = id});
  }
}

// ---- Schedules, as the server's scheduler looks at them.

void SimPlane::LookAtSchedules() {
  world_.scheduler.After(
      world_.faults ? world_.dice.Between(absl::Seconds(1), absl::Seconds(20)) : world_.calm_look,
      [this, incarnation = incarnation_] {
        if (incarnation == incarnation_) LookAtSchedules();
      });
  if (stopped_ || !world_.schedules) return;
  LookAtStorage();
  const std::vector<domain::Schedule> all = *world_.catalog.DueSchedules(world_.scheduler.Now(), 16);
  for (const domain::Schedule& due : all) {
    world_.tally.Work(absl::StrCat("due: ", NameOf(due.key.kind)));
    Post(engine::ScheduleDue{.key = due.key, .request = RequestOf(due.key)});
  }
}

// As the server's storage watch does.
void SimPlane::LookAtStorage() {
  const std::vector<domain::Tenant> limited = *world_.catalog.ListStorageLimited("", 1000);
  for (const domain::Tenant& tenant : limited) {
    if (tenant.state != domain::TenantState::kReady || tenant.placement.host.empty()) continue;
    const auto database = world_.Host(tenant.placement.host).server.Database(tenant.placement.database);
    if (!database) continue;
    const int64_t size = SizeOf(*database);
    if (!domain::CallsForJudgement(tenant, size, world_.scheduler.Now())) continue;
    world_.tally.Work("storage judged");
    Post(engine::StorageMeasured{{.operation = world_.NewOperationId(),
                                  .tenant = tenant.id,
                                  .generation = tenant.placement.generation,
                                  .size_bytes = size}});
  }
}

engine::RequestBody SimPlane::RequestOf(const domain::ScheduleKey& key) {
  const std::string id = key.resource.substr(key.resource.find('/') + 1);
  switch (key.kind) {
    case domain::ScheduleKind::kExpire:
      return engine::RetireTenant{
          .operation = world_.NewOperationId(),
          .tenant = id,
          .final_backup = world_.PrepareBackup((*world_.catalog.GetTenant(id))->uid)};
    case domain::ScheduleKind::kPurge:
      return engine::PurgeTenant{.operation = world_.NewOperationId(), .tenant = id, .confirmed = true};
    case domain::ScheduleKind::kBackUp:
      return engine::CreateBackup{.operation = world_.NewOperationId(),
                                  .tenant = id,
                                  .origin = domain::BackupOrigin::kScheduled,
                                  .backup = world_.PrepareBackup((*world_.catalog.GetTenant(id))->uid)};
    case domain::ScheduleKind::kProve:
      return engine::ProveNewestBackup{.operation = world_.NewOperationId(), .tenant = id};
    case domain::ScheduleKind::kPruneBackups:
      return engine::PruneBackups{.operation = world_.NewOperationId(), .tenant = id};
    case domain::ScheduleKind::kCopyBackups:
      return engine::CopyBackups{.operation = world_.NewOperationId(), .tenant = id};
    case domain::ScheduleKind::kCompare: return engine::CompareHost{.host = id};
    case domain::ScheduleKind::kPruneOperations: return engine::PruneOperations();
    case domain::ScheduleKind::kPruneRequests: return engine::PruneRequests();
    case domain::ScheduleKind::kPruneEvents: return engine::PruneEvents();
    case domain::ScheduleKind::kFollowPolicies: return engine::FollowPolicies();
    case domain::ScheduleKind::kContinue: return NextChildren(key.resource);
    case domain::ScheduleKind::kPruneAudit: break;
  }
  return ChooseCut();
}

engine::ContinueCampaign SimPlane::NextChildren(const std::string& campaign) {
  return *handlers::ChooseChildren(
      world_.catalog, campaign,
      [this](const domain::CampaignDetails& details,
             const domain::Tenant& tenant) -> absl::StatusOr<engine::ChildRequest> {
        if (details.child_kind == domain::OperationKind::kVerify)
          return engine::ProveNewestBackup{.operation = world_.NewOperationId(), .tenant = tenant.id};
        return engine::CreateBackup{.operation = world_.NewOperationId(),
                                    .tenant = tenant.id,
                                    .backup = world_.PrepareBackup(tenant.uid)};
      });
}

engine::PruneAudit SimPlane::ChooseCut() {
  const std::optional<domain::AuditCheckpoint> last = *world_.catalog.GetAuditCheckpoint();
  engine::PruneAudit request;
  const std::vector<domain::AuditRow> rows = *world_.catalog.ListAudit(last ? last->head.sequence : 0, 20);
  for (const domain::AuditRow& row : rows) {
    if (row.event.time >= world_.scheduler.Now() - world_.policy.keep_audit) break;
    request.cut = {.head = {row.sequence, row.hash},
                   .time = row.event.time,
                   .cut_time = absl::FromUnixMicros(absl::ToUnixMicros(world_.scheduler.Now()))};
  }
  if (request.cut) request.cut->signature = SignatureOf(catalog::TextOf(*request.cut));
  return request;
}

void SimPlane::Crash() {
  if (!alive_) return;
  alive_ = false;
  ++incarnation_;
  world_.Say("control plane of epoch ", epoch_, " dies");
  world_.tally.Fault("control plane killed");
  inbox_.clear();
  questions_.clear();
  timers_.clear();
  held_.clear();
  work_waits_ = false;
  for (auto& [host, member] : members_) {
    for (const auto& link : {member.link, member.before}) {
      if (link) link->ClosePlaneEnd(absl::UnavailableError("the control plane has gone"));
    }
  }
  for (const auto& link : unnamed_)
    link->ClosePlaneEnd(absl::UnavailableError("the control plane has gone"));
  members_.clear();
  unnamed_.clear();
}

void SimPlane::Stop(bool for_long) {
  stopped_ = true;
  world_.Say("control plane of epoch ", epoch_, " is stopped");
  if (!for_long) return;
  for (auto& [host, member] : members_) {
    if (member.link) member.link->CutDown();
    if (member.before) member.before->CutDown();
  }
  for (const auto& link : unnamed_) link->CutDown();
}

void SimPlane::Nudge() {
  if (alive_ && !stopped_) Commit({});
}

void SimPlane::Continue() {
  if (!stopped_) return;
  stopped_ = false;
  auto held = std::move(held_);
  held_.clear();
  for (const auto& one : held) {
    if (alive_) one();
  }
  WorkLater();
}

// ---- The writer.

void SimPlane::Call(engine::Caller caller, engine::RequestBody body, Reply reply) {
  if (!alive_) return;
  const uint64_t ticket = ++last_ticket_;
  questions_[ticket] = std::move(reply);
  Post(engine::Request{ticket, std::move(caller), std::move(body)});
}

void SimPlane::Post(engine::Event event) {
  inbox_.push_back(std::move(event));
  WorkLater();
}

void SimPlane::WorkLater() {
  if (work_waits_ || inbox_.empty() || stopped_ || !alive_) return;
  work_waits_ = true;
  // What comes while the disk is busy with the batch before it goes into one batch.
  world_.scheduler.After(world_.dice.Between(absl::Microseconds(100), absl::Milliseconds(6)),
                         [this, incarnation = incarnation_] {
                           if (incarnation != incarnation_) return;
                           work_waits_ = false;
                           if (stopped_) return;
                           Work();
                           WorkLater();
                         });
}

void SimPlane::Work() {
  std::deque<engine::Event> batch;
  while (!inbox_.empty() && batch.size() < kBatch) {
    batch.push_back(std::move(inbox_.front()));
    inbox_.pop_front();
  }
  if (!batch.empty()) Commit(std::move(batch));
}

bool SimPlane::Commit(std::deque<engine::Event> batch) {
  const bool dies = commits_to_crash_ > 0 && --commits_to_crash_ == 0;
  auto transaction = world_.catalog.BeginAs(epoch_);
  if (!transaction.ok()) {
    world_.Say("epoch ", epoch_, " is fenced");
    Crash();
    return false;
  }
  const engine::Moment moment{.now = world_.scheduler.Now(), .epoch = epoch_, .policy = world_.policy};
  std::vector<catalog::Change> changes;
  std::vector<engine::Effect> effects;
  for (const engine::Event& event : batch) {
    engine::Outcome outcome = engine::Decide(event, **transaction, moment, operations::AllRules());
    for (const catalog::Change& change : outcome.changes) (*transaction)->Apply(change);
    std::move(outcome.changes.begin(), outcome.changes.end(), std::back_inserter(changes));
    std::move(outcome.effects.begin(), outcome.effects.end(), std::back_inserter(effects));
  }
  world_.tally.Work("commits");
  if (dies && world_.dice.Chance(1, 2)) {
    world_.Say("before a commit:");
    Crash();
    return false;
  }
  const auto revision = (*transaction)->Commit();
  if (!revision.ok()) {
    world_.Say("epoch ", epoch_, " cannot commit: ", revision.status().message());
    if (DetailsOf(revision.status()).reason != "FENCED")
      world_.Violate(0, absl::StrCat("a commit failed: ", revision.status().ToString()));
    Crash();
    return false;
  }
  watch_.AfterCommit(changes);
  int64_t left = dies ? world_.dice.Roll(static_cast<int64_t>(effects.size()) + 1) : -1;
  for (engine::Effect& effect : effects) {
    if (left-- == 0) break;
    Release(std::move(effect));
    if (!alive_) return false;
  }
  if (!dies) return true;
  world_.Say("after a commit:");
  Crash();
  return false;
}

void SimPlane::SetTimer(const engine::SetTimer& timer) {
  if (!timers_.emplace(timer.time, timer.operation).second) return;
  world_.scheduler.At(timer.time, [this, timer, incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    timers_.erase({timer.time, timer.operation});
    Post(engine::Tick{timer.operation});
  });
}

// The fleet's own thread: in order, a little later than the commit, and not at all when the process dies before.
void SimPlane::Carry(std::function<void()> what) {
  const bool slow = world_.faults && world_.dice.Chance(1, 40);
  const absl::Duration delay = slow ? world_.dice.Between(absl::Milliseconds(10), absl::Seconds(5))
                                    : world_.dice.Between(absl::Microseconds(10), absl::Milliseconds(2));
  carried_until_ = std::max(carried_until_, world_.scheduler.Now() + delay);
  world_.scheduler.At(carried_until_, [this, what = std::move(what), incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    if (stopped_) {
      held_.push_back(what);
    } else {
      what();
    }
  });
}

void SimPlane::Release(engine::Effect effect) {
  watch_.OnEffect(effect);
  if (auto* reply = std::get_if<engine::Reply>(&effect)) {
    const auto found = questions_.find(reply->ticket);
    if (found == questions_.end()) return;
    const Reply answer = std::move(found->second);
    questions_.erase(found);
    answer(reply->answer);
  } else if (auto* timer = std::get_if<engine::SetTimer>(&effect)) {
    SetTimer(*timer);
  } else if (auto* task = std::get_if<engine::SendTask>(&effect)) {
    Carry([this, task = std::move(*task)] { Deliver(task); });
  } else if (auto* cancel = std::get_if<engine::CancelTask>(&effect)) {
    Carry([this, cancel = *cancel] {
      v1::ConnectResponse message;
      fleet::WriteFencing(cancel.fencing, *message.mutable_cancel()->mutable_fencing());
      SendTo(cancel.host, message);
    });
  } else if (auto* acknowledge = std::get_if<engine::AcknowledgeTask>(&effect)) {
    Carry([this, acknowledge = *acknowledge] {
      v1::ConnectResponse message;
      fleet::WriteFencing(acknowledge.fencing, *message.mutable_recorded()->mutable_fencing());
      SendTo(acknowledge.host, message);
    });
  } else if (auto* erase = std::get_if<engine::EraseKey>(&effect)) {
    Carry([this, erase = *erase] {
      if (const absl::Status status = world_.keys->Destroy(erase.uid); !status.ok())
        world_.Violate(0, absl::StrCat("a key cannot be destroyed: ", status.ToString()));
      world_.Say("the key of ", erase.uid, " is destroyed");
      Post(engine::KeyErased{.fencing = erase.fencing,
                             .record = engine::RecordOf(erase, world_.scheduler.Now())});
    });
  } else if (auto* end = std::get_if<engine::EndSession>(&effect)) {
    Carry([this, end = *end] {
      const auto found = members_.find(end.host);
      if (found == members_.end() || !found->second.link) return;
      const auto link = std::move(found->second.link);
      found->second.link.reset();
      link->ClosePlaneEnd(absl::UnauthenticatedError(end.reason));
    });
  } else if (std::holds_alternative<engine::CompareInventory>(effect)) {
    world_.tally.Work("comparisons");
  }
}

// ---- The fleet.

void SimPlane::SendTo(const std::string& host, const v1::ConnectResponse& message) {
  const auto found = members_.find(host);
  if (found != members_.end() && found->second.link) found->second.link->Down(message);
}

void SimPlane::Deliver(const engine::SendTask& task) {
  const auto found = members_.find(task.host);
  if (found == members_.end() || !found->second.link) return;
  absl::StatusOr<v1::Task> written = fleet::WriteTask(task, *world_.keys, world_.scheduler.Now());
  if (!written.ok()) {
    world_.Say("a task cannot be sent: ", NameOf(task.fencing), " ", written.status().message());
    return Post(engine::TaskReport{
        .host = task.host,
        .fencing = task.fencing,
        .outcome = engine::TaskError{.reason = DetailsOf(written.status()).reason,
                                     .message = std::string(written.status().message())}});
  }
  world_.Say("epoch ", epoch_, " sends ", domain::NameOf(domain::KindOf(task.step.task)), " ",
             NameOf(task.fencing), " to ", task.host);
  v1::ConnectResponse message;
  *message.mutable_task() = *std::move(written);
  found->second.link->Down(message);
}

SimPlane::Member* SimPlane::Current(const std::shared_ptr<Link>& link) {
  const auto found = members_.find(link->host());
  return found != members_.end() && found->second.link == link ? &found->second : nullptr;
}

void SimPlane::Greet(const std::shared_ptr<Link>& link, const v1::Hello& hello) {
  if (hello.highest_epoch() > epoch_) {
    world_.Say("epoch ", epoch_, " hears that ", link->host(), " served a newer one");
    return link->ClosePlaneEnd(absl::FailedPreconditionError("stale epoch"));
  }
  std::erase(unnamed_, link);
  Member& member = members_[link->host()];
  const std::shared_ptr<Link> third = std::move(member.before);
  member = {.link = link, .before = std::move(member.link), .told = fleet::ReadReport(hello)};
  v1::ConnectResponse welcome;
  welcome.mutable_welcome()->set_epoch(epoch_);
  link->Down(welcome);
  Post(engine::HostSeen{.host = link->host(), .report = member.told});
  if (third) third->ClosePlaneEnd(absl::UnavailableError("connect again"));
}

void SimPlane::OnConnected(const std::shared_ptr<Link>& link) {
  unnamed_.push_back(link);
  if (stopped_) link->CutDown();
}

void SimPlane::OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectRequest& message) {
  if (!alive_) return;
  if (stopped_) {
    held_.push_back([this, link, message] { OnMessage(link, message); });
    return;
  }
  Member* member = Current(link);
  if (message.has_hello()) {
    if (member == nullptr) Greet(link, message.hello());
    return;
  }
  if (member == nullptr) return;
  if (const auto superseded = std::move(member->before)) {
    superseded->ClosePlaneEnd(MakeError(absl::StatusCode::kAborted, "another agent opened a session",
                                        {.reason = "SESSION_SUPERSEDED"}));
  }
  if (message.has_heartbeat()) {
    const domain::HostReport now = fleet::ReadReport(message.heartbeat().report(), member->told);
    if (!fleet::SaysSomethingNew(member->told, now)) return;
    member->told = now;
    Post(engine::HostReported{.host = link->host(), .report = now});
  } else if (message.has_progress()) {
    Post(engine::TaskProgress{.host = link->host(),
                              .fencing = fleet::ReadFencing(message.progress().fencing()),
                              .message = message.progress().message()});
  } else if (message.has_result()) {
    Post(fleet::ReadResult(link->host(), message.result()));
  }
}

void SimPlane::OnEnded(const std::shared_ptr<Link>& link) {
  if (!alive_) return;
  if (stopped_) {
    held_.push_back([this, link] { OnEnded(link); });
    return;
  }
  std::erase(unnamed_, link);
  const auto found = members_.find(link->host());
  if (found != members_.end() && found->second.before == link) found->second.before.reset();
  Member* member = Current(link);
  if (member == nullptr) return;
  member->link.reset();
  if (const auto before = std::move(member->before))
    before->ClosePlaneEnd(absl::UnavailableError("connect again"));
  Post(engine::HostLost{.host = link->host()});
}

}  // namespace croft::sim
