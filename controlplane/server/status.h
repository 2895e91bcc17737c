#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace croft::server {

// The one place where an error takes gRPC's form; its details are wire::ToTrailer's.
[[nodiscard]] grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace croft::server
