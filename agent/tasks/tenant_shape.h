#pragma once

#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "agent/postgres/cluster.h"
#include "agent/tasks/sql_tasks.h"
#include "agent/tasks/task.h"

// How a tenant's roles and database are to be, and what lies between that and what a server shows. Pure:
// every function answers the changes that are missing, none when all is as it should be.
namespace croft::agent {

// What the database's own limit is above the tenant's, so that a flood cannot shut Croft out.
inline constexpr int32_t kConnectionsForCroft = 8;

// The one of that name; null when it is not among them.
[[nodiscard]] const RoleState* FindRole(const std::vector<RoleState>& roles, absl::string_view name);

// Logins of the tenant among `observed`: all of its family but owner and reader.
[[nodiscard]] std::vector<RoleState> LoginsOf(const TenantObjects& tenant,
                                              const std::vector<RoleState>& observed);
// Whether a login only reads.
[[nodiscard]] bool IsReader(const TenantObjects& tenant, const RoleState& login);

// Owner and reader role.
[[nodiscard]] std::vector<Change> GroupChanges(const TenantObjects& tenant,
                                               const std::vector<RoleState>& observed);

// One login as published: member of its group and acting as it, with its verifier (not compared where the
// server does not show the one it holds) and limit.
struct LoginShape {
  int32_t connections = -1;
  bool open = true;  // its LOGIN attribute
};
[[nodiscard]] std::vector<Change> LoginChanges(const TenantObjects& tenant, const Login& login,
                                               const LoginShape& shape,
                                               const std::vector<RoleState>& observed);

// Limits, settings, tag and what the owner may do inside; nothing that opens or closes it.
[[nodiscard]] std::vector<Change> DatabaseChanges(const TenantObjects& tenant, const DatabaseLimits& limits,
                                                  const TenantDefaults& defaults,
                                                  bool may_limit_temporary_files,
                                                  const DatabaseState& observed);

// What the owner may do inside, which is among DatabaseChanges. What one that is closed for growth lacks is left to
// GrowthChanges.
[[nodiscard]] std::vector<Change> OwnerChanges(const TenantObjects& tenant, bool closed_for_growth,
                                               const DatabaseState& observed);

// Of a database that is closed for growth the owner may not make schemas.
[[nodiscard]] std::vector<Change> GrowthChanges(const TenantObjects& tenant, bool closed,
                                                const DatabaseState& observed);
[[nodiscard]] bool MayMakeSchemas(const DatabaseState& database, absl::string_view role);

// CONNECT for exactly `roles`; PUBLIC loses everything.
[[nodiscard]] std::vector<Change> DoorChanges(const DatabaseState& observed,
                                              const std::vector<std::string>& roles);

// Owner, reader and logins: those to hold CONNECT on an open database.
[[nodiscard]] std::vector<std::string> Guests(const TenantObjects& tenant,
                                              const std::vector<Login>& logins);

[[nodiscard]] bool MayConnect(const DatabaseState& database, absl::string_view role);

// What a restore does to its database last, and whether one shows it. The name must be the tenant's own.
[[nodiscard]] std::vector<Change> WholeRestoreChanges(const TenantObjects& tenant);
[[nodiscard]] bool IsRestoredWhole(const TenantObjects& tenant, const DatabaseState& database);

void Append(std::vector<Change>& changes, std::vector<Change> more);

}  // namespace croft::agent
