#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "controlplane/handlers/service.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/server/adapter.h"

// Runs one unary call.
namespace croft::server {

// Begins one unary call: judges who calls before anything of the request is read, waits for the request and
// answers into `response`. It deletes itself when gRPC and its handler are done with it.
grpc::ServerReadReactor<grpc::ByteBuffer>* StartUnaryCall(const AdapterParts& parts,
                                                          const handlers::Method& method,
                                                          metrics::CallCounts::Method& counts,
                                                          grpc::CallbackServerContext& call,
                                                          grpc::ByteBuffer& response);

}  // namespace croft::server
