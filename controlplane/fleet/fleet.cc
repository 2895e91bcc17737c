// Keeps the sessions of all agents and routes tasks and reports.

#include "controlplane/fleet/fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/log.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/fleet/messages.h"
#include "controlplane/fleet/task_writer.h"

namespace croft::fleet {
namespace {

constexpr absl::Duration kLook = absl::Seconds(1);  // how often the silent are looked for

absl::Status Superseded(const std::string& host) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("another agent opened a session as ", HostName(host)),
                   {.reason = "SESSION_SUPERSEDED", .metadata = {{"host", HostName(host)}}});
}

absl::Status HelloExpected() {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   "the first message of a session must be its only hello",
                   {.reason = "HELLO_EXPECTED", .violations = {{"hello", "must be sent first, and once"}}});
}

absl::Status Silent(const std::string& host) {
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat(HostName(host), " was silent too long"),
                   {.reason = "SESSION_SILENT", .metadata = {{"host", HostName(host)}}});
}

absl::Status ConnectAgain(const std::string& host) {
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("another session of ", HostName(host), " came and went; connect again"),
                   {.reason = "SESSION_UNCLEAR", .metadata = {{"host", HostName(host)}}});
}

absl::Status Stopping() {
  return MakeError(absl::StatusCode::kUnavailable, "the control plane is ending; connect again",
                   {.reason = "SHUTTING_DOWN", .retry_delay = absl::Seconds(1)});
}

absl::Status EpochStale(int64_t ours, int64_t seen) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the agent has served a control plane of epoch ", seen,
                                "; this one has epoch ", ours, " and is not the one that leads"),
                   {.reason = "EPOCH_STALE",
                    .metadata = {{"epoch", absl::StrCat(ours)}, {"highest_epoch", absl::StrCat(seen)}}});
}

absl::Status KindUnknown(const std::string& host, absl::string_view kind) {
  return MakeError(
      absl::StatusCode::kUnimplemented,
      absl::StrCat("the agent of ", HostName(host), " does not know the task ", kind, "; update it"),
      {.reason = "UNIMPLEMENTED", .metadata = {{"task", std::string(kind)}}});
}

constexpr char kInventory[] = "inventory";

}  // namespace

Fleet::Fleet(engine::EventQueue& event_queue, keyring::KeyStore& keys, const Clock& clock,
             ToGrpcStatus to_status)
    : Fleet(event_queue, keys, clock, std::move(to_status), Pace()) {}

Fleet::Fleet(engine::EventQueue& event_queue, keyring::KeyStore& keys, const Clock& clock,
             ToGrpcStatus to_status, Pace pace)
    : event_queue_(event_queue),
      keys_(keys),
      clock_(clock),
      to_status_(std::move(to_status)),
      pace_(pace),
      exports_([this](const std::string& host, const v1::ConnectResponse& message) {
        if (const auto session = SessionOf(host)) session->Send(message);
      }),
      uploads_([this](const std::string& host, const v1::ConnectResponse& message) {
        if (const auto session = SessionOf(host)) session->Send(message);
      }) {}

Fleet::~Fleet() { Stop(); }

void Fleet::Start(int64_t epoch, const std::vector<std::string>& awaited) {
  {
    const MutexLock lock(mutex_);
    epoch_ = epoch;
    for (const std::string& host : awaited) members_[host] = {.last_heard = clock_.Now(), .awaited = true};
  }
  carrier_ = std::thread([this] { Carry(); });
}

void Fleet::FollowEpochs(int64_t highest) { follows_to_ = highest; }

void Fleet::AskUsage(absl::Duration interval, UsageListener listener) {
  usage_interval_ = interval;
  usage_listener_ = std::move(listener);
}

int64_t Fleet::epoch() const {
  const MutexLock lock(mutex_);
  return epoch_;
}

void Fleet::Stop() {
  std::vector<std::shared_ptr<Session>> open;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [session, since] : unnamed_) open.push_back(session);
    for (const auto& [host, member] : members_) {
      if (member.session) open.push_back(member.session);
      if (member.before) open.push_back(member.before);
    }
  }
  for (const auto& session : open) session->End(Stopping());
  {
    const MutexLock lock(work_mutex_);
    ending_ = true;
  }
  work_changed_.NotifyAll();
  if (carrier_.joinable()) carrier_.join();
}

Session* Fleet::Connect(const std::string& host, grpc::CallbackServerContext& call) {
  const std::shared_ptr<Session> session = Session::Start(host, *this, call, to_status_);
  const MutexLock lock(mutex_);
  unnamed_.emplace(session, clock_.Now());
  if (stopped_) session->End(Stopping());
  return session.get();
}

