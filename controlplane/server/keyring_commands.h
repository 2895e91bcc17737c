#pragma once

#include <string>

#include <absl/status/status.h>

#include "controlplane/server/state_directory.h"

// The commands of croftd about the keyring.
namespace croft::server {

// Writes a copy of the keyring to the new file `path`. ALREADY_EXISTS when it is there.
[[nodiscard]] absl::Status ExportKeyring(const StateDirectory& state,
                                         const std::string& credentials_directory, const std::string& path);

// Adds a key to the state folder's keyring, for the next start to use.
[[nodiscard]] absl::Status RotateKeyring(const StateDirectory& state);

}  // namespace croft::server
