// One agent's stream on the control plane's side.

#include "controlplane/fleet/session.h"

#include <cstddef>
#include <utility>

#include <absl/time/clock.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "common/errors.h"

namespace croft::fleet {
namespace {

// More than an agent is ever sent at once: 500 tenants with an operation each, and again.
constexpr size_t kLongestQueue = 4096;

// How long a write under way may hold back the end of its stream.
constexpr absl::Duration kTimeout = absl::Milliseconds(500);

grpc::ByteBuffer Bytes(const v1::ConnectResponse& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  (void)grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &bytes, &own);
  return bytes;
}

}  // namespace

std::shared_ptr<Session> Session::Start(std::string host, SessionListener& listener,
                                        grpc::CallbackServerContext& call, ToGrpcStatus to_status) {
  std::shared_ptr<Session> session(new Session(std::move(host), listener, call, std::move(to_status)));
  session->self_ = session;
  session->StartRead(&session->incoming_);
  return session;
}

Session::Session(std::string host, SessionListener& listener, grpc::CallbackServerContext& call,
                 ToGrpcStatus to_status)
    : host_(std::move(host)), listener_(listener), call_(call), to_status_(std::move(to_status)) {}

void Session::Send(const v1::ConnectResponse& message) {
  const MutexLock lock(mutex_);
  if (ended_) return;
  if (outgoing_.size() >= kLongestQueue) {
    return EndLocked(MakeError(absl::StatusCode::kResourceExhausted,
                               "the agent does not take what it is sent; connect again",
                               {.reason = "SESSION_STUCK", .retry_delay = absl::Seconds(1)}));
  }
  outgoing_.push_back(Bytes(message));
  if (writing_) return;
  writing_ = true;
  StartWrite(&outgoing_.front());
}

void Session::End(const absl::Status& status) {
  const MutexLock lock(mutex_);
  EndLocked(status);
}

void Session::OnReadDone(bool ok) {
  // The agent has nothing more to say, or its connection broke.
  if (!ok) return End(absl::OkStatus());
  if (const absl::Status status = Read(); !status.ok()) return End(status);
  const MutexLock lock(mutex_);
  if (!ended_) StartRead(&incoming_);
}

void Session::OnWriteDone(bool ok) {
  const MutexLock lock(mutex_);
  writing_ = false;
  if (ended_) return;
  if (!ok) return EndLocked(absl::CancelledError("the agent has gone"));
  outgoing_.pop_front();
  if (outgoing_.empty()) return;
  writing_ = true;
  StartWrite(&outgoing_.front());
}

void Session::OnCancel() { End(absl::CancelledError("the agent has gone")); }

void Session::OnDone() {
  {
    const MutexLock lock(mutex_);
    done_ = true;
  }
  timeout_.Cancel();
  listener_.OnEnded(self_);
  self_.reset();
}

absl::Status Session::Read() {
  v1::ConnectRequest message;
  if (!grpc::SerializationTraits<google::protobuf::Message>::Deserialize(&incoming_, &message).ok()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "the message is not a croft.v1.ConnectRequest",
                     {.reason = "MALFORMED_REQUEST"});
  }
  return listener_.OnMessage(self_, message);
}

// Finish waits behind a write under way, and that one may wait for ever on an agent that is gone. Cutting it off
// at once would keep from the agent why it ended.
void Session::EndLocked(const absl::Status& status) {
  if (ended_) return;
  ended_ = true;
  Finish(to_status_(status));
  if (!writing_) return;
  timeout_.Set(absl::ToChronoTime(absl::Now() + kTimeout), [weak = weak_from_this()](bool expired) {
    const auto self = weak.lock();
    if (expired && self) self->CutOff();
  });
}

void Session::CutOff() {
  const MutexLock lock(mutex_);
  if (!done_) call_.TryCancel();
}

}  // namespace croft::fleet
