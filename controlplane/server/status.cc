// Converts statuses to gRPC's.

#include "controlplane/server/status.h"

#include "controlplane/wire/status.h"

namespace croft::server {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::Status details = wire::ToTrailer(status);
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(),
                      details.SerializeAsString());
}

}  // namespace croft::server
