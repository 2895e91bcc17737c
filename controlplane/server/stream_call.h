#pragma once

#include <grpcpp/server_context.h>

#include "controlplane/handlers/service.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/server/adapter.h"

// Runs one server stream.
namespace croft::server {

// Begins one server stream: judges who calls, waits for the request, and then pulls a message from its feed, on the
// pool, whenever the client has taken the one before it. It deletes itself when gRPC is done with it.
handlers::BidiReactor* StartStreamCall(const AdapterParts& parts, const handlers::Method& method,
                                       metrics::CallCounts::Method& counts,
                                       grpc::CallbackServerContext& call);

}  // namespace croft::server
