// Keeps the stream to the control plane open: greets, sends, receives, connects again.

#include "agent/session/session.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/session/channel.h"
#include "agent/session/join.h"
#include "agent/session/wire.h"
#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/names.h"

namespace croft::agent {
namespace {

// Results are few; only progress and usage could pile up behind a slow stream. Dropped usage is told again within the
// hour.
constexpr size_t kMaxOutbox = 1000;
// Parts of inventories are large.
constexpr size_t kMaxParts = 8;
constexpr absl::Duration kShortestHeartbeat = absl::Milliseconds(50);
constexpr absl::Duration kShortestRenewalDelay = absl::Minutes(1);

bool IsSuperseded(const absl::Status& status) {
  return absl::IsAborted(status) && DetailsOf(status).reason == "SESSION_SUPERSEDED";
}

// Between half of `delay` and all of it.
absl::Duration WithJitter(absl::Duration delay, Random& random) {
  const std::string bytes = random.Bytes(1);
  return delay / 2 + delay / 2 * (static_cast<uint8_t>(bytes[0]) / 255.0);
}

}  // namespace

Session::Session(const IdentityFiles& files, Identity identity, Journal& journal, const Clock& clock,
                 Random& random, Sources sources, SessionOptions options)
    : files_(files),
      journal_(journal),
      clock_(clock),
      random_(random),
      sources_(std::move(sources)),
      options_(std::move(options)),
      instance_id_(UidFrom(random.Bytes(16))),
      identity_(std::move(identity)),
      renewal_time_(RenewalTime(identity_.certificate_chain).value_or(absl::InfiniteFuture())) {}

absl::Status Session::Run(Dispatcher& dispatcher) {
  absl::Duration delay = options_.first_delay;
  for (size_t attempt = 0;; ++attempt) {
    const auto& servers = options_.servers.empty() ? identity_.servers : options_.servers;
    if (servers.empty())
      return absl::InvalidArgumentError("no address of a control plane is known; use --server");
    const std::string& address = servers[attempt % servers.size()];
    RenewIfDue(address);
    const End end = RunConnection(address, dispatcher);
    if (IsSuperseded(end.status)) {
      return MakeError(absl::StatusCode::kAborted,
                       absl::StrCat("another agent has connected as ", HostName(identity_.host),
                                    "; this one ends, so that the host has one agent alone"),
                       {.reason = "SESSION_SUPERSEDED"});
    }
    if (end.welcomed) delay = options_.first_delay;
    if (RenewalIsDue()) continue;
    if (!Pause(WithJitter(delay, random_))) return absl::OkStatus();
    log::Warning("no stream to the control plane, connecting again",
                 {{"address", address}, {"error", std::string(end.status.message())}});
    delay = std::min(delay * 2, options_.last_delay);
  }
}

Session::End Session::RunConnection(const std::string& address, Dispatcher& dispatcher) {
  const auto stub = v1::AgentService::NewStub(NewChannel(address, identity_));
  grpc::ClientContext context;
  {
    MutexLock lock(mutex_);
    if (stopping_) return {absl::CancelledError("stopped")};
    context_ = &context;
  }
  const std::unique_ptr<Stream> stream = stub->Connect(&context);
  End end;
  end.status = Greet(*stream, dispatcher);
  end.welcomed = end.status.ok();
  if (end.welcomed) {
    log::Info("connected to the control plane", {{"address", address}, {"host", HostName(identity_.host)}});
    std::thread writer([this, &stream, &context] { WriteAll(*stream, context); });
    v1::ConnectResponse message;
    while (stream->Read(&message)) Handle(message, dispatcher);
    CloseOutbox();
    writer.join();
    sources_.disconnected();
  } else if (!absl::IsUnavailable(end.status)) {
    // Where it was the control plane that left, cancelling would hide why.
    context.TryCancel();
  }
  const absl::Status finished = StatusFromGrpc(stream->Finish());
  {
    MutexLock lock(mutex_);
    context_ = nullptr;
  }
  // Our own reason to leave says more than the cancellation that it led to.
  if (end.status.ok() || absl::IsUnavailable(end.status)) end.status = finished;
  return end;
}

absl::Status Session::Greet(Stream& stream, Dispatcher& dispatcher) {
  const absl::Status lost = absl::UnavailableError("the stream ended before it began");
  v1::ConnectResponse message;
  if (!stream.Write(Hello()) || !stream.Read(&message)) return lost;
  if (!message.has_welcome())
    return absl::FailedPreconditionError("the control plane did not begin with Welcome");
  if (const absl::Status epoch = journal_.RaiseEpoch(message.welcome().epoch()); !epoch.ok()) {
    log::Error("this control plane is not obeyed", {{"error", std::string(epoch.message())}});
    return epoch;
  }
  CROFT_ASSIGN_OR_RETURN(const std::vector<v1::ConnectRequest> unreported, dispatcher.Unreported());
  const v1::Welcome& welcome = message.welcome();
  {
    MutexLock lock(mutex_);
    if (welcome.has_heartbeat_interval()) {
      const auto& interval = welcome.heartbeat_interval();
      heartbeat_interval_ = std::max(
          kShortestHeartbeat, absl::Seconds(interval.seconds()) + absl::Nanoseconds(interval.nanos()));
    }
    next_heartbeat_ = clock_.Now() + heartbeat_interval_;
    outbox_.assign(unreported.begin(), unreported.end());
    open_ = true;
  }
  sources_.welcomed(welcome);
  return absl::OkStatus();
}

void Session::Handle(const v1::ConnectResponse& message, Dispatcher& dispatcher) {
  switch (message.message_case()) {
    case v1::ConnectResponse::kTask: {
      absl::StatusOr<Task> task = TaskFromProto(message.task());
      if (task.ok()) {
        dispatcher.Submit(*std::move(task));
      } else {
        dispatcher.Refuse(FencingFromProto(message.task().fencing()), task.status());
      }
      return;
    }
    case v1::ConnectResponse::kCancel:
      dispatcher.Cancel(FencingFromProto(message.cancel().fencing()));
      return;
    case v1::ConnectResponse::kRecorded:
      dispatcher.Settle(FencingFromProto(message.recorded().fencing()));
      return;
    case v1::ConnectResponse::kStatements: sources_.asked_statements(message.statements()); return;
    case v1::ConnectResponse::kExportQuery: sources_.asked_export(message.export_query()); return;
    case v1::ConnectResponse::kExportControl: sources_.export_control(message.export_control()); return;
    case v1::ConnectResponse::kUpload: sources_.upload(message.upload()); return;
    case v1::ConnectResponse::kWelcome: return;
    // A newer control plane's.
    case v1::ConnectResponse::MESSAGE_NOT_SET: return;
  }
}

void Session::WriteAll(Stream& stream, grpc::ClientContext& context) {
  while (std::optional<v1::ConnectRequest> message = NextMessage()) {
    // The reader sees the end too. Cancelling now would hide why the control plane ended the stream.
    if (!stream.Write(*message)) return;
  }
  // Wakes the reader where it was this side that had enough: to stop, or to connect with a new certificate.
  MutexLock lock(mutex_);
  if (open_) context.TryCancel();
}

std::optional<v1::ConnectRequest> Session::NextMessage() {
  MutexLock lock(mutex_);
  for (;;) {
    const absl::Time now = clock_.Now();
    if (!open_ || stopping_ || now >= renewal_time_) return std::nullopt;
    if (!outbox_.empty()) {
      v1::ConnectRequest message = std::move(outbox_.front());
      outbox_.pop_front();
      wake_.NotifyAll();
      return message;
    }
    if (now >= next_heartbeat_) {
      next_heartbeat_ = now + heartbeat_interval_;
      return Heartbeat();
    }
    wake_.WaitFor(mutex_, std::min(next_heartbeat_, renewal_time_) - now + absl::Milliseconds(1));
  }
}

void Session::Send(v1::ConnectRequest message) {
  MutexLock lock(mutex_);
  const bool may_be_lost = message.has_progress() || message.has_usage() || message.has_statements();
  if (!open_ || (may_be_lost && outbox_.size() >= kMaxOutbox)) return;
  outbox_.push_back(std::move(message));
  wake_.NotifyAll();
}

void Session::SendPart(v1::ConnectRequest message) {
  MutexLock lock(mutex_);
  while (open_ && !stopping_ && outbox_.size() >= kMaxParts) wake_.Wait(mutex_);
  if (!open_) return;
  outbox_.push_back(std::move(message));
  wake_.NotifyAll();
}

bool Session::connected() const {
  MutexLock lock(mutex_);
  return open_;
}

void Session::BeatNow() {
  MutexLock lock(mutex_);
  next_heartbeat_ = absl::InfinitePast();
  wake_.NotifyAll();
}

void Session::CloseOutbox() {
  MutexLock lock(mutex_);
  open_ = false;
  outbox_.clear();
  wake_.NotifyAll();
}

void Session::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  if (context_ != nullptr) context_->TryCancel();
  wake_.NotifyAll();
}

