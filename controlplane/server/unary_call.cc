// Runs one unary call.

#include "controlplane/server/unary_call.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/log.h"
#include "common/work_scope.h"

namespace croft::server {
namespace {

using Bytes = grpc::ByteBuffer;
using handlers::Method;
using handlers::RequestContext;
using handlers::Runs;
using handlers::UnaryMethod;

// A call that took no longer is judged by what was true when it came.
constexpr absl::Duration kSoon = absl::Seconds(1);
// W3C's has 55 bytes; later versions of it may have more.
constexpr size_t kMostTraceparent = 256;

// Empty where the caller gave none, or one that is not of W3C's form.
std::string TraceparentOf(const grpc::CallbackServerContext& call) {
  const auto found = call.client_metadata().find("traceparent");
  if (found == call.client_metadata().end() || found->second.size() > kMostTraceparent) return "";
  std::string text(found->second.data(), found->second.size());
  return TraceIdOf(text).empty() ? "" : text;
}

// It holds itself until gRPC is done with it; the handler's `respond` holds it too.
class UnaryCall final : public grpc::ServerReadReactor<Bytes>,
                        public AwaitsRequest,
                        public std::enable_shared_from_this<UnaryCall> {
 public:
  UnaryCall(const AdapterParts& parts, const Method& method, metrics::CallCounts::Method& counts,
            Bytes& response)
      : parts_(parts),
        method_(method),
        counts_(counts),
        how_(std::get<UnaryMethod>(method.how)),
        response_(response) {}

  void Begin(const grpc::CallbackServerContext& call) {
    self_ = shared_from_this();
    std::string traceparent = TraceparentOf(call);
    trace_id_ = TraceIdOf(traceparent);
    auto context = Identify(parts_.gate, *method_.descriptor, call, credentials_);
    if (!context.ok()) return Respond(context.status());
    context_ = *std::move(context);
    context_.caller.traceparent = std::move(traceparent);
    context_.cancellation = cancellation_;
    awaited_ = parts_.awaited.Add(self_);
    StartRead(&bytes_);
  }

  // A request that never came is an empty buffer, which is no message.
  void OnReadDone(bool) override {
    if (!parts_.awaited.Arrived(awaited_)) return;
    auto request = Admit(parts_.gate, method_, bytes_, context_);
    if (!request.ok()) return Respond(request.status());
    request_ = *std::move(request);
    bytes_.Clear();
    // A call that was begun before its caller lost a right is not kept open to use it afterwards.
    if (const absl::Status still = PermitStill(); !still.ok()) return Respond(still);
    if (how_.runs == Runs::kInline) return Handle();
    if (!parts_.pool.Submit([self = self_] { self->Handle(); })) Respond(Overloaded());
  }

  void GiveUp(const absl::Status& status) override { Respond(status); }
  void OnCancel() override { cancellation_->Cancel(); }
  void OnDone() override {
    // Lets go of what the handler left to be called, which holds this call as a rule.
    cancellation_->Cancel();
    self_.reset();
  }

 private:
  void Handle() {
    const WorkScope scope({.request_id = context_.caller.request_id, .trace_id = trace_id_});
    if (cancellation_->cancelled() || context_.deadline < absl::Now()) {
      return Respond(MakeError(absl::StatusCode::kDeadlineExceeded, "nobody waited for the answer any more",
                               {.reason = "DEADLINE_EXCEEDED"}));
    }
    how_.handle(context_, *request_,
                [self = self_](absl::StatusOr<Bytes> response) { self->Answer(std::move(response)); });
  }

  // Who waited long may have lost the right to know meanwhile.
  void Answer(absl::StatusOr<Bytes> response) {
    if (!responded_ && response.ok()) {
      if (absl::Status still = PermitStill(); !still.ok()) response = std::move(still);
      // Answers from memory show nothing that listeners do not know yet.
      if (how_.runs != Runs::kInline && parts_.commits != nullptr) parts_.commits->Await();
    }
    Respond(std::move(response));
  }

  absl::Status PermitStill() const {
    if (absl::Now() - begun_ <= kSoon) return absl::OkStatus();
    return parts_.gate.PermitStill(credentials_, *request_, context_);
  }

  void Respond(absl::StatusOr<Bytes> response) {
    if (responded_.exchange(true)) return;
    const absl::Duration took = absl::Now() - begun_;
    counts_.Ended(response.status().code(), took);
    if (response.ok()) response_ = *std::move(response);
    const WorkScope scope({.request_id = context_.caller.request_id, .trace_id = trace_id_});
    if (log::Writes(log::Level::kDebug)) {
      log::Debug("call ended", {{"method", std::string(method_.descriptor->full_name())},
                                {"caller", context_.caller.name},
                                {"code", absl::StatusCodeToString(response.status().code())},
                                {"took", absl::FormatDuration(took)}});
    }
    Finish(Conclude(response.status(), *method_.descriptor, context_));
  }

  const AdapterParts& parts_;
  const Method& method_;
  metrics::CallCounts::Method& counts_;
  const UnaryMethod& how_;
  Bytes& response_;
  const absl::Time begun_ = absl::Now();
  const std::shared_ptr<handlers::Cancellation> cancellation_ = std::make_shared<handlers::Cancellation>();
  access::CallCredentials credentials_;
  RequestContext context_;
  std::string trace_id_;
  Bytes bytes_;
  uint64_t awaited_ = 0;
  std::unique_ptr<google::protobuf::Message> request_;
  std::atomic<bool> responded_ = false;
  std::shared_ptr<UnaryCall> self_;
};

}  // namespace

grpc::ServerReadReactor<Bytes>* StartUnaryCall(const AdapterParts& parts, const Method& method,
                                               metrics::CallCounts::Method& counts,
                                               grpc::CallbackServerContext& call, Bytes& response) {
  const auto made = std::make_shared<UnaryCall>(parts, method, counts, response);
  made->Begin(call);
  return made.get();
}

}  // namespace croft::server
