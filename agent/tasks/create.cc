// Create: a tenant's roles and database, opened and proven.
//
// Why this order: roles come first since everything else names them; a login without CONNECT harms nobody. The
// database is made with connections not allowed, and PUBLIC loses its rights before they are, so there is no
// moment in which a stranger could enter. Schema and extensions are made while nobody but the agent can have
// put code into it: the agent enters it here and never again. CONNECT for the tenant's roles opens the door
// last, and the proof goes the way applications will go. The proof's last change is the durable one that all
// before it wait for: nothing is promised earlier, and a crash in between is a task cut short.

#include <algorithm>
#include <utility>

#include "agent/tasks/proto_parts.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

absl::StatusOr<std::vector<Change>> MissingRoles(const SqlTask& task, const CreateWork& work) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles(work.logins));
  std::vector<Change> changes = GroupChanges(task.tenant(), roles);
  for (const Login& login : work.logins) {
    Append(changes, LoginChanges(task.tenant(), login, {.connections = work.limits.connections}, roles));
  }
  return changes;
}

TaskStep MakeDatabase(const SqlTask& task, const CreateWork& work) {
  const auto there = [&task]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database, task.ObserveDatabase());
    if (database && task.IsSealed(*database)) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "the database is there and fenced; unfence it instead of creating it",
                       {.reason = "DATABASE_SEALED", .metadata = {{"database", task.tenant().database}}});
    }
    return database && !database->invalid;
  };
  const auto make = [&task, &work]() -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database, task.ObserveDatabase());
    if (database && database->invalid) CROFT_RETURN_IF_ERROR(task.session().DropDatabase(database->name));
    const absl::Status made = task.session().CreateDatabase(task.tenant().database, work.locale);
    // Somebody's that was under way, such as a killed agent's: the next look tells.
    return absl::IsAlreadyExists(made) ? absl::OkStatus() : made;
  };
  return {"make the database", there, make};
}

absl::StatusOr<std::vector<Change>> MissingSettings(const SqlTask& task, const CreateWork& work) {
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  std::vector<Change> changes = DatabaseChanges(task.tenant(), work.limits, task.defaults(),
                                                task.session().MayLimitTemporaryFiles(), database);
  if (!database.allows_connections) changes.push_back(AllowConnections{database.name, true});
  return changes;
}

bool IsPrepared(const SchemaState& schema, const SqlTask& task, const CreateWork& work) {
  return schema.public_owner == task.tenant().owner_role && schema.reader_sees_tables &&
         std::all_of(work.extensions.begin(), work.extensions.end(), [&](const std::string& extension) {
           return std::binary_search(schema.extensions.begin(), schema.extensions.end(), extension);
         });
}

TaskStep PrepareSchema(const SqlTask& task, const CreateWork& work) {
  const auto prepared = [&task, &work]() -> absl::StatusOr<bool> {
    const TenantObjects& tenant = task.tenant();
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    // Once the tenant may enter, the database may hold its code and the agent stays out.
    if (MayConnect(database, tenant.owner_role)) return true;
    CROFT_ASSIGN_OR_RETURN(
        const SchemaState schema,
        task.session().ObserveSchema(tenant.database, tenant.owner_role, tenant.reader_role));
    return IsPrepared(schema, task, work);
  };
  const auto prepare = [&task, &work] {
    return task.session().PrepareSchema(task.tenant().database, {.owner = task.tenant().owner_role,
                                                                 .reader = task.tenant().reader_role,
                                                                 .extensions = work.extensions});
  };
  return {"prepare the schema", prepared, prepare};
}

absl::StatusOr<std::vector<Change>> ConnectGrants(const SqlTask& task, const CreateWork& work) {
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  return DoorChanges(database, Guests(task.tenant(), work.logins));
}

}  // namespace

CreateWork CreateWork::FromProto(const v1::Task& task) {
  const v1::CreateWork& work = task.create();
  return {.limits = agent::FromProto(work.limits()),
          .logins = agent::FromProto(work.logins()),
          .extensions = {work.extensions().begin(), work.extensions().end()},
          .locale = work.locale()};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const CreateWork& work) {
  CROFT_RETURN_IF_ERROR(CheckLogins(task.tenant(), work.logins));
  CROFT_RETURN_IF_ERROR(task.SetHiddenVerifiers(work.logins));
  const std::vector<TaskStep> steps = {
      task.Applying(
          "make the roles", [&] { return MissingRoles(task, work); }, Durability::kWithNext),
      MakeDatabase(task, work),
      task.Applying(
          "set limits and close it to strangers", [&] { return MissingSettings(task, work); },
          Durability::kWithNext),
      PrepareSchema(task, work),
      task.Applying(
          "open it to its logins", [&] { return ConnectGrants(task, work); }, Durability::kWithNext),
  };
  CROFT_RETURN_IF_ERROR(RunSteps(steps, task.context()));
  CROFT_RETURN_IF_ERROR(ProveOpen(task));
  return Done{"the database is open to its logins alone, and a login like theirs wrote into it"};
}

}  // namespace croft::agent