// --- From agents.

absl::Status Fleet::OnMessage(const std::shared_ptr<Session>& session, const v1::ConnectRequest& message) {
  if (message.has_hello()) return OnHello(session, message.hello());
  std::shared_ptr<Session> superseded;
  {
    const MutexLock lock(mutex_);
    Member* member = Current(session);
    if (member == nullptr) return IsBefore(session) ? absl::OkStatus() : HelloExpected();
    member->last_heard = clock_.Now();
    superseded = std::move(member->before);
  }
  if (superseded) superseded->End(Superseded(session->host()));
  switch (message.message_case()) {
    case v1::ConnectRequest::kHeartbeat: OnHeartbeat(session, message.heartbeat().report()); break;
    case v1::ConnectRequest::kProgress:
      event_queue_.Post(engine::TaskProgress{.host = session->host(),
                                             .fencing = ReadFencing(message.progress().fencing()),
                                             .message = message.progress().message()});
      break;
    case v1::ConnectRequest::kResult:
      if (!inventories_.OnResult(session->host(), message.result()))
        event_queue_.Post(ReadResult(session->host(), message.result()));
      break;
    case v1::ConnectRequest::kInventory: inventories_.OnPart(session->host(), message.inventory()); break;
    case v1::ConnectRequest::kUsage:
      if (usage_listener_) usage_listener_(session->host(), ReadUsage(message.usage()));
      break;
    case v1::ConnectRequest::kStatements:
      statements_.OnReport(session->host(), message.statements());
      break;
    case v1::ConnectRequest::kExportPart: exports_.OnPart(session->host(), message.export_part()); break;
    case v1::ConnectRequest::kUpload: uploads_.OnState(session->host(), message.upload()); break;
    case v1::ConnectRequest::kHello:
    case v1::ConnectRequest::MESSAGE_NOT_SET: break;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Fleet::EpochFor(const std::string& host, int64_t seen) {
  int64_t ours = 0;
  {
    const MutexLock lock(mutex_);
    if (seen <= follows_to_) epoch_ = std::max(epoch_, seen);
    ours = epoch_;
  }
  if (seen <= ours) return ours;
  log::Error("an agent has served a newer control plane",
             {{"host", host}, {"epoch", absl::StrCat(ours)}, {"highest_epoch", absl::StrCat(seen)}});
  return EpochStale(ours, seen);
}

absl::Status Fleet::OnHello(const std::shared_ptr<Session>& session, const v1::Hello& hello) {
  CROFT_ASSIGN_OR_RETURN(const int64_t epoch, EpochFor(session->host(), hello.highest_epoch()));
  v1::ConnectResponse welcome;
  welcome.mutable_welcome()->set_epoch(epoch);
  welcome.mutable_welcome()->mutable_heartbeat_interval()->set_seconds(
      absl::ToInt64Seconds(pace_.heartbeat));
  if (usage_interval_ > absl::ZeroDuration()) {
    welcome.mutable_welcome()->mutable_usage_interval()->set_seconds(absl::ToInt64Seconds(usage_interval_));
  }

  std::shared_ptr<Session> third;
  bool replaced = false;
  {
    const MutexLock lock(mutex_);
    if (stopped_) return Stopping();
    if (Current(session) != nullptr || IsBefore(session)) return HelloExpected();
    const absl::Time now = clock_.Now();
    domain::HostReport report = ReadReport(hello);
    CompareClocks(hello.report(), now, report);
    Member& member = members_[session->host()];
    third = std::move(member.before);
    unnamed_.erase(session);
    member = {.session = session,
              .before = std::move(member.session),
              .last_heard = now,
              .knows_statements = hello.knows_statements(),
              .knows_exports = hello.knows_exports(),
              .told = std::move(report),
              .told_time = now};
    replaced = member.before != nullptr;
    session->Send(welcome);
    event_queue_.Post(engine::HostSeen{.host = session->host(), .report = member.told});
  }
  if (third) third->End(ConnectAgain(session->host()));
  if (replaced) FailQuestions(session->host());
  log::Info(
      "an agent is connected",
      {{"host", session->host()}, {"version", hello.agent_version()}, {"instance", hello.instance_id()}});
  return absl::OkStatus();
}

void Fleet::OnHeartbeat(const std::shared_ptr<Session>& session, const v1::HostReport& report) {
  const MutexLock lock(mutex_);
  Member* member = Current(session);
  if (member == nullptr) return;
  domain::HostReport now = ReadReport(report, member->told);
  CompareClocks(report, clock_.Now(), now);
  if (!SaysSomethingNew(member->told, now) && clock_.Now() - member->told_time < pace_.retell) return;
  member->told = now;
  member->told_time = clock_.Now();
  event_queue_.Post(engine::HostReported{.host = session->host(), .report = now});
}

void Fleet::OnEnded(const std::shared_ptr<Session>& session) {
  {
    const MutexLock lock(mutex_);
    unnamed_.erase(session);
    if (IsBefore(session)) members_[session->host()].before.reset();
    Member* member = Current(session);
    if (member == nullptr) return;
    member->session.reset();
    if (!stopped_) {
      if (const auto before = std::move(member->before)) before->End(ConnectAgain(session->host()));
      event_queue_.Post(engine::HostLost{.host = session->host(), .last_heard = clock_.Now()});
      log::Info("an agent is gone", {{"host", session->host()}});
    }
  }
  FailQuestions(session->host());
}

Fleet::Member* Fleet::Current(const std::shared_ptr<Session>& session) {
  const auto found = members_.find(session->host());
  return found != members_.end() && found->second.session == session ? &found->second : nullptr;
}

bool Fleet::IsBefore(const std::shared_ptr<Session>& session) const {
  const auto found = members_.find(session->host());
  return found != members_.end() && found->second.before == session;
}

std::shared_ptr<Session> Fleet::SessionOf(const std::string& host) const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(host);
  return found == members_.end() ? nullptr : found->second.session;
}

std::optional<absl::Time> Fleet::LastHeard(const std::string& host) const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(host);
  if (found == members_.end() || found->second.awaited) return std::nullopt;
  return found->second.last_heard;
}

