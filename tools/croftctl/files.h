#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// A usage error where it cannot be read; `what` (such as "--ca") is what errors call it.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path, absl::string_view what);

// Puts `contents` at `path` with mode 0600 in one step (no reader sees half of it), making its folder with mode
// 0700 where it is missing. Leaves a file with the same contents and mode alone.
[[nodiscard]] absl::Status WritePrivateFile(const std::string& path, absl::string_view contents);

// Whether anybody but the owner may do anything with `path`; false when there is no such file.
[[nodiscard]] bool OpenToOthers(const std::string& path);

}  // namespace croft::ctl
