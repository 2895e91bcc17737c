#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/digest.h"
#include "agent/dump_format/finding.h"
#include "agent/dump_format/grants.h"

// Compares a restored database with its backup, by the digests of two dumps.
namespace croft::agent {

struct CompareOptions {
  // Roles of the source -> roles in the restored database.
  RoleNames roles;
  // Major versions of the servers. Where they differ, definitions may differ: a note says so.
  int source_major = 0;
  int restored_major = 0;
  // Dump ids of the backup's entries that were left out or failed, and are reported already. Neither they nor what
  // depends on them is missed.
  std::set<int32_t> missing;
  // Grants that were left out and are reported already. The other grants of the same entries are compared.
  LeftOutGrants left_out_grants;
  // Tables whose rows the backup left out by intention: restored, they must be empty.
  std::set<QualifiedName> without_rows;
};

// What the restored database does not have like the backup, the gravest first. Both digests have one key.
//
// DIFFERENT (CONTENT_DIFFERS): rows, bytes, sequences, columns, owners, grants, entries that are missing or surplus, and
// definitions. NOTE: definitions whose text PostgreSQL wrote in another way (EXPRESSION_REWRITTEN), or that another
// major version writes in another way (DEFINITION_REWRITTEN).
//
// Entries are matched by kind, schema and tag. Not compared: what belongs to the database itself and not to what is in
// it, the comment of schema public, tablespaces, and statistics of the planner.
[[nodiscard]] std::vector<Finding> CompareDumps(const DumpDigest& backed_up, const DumpDigest& restored,
                                                const CompareOptions& options);

}  // namespace croft::agent
