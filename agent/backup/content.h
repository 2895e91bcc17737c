#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/postgres/connection.h"

// What is in a tenant's database, in a form in which two databases can be compared without looking at a row
// twice.
namespace croft::agent {

struct TableContent {
  std::string schema;
  std::string name;
  int64_t rows = 0;
  // Sum of a 64-bit hash over the text of every row, so that order does not matter.
  std::string digest;

  friend bool operator==(const TableContent&, const TableContent&) = default;
};

struct Content {
  std::vector<TableContent> tables;  // by schema and name; every table that holds rows of its own
  int64_t large_objects = 0;
  std::string large_objects_digest;
  // How many there are of each kind: "view", "index", "function", "trigger" and so on. Event triggers and
  // subscriptions, which are not restored, do not count.
  std::map<std::string, int64_t> objects;

  friend bool operator==(const Content&, const Content&) = default;
};

// Sees what the connection's transaction sees, so begin one (REPEATABLE READ) for a state of one moment. The
// role reads all rows whatever row security says (BYPASSRLS). UNAVAILABLE (TABLE_LOCKED) when a table stays
// locked for ten seconds.
[[nodiscard]] absl::StatusOr<Content> Survey(Connection& connection);

[[nodiscard]] int64_t RowsIn(const Content& content);

// OK when they are equal; else DATA_LOSS (CONTENT_DIFFERS) that names the first difference.
[[nodiscard]] absl::Status CompareContent(const Content& expected, const Content& found);

}  // namespace croft::agent
