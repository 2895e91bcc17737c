#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/catalog_facts.h"
#include "agent/dump_format/definition.h"
#include "agent/dump_format/finding.h"
#include "agent/postgres/connection.h"
#include "common/table_pattern.h"

// Tables whose rows a backup leaves out.
namespace croft::agent {

// The reason of the note on a table whose rows were left out.
inline constexpr char kRowsLeftOut[] = "ROWS_LEFT_OUT";

struct TableFact {
  int64_t oid = 0;
  QualifiedName name;
  bool partitioned = false;  // has no rows of its own
  int64_t partition_of = 0;  // the table that it is a partition of; 0: none
};

struct ForeignKeyFact {
  std::string name;
  int64_t from = 0;
  int64_t to = 0;
};

// One whose rows are to be left out.
struct SkippedTable {
  QualifiedName table;
  // The table that a pattern matches: itself, or one that it is a partition of.
  QualifiedName matched;
};

struct SkippedRows {
  std::vector<SkippedTable> tables;  // sorted by table
  // On tables that keep their rows (ROWS_KEPT) and patterns that match nothing (SKIP_MATCHES_NOTHING).
  std::vector<Finding> notes;
};

// What `patterns` leave out of `tables`. A partitioned table stands for all its partitions. A table that one of `keys`
// refers to from a table that keeps its rows keeps its own: the key could not be restored without them. Pure.
[[nodiscard]] SkippedRows ChooseSkippedRows(const std::vector<TablePattern>& patterns,
                                            const std::vector<TableFact>& tables,
                                            const std::vector<ForeignKeyFact>& keys);

// The same of the tenant's tables in a database, those of extensions left out, with a note on each pattern that matches
// nothing. INVALID_ARGUMENT for a malformed pattern.
[[nodiscard]] absl::StatusOr<SkippedRows> FindSkippedRows(Connection& connection,
                                                          const std::vector<std::string>& patterns,
                                                          const TenantRoles& roles);

// One for each table that was matched.
[[nodiscard]] std::vector<Finding> NotesOnSkipped(const std::vector<SkippedTable>& tables);

}  // namespace croft::agent