bool Fleet::Knows(const std::string& host, absl::string_view kind) const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(host);
  if (found == members_.end()) return false;
  const auto& kinds = found->second.told.task_kinds;
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool Fleet::Says(const std::string& host, bool Member::*knows) const {
  const MutexLock lock(mutex_);
  const auto found = members_.find(host);
  return found != members_.end() && found->second.*knows;
}

void Fleet::FailQuestions(const std::string& host) {
  inventories_.Fail(host, domain::HostUnreachable(host));
  statements_.Fail(host, domain::HostUnreachable(host));
  exports_.Fail(host, domain::HostUnreachable(host));
  uploads_.Fail(host, domain::HostUnreachable(host));
}

// --- To agents.

void Fleet::Send(const engine::SendTask& task) {
  Post([this, task] { Deliver(task); });
}

void Fleet::Cancel(const engine::CancelTask& cancel) {
  Post([this, cancel] {
    v1::ConnectResponse message;
    WriteFencing(cancel.fencing, *message.mutable_cancel()->mutable_fencing());
    if (const auto session = SessionOf(cancel.host)) session->Send(message);
  });
}

void Fleet::Acknowledge(const engine::AcknowledgeTask& acknowledge) {
  Post([this, acknowledge] {
    v1::ConnectResponse message;
    WriteFencing(acknowledge.fencing, *message.mutable_recorded()->mutable_fencing());
    if (const auto session = SessionOf(acknowledge.host)) session->Send(message);
  });
}

// Here and now: a host that is joined anew may be back with another session before the carrier gets to it.
void Fleet::End(const engine::EndSession& end) {
  std::vector<std::shared_ptr<Session>> open;
  {
    const MutexLock lock(mutex_);
    const auto found = members_.find(end.host);
    if (found == members_.end()) return;
    open = {found->second.session, std::move(found->second.before)};
  }
  for (const auto& session : open) {
    if (!session) continue;
    session->End(MakeError(absl::StatusCode::kUnauthenticated, end.reason,
                           {.reason = "IDENTITY_REVOKED", .metadata = {{"host", HostName(end.host)}}}));
  }
}

void Fleet::Deliver(const engine::SendTask& task) {
  const auto session = SessionOf(task.host);
  if (!session) return;
  const absl::string_view kind = domain::NameOf(domain::KindOf(task.step.task));
  if (!Knows(task.host, kind)) return Refuse(task, KindUnknown(task.host, kind));
  absl::StatusOr<v1::Task> written = WriteTask(task, keys_, clock_.Now());
  if (!written.ok()) return Refuse(task, written.status());
  v1::ConnectResponse message;
  *message.mutable_task() = *std::move(written);
  session->Send(message);
}

void Fleet::Refuse(const engine::SendTask& task, const absl::Status& why) {
  log::Error("a task cannot be sent",
             {{"host", task.host},
              {"operation", task.fencing.operation},
              {"task", std::string(domain::NameOf(domain::KindOf(task.step.task)))},
              {"error", std::string(why.message())}});
  event_queue_.Post(engine::TaskReport{
      .host = task.host,
      .fencing = task.fencing,
      .outcome =
          engine::TaskError{.reason = DetailsOf(why).reason, .message = std::string(why.message())}});
}

