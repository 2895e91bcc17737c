#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Patterns that choose tables of a database by name.
namespace croft {

struct TablePattern {
  // As the catalogs have them; unset: any.
  std::optional<std::string> schema;
  std::optional<std::string> table;

  // `of_schema` and `of_table` as the catalogs have them, unquoted.
  [[nodiscard]] bool Matches(absl::string_view of_schema, absl::string_view of_table) const;

  friend bool operator==(const TablePattern&, const TablePattern&) = default;
};

// Of one list.
inline constexpr size_t kMostTablePatterns = 100;

// Two names with a dot between, each written as in SQL: without quotes it is folded to lower case; in double quotes it is
// taken as it is, `""` being one quote. `*` without quotes stands for any one name; for the schema or for the table, not
// for both. Names have at most 63 bytes and no control characters.
//
// INVALID_ARGUMENT naming `field` for anything else.
[[nodiscard]] absl::StatusOr<TablePattern> ParseTablePattern(absl::string_view text,
                                                             absl::string_view field);

}  // namespace croft