bool Session::Pause(absl::Duration delay) {
  const absl::Time until = clock_.Now() + delay;
  MutexLock lock(mutex_);
  while (!stopping_ && clock_.Now() < until)
    wake_.WaitFor(mutex_, until - clock_.Now() + absl::Milliseconds(1));
  return !stopping_;
}

v1::ConnectRequest Session::Hello() const {
  v1::ConnectRequest message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_version(options_.agent_version);
  hello.set_instance_id(instance_id_);
  for (const std::string& kind : TaskKindNames()) hello.add_task_kinds(kind);
  hello.add_task_kinds("upload");  // no task, but what a host must know for an import to go there
  *hello.mutable_report() = sources_.report();
  hello.set_highest_epoch(journal_.HighestEpoch());
  hello.set_knows_statements(true);
  hello.set_knows_exports(true);
  return message;
}

v1::ConnectRequest Session::Heartbeat() const {
  v1::ConnectRequest message;
  *message.mutable_heartbeat()->mutable_report() = sources_.report();
  return message;
}

bool Session::RenewalIsDue() const {
  MutexLock lock(mutex_);
  return clock_.Now() >= renewal_time_;
}

void Session::RenewIfDue(const std::string& address) {
  if (!RenewalIsDue()) return;
  absl::Status status = Renew(files_, identity_, address);
  if (status.ok()) {
    const absl::StatusOr<std::optional<Identity>> renewed = files_.Load();
    status = renewed.status();
    if (renewed.ok() && *renewed) identity_ = **renewed;
  }
  const auto facts = crypto::ReadCertificate(identity_.certificate_chain);
  const absl::Time end_of_life = facts.ok() ? facts->not_after : clock_.Now();
  if (status.ok()) {
    log::Info("certificate renewed", {{"valid_until", absl::FormatTime(end_of_life, absl::UTCTimeZone())}});
    sources_.renewed();
    MutexLock lock(mutex_);
    renewal_time_ = RenewalTime(identity_.certificate_chain).value_or(absl::InfiniteFuture());
    return;
  }
  log::Warning("the certificate could not be renewed, trying again later",
               {{"valid_until", absl::FormatTime(end_of_life, absl::UTCTimeZone())},
                {"error", std::string(status.message())}});
  MutexLock lock(mutex_);
  renewal_time_ = clock_.Now() + std::max(kShortestRenewalDelay, (end_of_life - clock_.Now()) / 12);
}

}  // namespace croft::agent
