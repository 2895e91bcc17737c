#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// How many tables and schemas of `owner` are to be changed. `inside` is a connection to the database.
absl::StatusOr<int64_t> CountGrowthChanges(Connection& inside, const std::string& owner, bool closed);

// At most `most` of those changes, to be made together, as `owner`; none when all is as it should be.
absl::StatusOr<std::vector<Statement>> NextGrowthChanges(Connection& inside, const std::string& owner,
                                                         bool closed, int64_t most);

// Whether such changes were refused for what the tenant did to the same objects at the same time.
bool IsGrowthRace(const absl::Status& status);

}  // namespace croft::agent
