#pragma once

#include <string>

#include <absl/status/statusor.h>

namespace croft::ctl {

// The passphrase is the file's first line, as a person writes it. Only the file's owner may read it.
[[nodiscard]] absl::StatusOr<std::string> ReadPassphrase(const std::string& path);

}  // namespace croft::ctl
