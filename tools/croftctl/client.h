#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "tools/croftctl/interrupts.h"
#include "tools/croftctl/rpc_status.h"
#include "tools/croftctl/settings.h"
#include "tools/croftctl/terminal.h"

// Calls the control plane.
namespace croft::ctl {

// Contents of the files that a Connection names.
struct Identity {
  std::string ca;
  std::string cert;
  std::string key;
  std::string token;
};
[[nodiscard]] absl::StatusOr<Identity> ReadIdentity(const Connection& connection);

// Calls to the control plane: over TLS, with the caller's identity, tried again on UNAVAILABLE alone (at the next
// of several servers first) for as long as there is time. Thread-safe.
class Client {
 public:
  // How long a call may take, its retries included, where the command has no limit.
  static constexpr absl::Duration kCallTime = absl::Seconds(10);

  // `limit` is the end of the whole command.
  // Connects with the first call.
  Client(const Connection& connection, const Identity& identity, absl::Time limit, Interrupts& interrupts,
         Terminal& terminal);

  // `method` is a stub's, such as &v1::TenantService::Stub::GetTenant.
  template <class Stub, class Request, class Response>
  [[nodiscard]] absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                           const Request&, Response*),
                                              const Request& request, absl::Duration longest = kCallTime) {
    Response response;
    const absl::Status status =
        Retried(Request::descriptor()->name(), longest,
                [&](const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext& context) {
                  response.Clear();
                  return (Stub(channel).*method)(&context, request, &response);
                });
    if (!status.ok()) return status;
    return response;
  }

  // EffectExecutor each response to `each` until it wants no more, the stream ends, or `until`. Tried once, at the server that
  // answered last.
  template <class Stub, class Request, class Response>
  [[nodiscard]] absl::Status Stream(
      std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*, const Request&),
      const Request& request, absl::Time until, const std::function<bool(const Response&)>& each) {
    return Once(until, [&](const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext& context) {
      Stub stub(channel);
      const auto reader = (stub.*method)(&context, request);
      for (Response response; reader->Read(&response);) {
        if (!each(response)) context.TryCancel();
      }
      return reader->Finish();
    });
  }

  absl::Time limit() const { return limit_; }
  Interrupts& interrupts() { return interrupts_; }

 private:
  using Attempt = std::function<grpc::Status(const std::shared_ptr<grpc::Channel>&, grpc::ClientContext&)>;

  absl::Status Retried(absl::string_view what, absl::Duration longest, const Attempt& attempt);
  absl::Status Once(absl::Time deadline, const Attempt& attempt);
  // gRPC says of a refused handshake only that it failed: an error where `server` shows a certificate that cannot
  // be trusted, which no further try would change.
  absl::Status CheckTrust(const std::string& server, absl::Duration timeout) const;
  // `status`, naming the server where gRPC alone speaks.
  absl::Status Explained(const absl::Status& status);
  size_t current();
  void MoveOn(size_t from);

  const std::vector<std::string> servers_;
  const std::string authorities_;
  const std::string token_;
  const absl::Time limit_;
  Interrupts& interrupts_;
  Terminal& terminal_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  Mutex mutex_;
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace croft::ctl
