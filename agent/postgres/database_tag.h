#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/strings/string_view.h>

// What Croft writes into the comment of a database: whose it is. Every login of the server can read it, so
// it holds nothing else.
namespace croft::agent {

struct DatabaseTag {
  std::string uid;
  int64_t generation = 0;

  friend bool operator==(const DatabaseTag&, const DatabaseTag&) = default;
};

// `croft uid=<uid> generation=<n>`.
[[nodiscard]] std::string FormatDatabaseTag(const DatabaseTag& tag);
// Nothing when `comment` is not exactly of that form.
[[nodiscard]] std::optional<DatabaseTag> ParseDatabaseTag(absl::string_view comment);

// The name a fenced database carries.
[[nodiscard]] std::string SealedName(absl::string_view database);

}  // namespace croft::agent
