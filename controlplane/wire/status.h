#pragma once

#include <absl/status/status.h>

#include "croft/v1/error.pb.h"

// Statuses in the API's form.
namespace croft::wire {

// Code, message and, in at most 4 KB, details. Exactly one is an ErrorInfo, also when `status` was not made by
// MakeError. Empty for OK. The same details under the name that its reader can resolve:
//
// For a message, as types of croft.v1: whoever can print the message has them, from the same proto or by reflection.
[[nodiscard]] v1::Status ToProto(const absl::Status& status);
// For the trailer of a failed call, as types of google.rpc: what every gRPC client looks for there.
[[nodiscard]] v1::Status ToTrailer(const absl::Status& status);

}  // namespace croft::wire
