#pragma once

#include <chrono>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "client/cpp/remote.h"
#include "croft/v1/lookup.pb.h"

namespace croft::client {

// What the control plane said, as the rest of the library has it. All of it is checked: DATA_LOSS for what no
// control plane says, such as a placement without an address.

absl::StatusOr<Remote::Answer> ToAnswer(const croft::v1::LookupResponse& response);
absl::StatusOr<WatchedChange> ToChange(const croft::v1::WatchPlacementsResponse::Change& change);

}  // namespace croft::client
