#pragma once

#include <cstddef>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <sys/types.h>

// Small files that must be whole or not there, such as keys and certificates. Errors carry the reasons
// FILE_NOT_FOUND (NOT_FOUND), FILE_EXISTS (ALREADY_EXISTS), FILE_NOT_PRIVATE (FAILED_PRECONDITION),
// DISK_FULL (RESOURCE_EXHAUSTED) and FILE_IO (INTERNAL), with the path in their metadata.
namespace croft {

enum class IfFileExists { kReplace, kRefuse };

// Writes a temporary file beside `path`, of exactly `mode`, and lets it appear under its name only when it
// is on disk; OK means that the name is on disk too. Readers see the old contents or the new ones, never a
// part.
[[nodiscard]] absl::Status WriteFileDurably(absl::string_view path, absl::string_view contents, mode_t mode,
                                            IfFileExists if_exists);

// All of a regular file of at most `max_bytes`.
[[nodiscard]] absl::StatusOr<std::string> ReadSmallFile(absl::string_view path, size_t max_bytes);

// The same for a secret: FILE_NOT_PRIVATE when anybody but this process's user could read or change it, or
// when another user owns it.
[[nodiscard]] absl::StatusOr<std::string> ReadPrivateFile(absl::string_view path, size_t max_bytes);

// The same for a file of systemd's $CREDENTIALS_DIRECTORY, which may belong to root and be readable by its
// group: systemd lets the service's user in by an access control list, which shows as such.
[[nodiscard]] absl::StatusOr<std::string> ReadCredential(absl::string_view path, size_t max_bytes);

}  // namespace croft
