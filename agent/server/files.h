#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/server/run_as.h"

// Files and folders that a server's own user is to own.
namespace croft::agent {

// NOT_FOUND when it cannot be opened.
[[nodiscard]] absl::StatusOr<std::string> ReadFile(const std::string& path);

// The last `bytes` of a file that is no link; empty when there is none.
[[nodiscard]] std::string Tail(const std::string& path, size_t bytes);

// Replaces `path` by a file of that content, fsynced before it takes the name. False when it has the content
// already and was left. RESOURCE_EXHAUSTED (DISK_FULL).
[[nodiscard]] absl::StatusOr<bool> WriteFile(const std::string& path, absl::string_view content,
                                             uint32_t mode, const std::optional<User>& owner);

// Makes the folder (its parent exists), or takes over one that belongs to `owner` or to this process's user.
// FAILED_PRECONDITION (FOLDER_TAKEN) when it is somebody else's or no folder.
[[nodiscard]] absl::Status MakeFolder(const std::string& path, uint32_t mode,
                                      const std::optional<User>& owner);

// The error of a failed system call on `path`.
[[nodiscard]] absl::Status FileError(absl::string_view what, const std::string& path, int error);

}  // namespace croft::agent
