#pragma once

#include <deque>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>

#include "controlplane/access/authenticator.h"
#include "controlplane/catalog/commit_barrier.h"
#include "controlplane/handlers/service.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/server/awaited_requests.h"
#include "controlplane/server/open_streams.h"
#include "controlplane/server/worker_pool.h"

// Connects handlers to gRPC.
namespace croft::server {

// Decides who calls and whether they may. Thread-safe; called on gRPC's threads, so it answers from memory.
class Gate {
 public:
  virtual ~Gate() = default;
  // Fills in who calls: `principal` and caller.name. UNAUTHENTICATED, or RESOURCE_EXHAUSTED for one who calls too
  // often.
  virtual absl::Status Identify(const access::CallCredentials& credentials,
                                const google::protobuf::MethodDescriptor& method,
                                handlers::RequestContext& context) const = 0;
  // Whether the one who was identified may call `method` for what `request` names. PERMISSION_DENIED.
  virtual absl::Status Permit(const google::protobuf::MethodDescriptor& method,
                              const google::protobuf::Message& request,
                              handlers::RequestContext& context) const = 0;
  // Whether a call that goes on may still: the errors of both, and UNAVAILABLE, PERMISSIONS_CHANGED, when its
  // caller may see something else now. Costs the caller nothing.
  virtual absl::Status PermitStill(const access::CallCredentials& credentials,
                                   const google::protobuf::Message& request,
                                   const handlers::RequestContext& context) const = 0;
  // Streams that the caller may hold open.
  virtual size_t MostStreams(const handlers::RequestContext& context) const = 0;
};

// What every adapter needs.
struct AdapterParts {
  const Gate& gate;
  WorkerPool& pool;
  OpenStreams& streams;
  AwaitedRequests& awaited;
  metrics::CallCounts& calls;
  // What answers that were read from the catalog wait for; null where nothing commits.
  catalog::CommitBarrier* commits = nullptr;
};

// One service of ours as gRPC takes it. All calls come in as bytes and go through one path: identity, request,
// parse, permission, handler, error. It must outlive the server.
class Adapter final : public grpc::Service {
 public:
  Adapter(handlers::Service service, AdapterParts parts);

  const std::string& full_name() const { return service_.descriptor().full_name(); }

 private:
  void Register(const handlers::Method& method);

  const handlers::Service service_;
  AdapterParts parts_;
  std::deque<std::string> paths_;  // gRPC keeps pointers into it
};

// --- Steps of the path, shared by the kinds of calls.

// Who calls, and by when an answer is wanted. `credentials`: what the caller showed, to be judged again later.
[[nodiscard]] absl::StatusOr<handlers::RequestContext> Identify(
    const Gate& gate, const google::protobuf::MethodDescriptor& method,
    const grpc::CallbackServerContext& call, access::CallCredentials& credentials);
// The request, if it is well-formed and the caller may ask this; completes `context`.
[[nodiscard]] absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Admit(
    const Gate& gate, const handlers::Method& method, const grpc::ByteBuffer& bytes,
    handlers::RequestContext& context);
// How the call ends; logs what is our fault.
[[nodiscard]] grpc::Status Conclude(const absl::Status& status,
                                    const google::protobuf::MethodDescriptor& method,
                                    const handlers::RequestContext& context);
[[nodiscard]] absl::Status Overloaded();

}  // namespace croft::server
