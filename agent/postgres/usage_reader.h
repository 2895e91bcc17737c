#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/access.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/timeout.h"

namespace croft::agent {

// What PostgreSQL counts of a database. They grow, until a crash or a reset of the statistics begins them at 0.
struct DatabaseCounters {
  int64_t sessions = 0;  // of clients, that were opened; the work of PostgreSQL itself opens none
  int64_t commits = 0;
  int64_t rollbacks = 0;
  int64_t blocks_read = 0;
  int64_t blocks_hit = 0;
  int64_t rows_returned = 0;
  int64_t rows_fetched = 0;
  int64_t rows_inserted = 0;
  int64_t rows_updated = 0;
  int64_t rows_deleted = 0;
  int64_t deadlocks = 0;
  int64_t temporary_bytes = 0;

  friend bool operator==(const DatabaseCounters&, const DatabaseCounters&) = default;
};

// A tenant's database and what is used of it.
struct DatabaseUsage {
  int64_t oid = 0;
  std::string uid;  // of the tenant
  int64_t generation = 0;
  bool sealed = false;      // fenced
  int32_t connections = 0;  // sessions of clients, the agent's own left out
  DatabaseCounters counters;
};

// Whose database is called `name`; nothing when the name is none that Croft gives a tenant's database. A tenant cannot
// change it, unlike the comment of a database.
struct DatabaseOwner {
  std::string uid;
  int64_t generation = 0;
  bool sealed = false;
};
[[nodiscard]] std::optional<DatabaseOwner> OwnerOfDatabase(absl::string_view name);

// Reads what tenants' databases use, over one connection of its own to the maintenance database, which it keeps. It
// enters no tenant's database. One thread at a time.
class UsageReader {
 public:
  // `access` is asked before each connection.
  explicit UsageReader(std::function<ServerAccess()> access) : access_(std::move(access)) {}

  // Of all tenants' databases, in one query whose cost does not depend on their sizes.
  absl::StatusOr<std::vector<DatabaseUsage>> ReadAll(const Timeout& timeout);

  // Bytes on disk by oid: nothing for a database whose size the agent's role may not ask for, which takes CONNECT on it
  // or membership of pg_read_all_stats. Those that are gone are left out. PostgreSQL looks at every file of each.
  absl::StatusOr<std::map<int64_t, std::optional<int64_t>>> ReadSizes(const std::vector<int64_t>& oids,
                                                                      const Timeout& timeout);

 private:
  absl::StatusOr<Connection*> Connected(const Timeout& timeout);

  const std::function<ServerAccess()> access_;
  std::optional<Connection> connection_;
  Conninfo opened_by_;
};

}  // namespace croft::agent
