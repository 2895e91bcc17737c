#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "controlplane/handlers/service.h"
#include "controlplane/server/adapter.h"

namespace croft::server {

// Begins one server stream: pulls a message from its feed, on the pool, whenever the client has taken the one
// before it. It deletes itself when gRPC is done with it.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStreamCall(const AdapterParts& parts,
                                                            const handlers::Method& method,
                                                            grpc::CallbackServerContext& call,
                                                            const grpc::ByteBuffer& request);

}  // namespace croft::server
