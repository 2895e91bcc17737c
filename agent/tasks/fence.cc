// Fence: nobody is in the database and nobody gets in; or nobody but readers.
//
// Why this order: the doors close first, in one transaction, so that nobody comes back while the sessions are
// ended; then all sessions are told to end at once. Prepared transactions outlive sessions and are ended from
// within the closed database. The rename is the barrier: PostgreSQL refuses it while a session or a prepared
// transaction is left, also one that came in just before the doors closed and was not seen yet. For a fence
// that lets readers in, their door is opened last, when no writer is left.

#include <algorithm>
#include <utility>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

bool HasPassword(const RoleState& login) { return !login.shows_password || login.verifier.has_value(); }

// The logins a fence leaves open, by what the server shows: those that could get in before.
std::vector<RoleState> Readers(const TenantObjects& tenant, const std::vector<RoleState>& roles) {
  std::vector<RoleState> readers = LoginsOf(tenant, roles);
  readers.erase(std::remove_if(readers.begin(), readers.end(),
                               [&](const RoleState& login) { return !IsReader(tenant, login); }),
                readers.end());
  return readers;
}

bool IsAmong(const std::vector<RoleState>& roles, absl::string_view name) {
  return FindRole(roles, name) != nullptr;
}

absl::StatusOr<std::vector<Change>> OpenDoors(const SqlTask& task, bool allow_readers) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles());
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  const std::vector<RoleState> readers = allow_readers ? Readers(tenant, roles) : std::vector<RoleState>();
  std::vector<Change> changes;
  for (const RoleState& role : roles) {
    if (role.can_login && !IsAmong(readers, role.name)) {
      changes.push_back(AlterRole{.name = role.name, .can_login = false});
    }
  }
  // Whoever holds CONNECT and is to lose it, roles that are none of Croft's among them.
  std::vector<std::string> staying;
  for (const DatabaseGrant& grant : database.grants) {
    const bool reads = grant.role == tenant.reader_role || IsAmong(readers, grant.role);
    if (allow_readers && reads && grant.privilege == DatabasePrivilege::kConnect)
      staying.push_back(grant.role);
  }
  Append(changes, DoorChanges(database, staying));
  if (!allow_readers && database.allows_connections)
    changes.push_back(AllowConnections{database.name, false});
  return changes;
}

absl::Status Rename(const SqlTask& task, const std::string& from, const std::string& to) {
  while (true) {
    const absl::Status renamed = task.session().Apply({RenameDatabase{from, to}});
    if (DetailsOf(renamed).reason != "DATABASE_IN_USE") return renamed;
    // A session that began before the doors closed.
    CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
    CROFT_RETURN_IF_ERROR(EndSessions(task, {.database = from}));
  }
}

TaskStep Seal(const SqlTask& task) {
  const auto sealed = [&task]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    return task.IsSealed(database) && !database.allows_connections;
  };
  const auto seal = [&task] {
    return Rename(task, task.tenant().database, SealedName(task.tenant().database));
  };
  return {"rename it to its sealed name", sealed, seal};
}

// A database that was sealed before, or readers that were closed out.
absl::StatusOr<std::vector<Change>> ReadersClosedOut(const SqlTask& task) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles());
  CROFT_ASSIGN_OR_RETURN(DatabaseState database, task.NeedDatabase());
  std::vector<Change> changes;
  if (task.IsSealed(database)) {
    changes.push_back(RenameDatabase{database.name, tenant.database});
    database.name = tenant.database;
  }
  std::vector<std::string> guests = {tenant.reader_role};
  for (const RoleState& reader : Readers(tenant, roles)) {
    if (!HasPassword(reader)) continue;
    guests.push_back(reader.name);
    if (!reader.can_login) changes.push_back(AlterRole{.name = reader.name, .can_login = true});
  }
  if (!database.allows_connections) changes.push_back(AllowConnections{database.name, true});
  Append(changes, DoorChanges(database, guests));
  return changes;
}

}  // namespace

FenceWork FenceWork::FromProto(const v1::Task& task) {
  return {.allow_readers = task.fence().allow_readers()};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const FenceWork& work) {
  std::vector<RoleState> readers;
  if (work.allow_readers) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles());
    readers = Readers(task.tenant(), roles);
  }
  const auto except = [&readers] {
    std::vector<std::string> names;
    for (const RoleState& reader : readers) names.push_back(reader.name);
    return names;
  };
  std::vector<TaskStep> steps = {
      task.Applying("close the doors", [&] { return OpenDoors(task, work.allow_readers); })};
  for (TaskStep& step : EmptyingSteps(task, except)) steps.push_back(std::move(step));
  if (work.allow_readers) {
    steps.push_back(task.Applying("let readers in", [&] { return ReadersClosedOut(task); }));
  } else {
    steps.push_back(Seal(task));
  }
  CROFT_RETURN_IF_ERROR(RunSteps(steps, task.context()));
  if (work.allow_readers) return Done{"only readers can get in, and no other session is left"};
  return Done{"nobody can get in, no session is left, and the database carries its sealed name"};
}

}  // namespace croft::agent
