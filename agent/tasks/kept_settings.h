#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "agent/backup/catalog_facts.h"
#include "agent/backup/replay_plan.h"
#include "agent/dump_format/finding.h"
#include "agent/postgres/cluster.h"
#include "agent/tasks/task.h"

// What a tenant or a DBA made by ALTER DATABASE … SET and ALTER ROLE … SET, which applications depend on, and which no dump
// holds.
namespace croft::agent {

// The changes that set on `database`, and on roles there, what `settings` say of those of the backup: the owner's on the
// owner, the reader's on the reader, a login's on every login of `logins` that is as it was, reading or writing.
// Parameters that make a server load code are in none.
[[nodiscard]] std::vector<Change> KeptSettings(const std::vector<SettingFact>& settings,
                                               const std::string& database, const ReplayRoles& roles,
                                               const std::vector<Login>& logins);

// Makes them one by one. A note for each that the server refuses, and for each that KeptSettings leaves out.
[[nodiscard]] absl::StatusOr<std::vector<Finding>> KeepSettings(ClusterSession& session,
                                                                const std::vector<SettingFact>& settings,
                                                                const std::string& database,
                                                                const ReplayRoles& roles,
                                                                const std::vector<Login>& logins);

// As KeptSettings, from one login of a tenant to the one that replaces it. None when all is as it should be.
[[nodiscard]] std::vector<Change> TakenOver(const RoleState* replaced, const RoleState* login,
                                            const std::string& replaced_name, const std::string& login_name,
                                            const DatabaseState& database);

// The search path of the tenant's applications, where it is not the database's own; empty else.
[[nodiscard]] std::string TenantsSearchPath(const std::vector<SettingFact>& settings,
                                            const std::string& owner);

}  // namespace croft::agent
