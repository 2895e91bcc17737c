#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "controlplane/server/state_directory.h"

// The command restore-catalog of croftd.
namespace croft::server {

// What `croftd restore-catalog` does: puts the copy `file` in the place of the catalog (catalog::RestoreCatalog) and
// answers what people should know of it. `sha256` is that of the copy; where it is empty and a file `<file>.sha256` lies
// beside the copy, the one that stands there.
[[nodiscard]] absl::StatusOr<std::string> RestoreCatalog(const StateDirectory& state,
                                                         const std::string& file,
                                                         const std::string& sha256);

}  // namespace croft::server
