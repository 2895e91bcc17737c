#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

// Creates and syncs files that SQLite does not have open.
namespace croft::sqlite {

// For files that SQLite does not have open.
[[nodiscard]] absl::Status SyncFile(absl::string_view path);
// Makes created and renamed entries of the folder that holds `path` durable.
[[nodiscard]] absl::Status SyncFolderOf(absl::string_view path);
// A new empty file, mode 0600; OK when there already is one.
[[nodiscard]] absl::Status CreateFile(absl::string_view path);

}  // namespace croft::sqlite