// What is begun here and not sent is failed by whatever ended the session, or right away.
void Fleet::AskInventory(const std::string& host, const InventoryAsk& ask, InventoryCallback told) {
  const std::string name = inventories_.Begin(host, ask.on_stored, std::move(told));
  const auto session = SessionOf(host);
  if (!session) return inventories_.Fail(host, domain::HostUnreachable(host));
  if (!Knows(host, kInventory)) return inventories_.Fail(host, KindUnknown(host, kInventory));
  v1::ConnectResponse message;
  WriteFencing({.epoch = epoch(), .operation = name}, *message.mutable_task()->mutable_fencing());
  if (ask.deadline != absl::InfiniteFuture()) {
    message.mutable_task()->mutable_deadline()->set_seconds(absl::ToUnixSeconds(ask.deadline));
  }
  v1::InventoryWork& work = *message.mutable_task()->mutable_inventory();
  work.mutable_stores()->Assign(ask.stores.begin(), ask.stores.end());
  work.set_manifests(ask.manifests);
  session->Send(message);
}

void Fleet::AskStatements(const std::string& host, const std::string& database, int32_t limit,
                          StatementsCallback told) {
  const int64_t id = statements_.Begin(host, clock_.Now(), std::move(told));
  if (id == 0) return;
  const auto session = SessionOf(host);
  if (!session) return statements_.Fail(host, domain::HostUnreachable(host));
  if (!Says(host, &Member::knows_statements))
    return statements_.Fail(host, KindUnknown(host, "statements"));
  v1::ConnectResponse message;
  v1::StatementsQuery& query = *message.mutable_statements();
  query.set_id(id);
  query.set_database(database);
  query.set_limit(limit);
  session->Send(message);
}

// As with statements, what is begun and not sent is failed: by whatever ended the session, or right away.
std::unique_ptr<ExportStream> Fleet::Export(const std::string& host, const v1::BackupSource& source,
                                            std::function<void()> wake) {
  if (!SessionOf(host)) return FailedExport(domain::HostUnreachable(host));
  if (!Says(host, &Member::knows_exports)) return FailedExport(KindUnknown(host, "export"));
  std::unique_ptr<ExportStream> stream = exports_.Begin(host, source, std::move(wake));
  if (!SessionOf(host)) exports_.Fail(host, domain::HostUnreachable(host));
  return stream;
}

absl::StatusOr<std::unique_ptr<UploadStream>> Fleet::Upload(const std::string& host,
                                                            const v1::UploadBegin& begin) {
  if (!SessionOf(host)) return domain::HostUnreachable(host);
  if (!Knows(host, "upload")) return KindUnknown(host, "upload");
  std::unique_ptr<UploadStream> stream = uploads_.Begin(host, begin);
  if (!SessionOf(host)) uploads_.Fail(host, domain::HostUnreachable(host));
  return stream;
}

void Fleet::Post(std::function<void()> work) {
  {
    const MutexLock lock(work_mutex_);
    if (ending_) return;
    work_.push_back(std::move(work));
  }
  work_changed_.NotifyOne();
}

void Fleet::Carry() {
  absl::Time next_look = clock_.Now() + kLook;
  for (;;) {
    std::deque<std::function<void()>> work;
    {
      const MutexLock lock(work_mutex_);
      if (work_.empty() && !ending_) work_changed_.WaitFor(work_mutex_, kLook);
      if (ending_) return;
      work.swap(work_);
    }
    for (const auto& one : work) one();
    if (clock_.Now() < next_look) continue;
    next_look = clock_.Now() + kLook;
    EndSilent();
    statements_.Expire(clock_.Now());
  }
}

void Fleet::EndSilent() {
  std::vector<std::shared_ptr<Session>> silent;
  {
    const MutexLock lock(mutex_);
    for (auto& [host, member] : members_) {
      if (!member.session && !member.awaited) continue;
      if (clock_.Now() - member.last_heard < pace_.silence) continue;
      if (member.session) silent.push_back(std::move(member.session));
      member.session.reset();
      member.awaited = false;
      if (const auto before = std::move(member.before)) before->End(ConnectAgain(host));
      event_queue_.Post(engine::HostLost{.host = host, .last_heard = member.last_heard});
      log::Warning("a host is away", {{"host", host}});
    }
    for (const auto& [session, since] : unnamed_) {
      if (clock_.Now() - since >= pace_.silence) silent.push_back(session);
    }
  }
  for (const auto& session : silent) {
    session->End(Silent(session->host()));
    FailQuestions(session->host());
  }
}

}  // namespace croft::fleet
