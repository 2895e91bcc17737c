#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

// SQLite's errors as statuses.
namespace croft::sqlite {

// `code`: SQLite's extended result code. `system_errno`: what the system said, or 0. `what`: SQLite's
// words.
[[nodiscard]] absl::Status MakeSqliteError(int code, int system_errno, absl::string_view what,
                                           absl::string_view path);

// An error of the system on a file, such as of open or fsync.
[[nodiscard]] absl::Status MakeFileError(int system_errno, absl::string_view action,
                                         absl::string_view path);

[[nodiscard]] absl::Status CorruptError(absl::string_view path, absl::string_view found);

}  // namespace croft::sqlite
