// Runs one server stream.

#include "controlplane/server/stream_call.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include <absl/time/clock.h>
#include <grpcpp/alarm.h>

#include "common/errors.h"
#include "common/sync.h"

namespace croft::server {
namespace {

using Bytes = grpc::ByteBuffer;
using handlers::EndOfStream;
using handlers::Feed;
using handlers::Method;
using handlers::Pulled;
using handlers::RequestContext;

// How long a write under way may hold back the end of its stream.
constexpr absl::Duration kTimeout = absl::Milliseconds(500);

absl::Status TooManyStreams() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "this identity holds as many streams open as it may; end some first",
                   {.reason = "TOO_MANY_STREAMS", .retry_delay = absl::Seconds(5)});
}

class StreamCall final : public handlers::BidiReactor,
                         public Endable,
                         public AwaitsRequest,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  StreamCall(const AdapterParts& parts, const Method& method, metrics::CallCounts::Method& counts,
             grpc::CallbackServerContext& call)
      : parts_(parts), method_(method), counts_(counts), call_(call) {}

  void Begin() {
    self_ = shared_from_this();
    counts_.StreamOpened();
    auto context = Identify(parts_.gate, *method_.descriptor, call_, credentials_);
    if (!context.ok()) return End(context.status());
    context_ = *std::move(context);
    context_.cancellation = cancellation_;
    awaited_ = parts_.awaited.Add(self_);
    StartRead(&incoming_);
  }

  // A request that never came is an empty buffer, which is no message.
  void OnReadDone(bool) override {
    if (!parts_.awaited.Arrived(awaited_)) return;
    auto request = Admit(parts_.gate, method_, incoming_, context_);
    if (!request.ok()) return End(request.status());
    request_ = *std::move(request);
    incoming_.Clear();
    switch (parts_.streams.Add(self_, context_.principal.name, parts_.gate.MostStreams(context_))) {
      case OpenStreams::Added::kYes: break;
      case OpenStreams::Added::kTooMany: return End(Overloaded());
      case OpenStreams::Added::kTooManyOfOwner: return End(TooManyStreams());
    }
    AwaitExpiry();
    if (!parts_.pool.Submit([self = self_] { self->Open(); })) return End(Overloaded());
    // What was revoked before the stream could be found is seen here.
    if (context_.principal.kind == access::PrincipalKind::kUser) JudgeAgain();
  }

  void JudgeAgain() override {
    parts_.pool.SubmitAlways([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      const absl::Status still =
          self->parts_.gate.PermitStill(self->credentials_, *self->request_, self->context_);
      if (!still.ok()) self->End(still);
    });
  }

  void End(const absl::Status& status) override {
    const MutexLock lock(mutex_);
    EndLocked(status);
  }

  void GiveUp(const absl::Status& status) override { End(status); }

  void OnWriteDone(bool ok) override {
    const MutexLock lock(mutex_);
    writing_ = false;
    if (ended_) return;
    if (!ok) return EndLocked(absl::CancelledError("the client has gone"));
    if (more_ || woken_) Schedule();
  }

  void OnCancel() override {
    End(absl::CancelledError("the client has gone"));
    cancellation_->Cancel();
  }

  void OnDone() override {
    {
      const MutexLock lock(mutex_);
      done_ = true;
    }
    timeout_.Cancel();
    expiry_.Cancel();
    parts_.streams.Remove(this);
    cancellation_->Cancel();
    self_.reset();
  }

 private:
  void Open() {
    const auto wake = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Wake();
    };
    auto feed = std::get<handlers::ServerStreamMethod>(method_.how).open(context_, *request_, wake);
    if (!feed.ok()) return End(feed.status());
    const MutexLock lock(mutex_);
    feed_ = *std::move(feed);
    if (!ended_) Schedule();
  }

  void Wake() {
    const MutexLock lock(mutex_);
    woken_ = true;
    if (!ended_ && feed_ && !pulling_ && !writing_) Schedule();
  }

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    pulling_ = true;
    woken_ = false;
    parts_.pool.SubmitAlways([self = shared_from_this()] { self->Pull(); });
  }

  // Never two at a time: `pulling_` is set from Schedule to the end of this.
  void Pull() {
    Pulled<Bytes> pulled = feed_->Next();
    const bool more = feed_->MayHaveMore();
    const MutexLock lock(mutex_);
    pulling_ = false;
    if (ended_) return;
    if (auto* bytes = std::get_if<Bytes>(&pulled)) {
      buffer_ = std::move(*bytes);
      writing_ = true;
      more_ = more;
      StartWrite(&buffer_);
    } else if (auto* end = std::get_if<EndOfStream>(&pulled)) {
      EndLocked(end->status);
    } else if (woken_) {
      Schedule();
    }
  }

  // Finish waits behind a write under way, and that one may wait for ever on a client that does not read. Cutting
  // it off at once would keep from the client why it ended.
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_) return;
    ended_ = true;
    counts_.StreamEnded(status.code());
    Finish(Conclude(status, *method_.descriptor, context_));
    if (!writing_) return;
    timeout_.Set(absl::ToChronoTime(absl::Now() + kTimeout), [weak = weak_from_this()](bool expired) {
      const auto self = weak.lock();
      if (expired && self) self->CutOff();
    });
  }

  void AwaitExpiry() {
    const absl::Time end = context_.principal.expire_time;
    if (end == absl::InfiniteFuture()) return;
    expiry_.Set(absl::ToChronoTime(end + absl::Milliseconds(1)), [weak = weak_from_this()](bool expired) {
      const auto self = weak.lock();
      if (expired && self) self->JudgeAgain();
    });
  }

  void CutOff() {
    const MutexLock lock(mutex_);
    if (!done_) call_.TryCancel();
  }

  AdapterParts parts_;
  const Method& method_;
  metrics::CallCounts::Method& counts_;
  grpc::CallbackServerContext& call_;
  const std::shared_ptr<handlers::Cancellation> cancellation_ = std::make_shared<handlers::Cancellation>();
  access::CallCredentials credentials_;
  RequestContext context_;
  Bytes incoming_;
  uint64_t awaited_ = 0;
  std::unique_ptr<google::protobuf::Message> request_;
  std::unique_ptr<Feed<Bytes>> feed_;  // set once, under the lock, before the first Schedule
  Bytes buffer_;                       // what is being written
  std::shared_ptr<StreamCall> self_;
  grpc::Alarm timeout_;
  grpc::Alarm expiry_;

  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool pulling_ ABSL_GUARDED_BY(mutex_) = false;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool more_ ABSL_GUARDED_BY(mutex_) = false;  // behind what is being written
};

}  // namespace

handlers::BidiReactor* StartStreamCall(const AdapterParts& parts, const Method& method,
                                       metrics::CallCounts::Method& counts,
                                       grpc::CallbackServerContext& call) {
  const auto made = std::make_shared<StreamCall>(parts, method, counts, call);
  made->Begin();
  return made.get();
}

}  // namespace croft::server
