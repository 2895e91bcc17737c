// Configure: limits and logins as the control plane wants them.
//
// Why this order: everything goes in one transaction, but for what a database that is closed for growth has lost inside:
// that is given back first, since its right to make schemas is what shows that it is open. What is closed stays closed: a
// fenced database is not opened, nor is a login that a fence disabled, whatever the list says.

#include "agent/tasks/proto_parts.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

absl::StatusOr<std::vector<Change>> Differences(const SqlTask& task, const ConfigureWork& work) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles(work.logins));
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  std::vector<Change> changes = GroupChanges(tenant, roles);
  for (const Login& login : work.logins) {
    const bool open = MayConnect(database, login.read_only ? tenant.reader_role : tenant.owner_role);
    Append(changes,
           LoginChanges(tenant, login, {.connections = work.limits.connections, .open = open}, roles));
    if (open && !MayConnect(database, login.name)) {
      changes.push_back(GrantOnDatabase{database.name, login.name, {DatabasePrivilege::kConnect}});
    }
  }
  Append(changes, DatabaseChanges(tenant, work.limits, task.defaults(),
                                  task.session().MayLimitTemporaryFiles(), database));
  return changes;
}

// The catalog does not know that it was closed for growth, having been restored from an older copy.
absl::StatusOr<bool> IsClosedUnasked(const SqlTask& task, const ConfigureWork& work) {
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  return !work.limits.closed_for_growth && database.allows_connections && !task.IsSealed(database) &&
         !MayMakeSchemas(database, task.tenant().owner_role);
}

}  // namespace

ConfigureWork ConfigureWork::FromProto(const v1::Task& task) {
  return {.limits = agent::FromProto(task.configure().limits()),
          .logins = agent::FromProto(task.configure().logins())};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const ConfigureWork& work) {
  CROFT_RETURN_IF_ERROR(CheckLogins(task.tenant(), work.logins));
  CROFT_RETURN_IF_ERROR(task.SetHiddenVerifiers(work.logins));
  std::vector<TaskStep> steps;
  CROFT_ASSIGN_OR_RETURN(const bool opens, IsClosedUnasked(task, work));
  if (opens) steps.push_back(LimitObjects(task, /*closed=*/false));
  steps.push_back(task.Applying("set limits and logins", [&] { return Differences(task, work); }));
  CROFT_RETURN_IF_ERROR(RunSteps(steps, task.context()));
  return Done{"limits and logins are as asked for"};
}

}  // namespace croft::agent
