#pragma once

#include <cstdint>

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include "common/sqlite/sql.h"

namespace croft::sqlite {

// One step of a schema's history. Once released it is never edited; a change is a new one.
struct Migration {
  int number;  // 1, 2, 3, …
  Sql script;
};

// What a file must be to be opened: its kind, told by SQLite's application_id, and its history. The CMake
// function croft_sqlite_migrations() makes the list from the folder of numbered .sql files.
struct Schema {
  absl::string_view name;  // as sentences call the file: "catalog", "journal"
  int32_t application_id;  // not 0
  absl::Span<const Migration> migrations;
};

}  // namespace croft::sqlite
