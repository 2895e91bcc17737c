#pragma once

#include <absl/status/status.h>

#include "croft/v1/error.pb.h"

namespace croft::wire {

// Code, message and, in at most 4 KB, details that clients of google.rpc decode. Exactly one is an ErrorInfo,
// also when `status` was not made by MakeError. Empty for OK.
[[nodiscard]] v1::Status ToProto(const absl::Status& status);

}  // namespace croft::wire
