#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"

namespace croft::sqlite {

// Writes the state that `source` sees now to the new file `path` (mode 0600) while others go on writing.
// The file appears under its name only when it is whole, checked and on disk; ALREADY_EXISTS when there is
// one. Use a reading connection, so that the writer does not wait.
[[nodiscard]] absl::Status BackUpTo(Database& source, absl::string_view path);

// Reads all of the file. DATA_LOSS, DATABASE_CORRUPT, with what was found first.
[[nodiscard]] absl::Status CheckIntegrity(Database& database);
// The same for a file that nobody writes.
[[nodiscard]] absl::Status CheckIntegrityOfFile(absl::string_view path);

}  // namespace croft::sqlite
