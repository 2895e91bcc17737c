#pragma once

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/postgres/connection.h"

// What keeps a tenant's database from growing: its owner role, as which all of its sessions act, may not insert into the
// tables that it owns, nor make tables in its schemas. An owner can be refused its own rights, and can take them back.
//
// What was taken is marked by an entry in the same ACL that means nothing to an owner: a grant option, which it has anyway,
// for SELECT on the table and USAGE on the schema. So what the tenant itself has taken from its owner role stays taken when
// the database is opened, no table of Croft's lies in the tenant's database, and a database that is restored from a dump of
// a closed one can be opened like that one.
namespace croft::agent {

// A table of the tenant's, or a schema of it where `table` is empty.
struct GrowthObject {
  std::string schema;
  std::string table;
};

// How many of them are to be changed. `inside` is a connection to the database.
absl::StatusOr<int64_t> CountGrowthChanges(Connection& inside, const std::string& owner, bool closed);

// Closes or opens all of them as `owner`, schemas first, many in one transaction. What the tenant drops meanwhile is passed
// over. UNAVAILABLE (TABLE_IN_USE) when it kept some from being changed for some seconds, by an ALTER TABLE that it did not
// commit for example; all others are done.
absl::Status LimitGrowth(Connection& inside, const std::string& owner, bool closed);

}  // namespace croft::agent
