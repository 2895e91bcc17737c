#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "agent/store/store.h"
#include "common/random.h"

// A backup store in a folder.
namespace croft::agent {

// The file that makes a directory a store: one line with the store's id.
inline constexpr char kStoreMarker[] = "croft-store";

// A directory, shared by every agent that reaches it. It is made (0700) where it is missing; the first
// agent to come writes the marker, the others read it. UNAVAILABLE (STORE_UNREACHABLE) when it cannot be
// used, FAILED_PRECONDITION (NOT_A_STORE) for a directory that holds other things and no marker.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenFileStore(const std::string& directory,
                                                                   Random& random);

}  // namespace croft::agent
