#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/replay_plan.h"
#include "agent/backup/replay_session.h"
#include "agent/dump_format/definition.h"
#include "agent/dump_format/finding.h"
#include "agent/dump_format/grants.h"
#include "agent/dump_format/reader.h"
#include "agent/postgres/access.h"
#include "agent/postgres/timeout.h"

// Restores a dump into a new database, entry by entry, and reports every entry that fails.
namespace croft::agent {

struct ReplayTarget {
  // With dbname, user and password: a login that acts as the owner role (`role` is set) in a database that holds
  // nothing yet but what `extensions` says is made.
  Conninfo conninfo;
  ReplayRoles roles;
  std::map<std::string, ExtensionPlan> extensions;
  // As the tenant's logins have it; empty: as the database has it.
  std::string search_path;
  // Dump ids of what of the dump is restored, as if it held nothing else; unset: all of it.
  std::optional<std::set<int32_t>> part;
};

// What came of a replay.
struct Replayed {
  // Notes on what was healed or left out, and what is missing.
  std::vector<Finding> findings;
  // Dump ids of entries that were left out, or could not be restored.
  std::set<int32_t> not_restored;
  // Grants that were left out of entries that were restored otherwise.
  LeftOutGrants left_out_grants;
  // Roles of the archive -> roles of what was restored.
  RoleNames roles;
};

// Restores a dump entry by entry, over sessions that have the tenant's rights and no more. An entry that fails does not
// end it: it is tried again when all the rest is there, with the empty search path and then with the tenant's own, and
// is named when it fails then, too. `read` reads the whole dump into the visitor it is given, each time it is called; `also`
// sees the first reading, too.
//
// Errors: those of `read`; what `probe` answers when the server is out; what `timeout` says.
[[nodiscard]] absl::StatusOr<Replayed> Replay(const std::function<absl::Status(DumpReader&)>& read,
                                              DumpVisitor& also, const ReplayTarget& target,
                                              const ServerProbe& probe, const Timeout& timeout);

}  // namespace croft::agent
