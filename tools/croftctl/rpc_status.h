#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

#include "croft/v1/error.pb.h"

namespace croft::ctl {

// The same error as an absl::Status whose details (see common/errors.h) are those of the
// `grpc-status-details-bin` trailer. Details of types that are not known here are passed over.
[[nodiscard]] absl::Status FromGrpc(const grpc::Status& status);

// The same for an error that came inside a message, such as an operation's.
[[nodiscard]] absl::Status FromWire(const v1::Status& status);

}  // namespace croft::ctl
