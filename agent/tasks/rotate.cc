// Rotate: makes a login beside the one in use, or disables one.
//
// Why this order: a new login and its CONNECT appear in one transaction, so it never half works; it is proven
// before the control plane publishes it. An old login loses its way in first, then its sessions, and only then
// what it still owns is handed over: a session of it could make more.

#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/tasks/kept_settings.h"
#include "agent/tasks/proto_parts.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

// Whether the database is open to the group's logins: a fenced tenant's rotation opens nothing. A fence takes CONNECT and
// every login in one transaction; where somebody took CONNECT away, the login that is replaced still may log in.
bool LetsIn(const SqlTask& task, const DatabaseState& database, const std::string& group,
            const RoleState* replaced) {
  if (task.IsSealed(database) || !database.allows_connections) return false;
  return MayConnect(database, group) || (replaced != nullptr && replaced->can_login);
}

absl::StatusOr<std::vector<Change>> MissingLogin(const SqlTask& task, const Login& login,
                                                 const std::string& replaced) {
  const TenantObjects& tenant = task.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles({login}));
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  const std::string& group = login.read_only ? tenant.reader_role : tenant.owner_role;
  const bool open = LetsIn(task, database, group, FindRole(roles, replaced));
  const int32_t connections =
      database.connection_limit < 0 ? -1 : std::max(0, database.connection_limit - kConnectionsForCroft);
  std::vector<Change> changes = GroupChanges(tenant, roles);
  Append(changes, LoginChanges(tenant, login, {.connections = connections, .open = open}, roles));
  if (!open) return changes;
  for (const std::string& role : {login.name, group}) {
    if (!MayConnect(database, role))
      changes.push_back(GrantOnDatabase{database.name, role, {DatabasePrivilege::kConnect}});
  }
  if (login.read_only) return changes;
  CROFT_ASSIGN_OR_RETURN(const bool closed, IsClosedForGrowth(task, database));
  Append(changes, OwnerChanges(tenant, closed, database));
  return changes;
}

// What ALTER ROLE … SET said of the login that it replaces.
absl::StatusOr<std::vector<Change>> MissingSettings(const SqlTask& task, const std::string& login,
                                                    const std::string& replaced) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles,
                         task.session().ObserveRoles({login, replaced}, ""));
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  return TakenOver(FindRole(roles, replaced), FindRole(roles, login), replaced, login, database);
}

absl::StatusOr<Outcome> Enable(const SqlTask& task, const Login& login, const std::string& replaced) {
  CROFT_RETURN_IF_ERROR(task.SetHiddenVerifiers({login}));
  std::vector<TaskStep> steps = {
      task.Applying("make the new login", [&] { return MissingLogin(task, login, replaced); })};
  if (!replaced.empty()) {
    steps.push_back(task.Applying("set what the old login is set to",
                                  [&] { return MissingSettings(task, login.name, replaced); }));
  }
  CROFT_RETURN_IF_ERROR(RunSteps(steps, task.context()));
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  if (!MayConnect(database, task.tenant().owner_role)) {
    return Done{
        absl::StrCat("the login ", login.name, " is made; the database is fenced, so it was not tried")};
  }
  CROFT_RETURN_IF_ERROR(ProveOpen(task));
  return Done{absl::StrCat("the login ", login.name, " is made, and one like it wrote into the database")};
}

absl::StatusOr<std::vector<Change>> WaysIn(const SqlTask& task, const std::string& login) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.session().ObserveRoles({login}, ""));
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
  std::vector<Change> changes;
  if (const RoleState* role = FindRole(roles, login)) {
    const bool shown = role->shows_password && role->verifier.has_value();
    if (role->can_login || shown) {
      changes.push_back(AlterRole{.name = login, .can_login = false, .clear_password = true});
    }
  }
  if (MayConnect(database, login)) {
    changes.push_back(RevokeOnDatabase{database.name, login, {DatabasePrivilege::kConnect}});
  }
  return changes;
}

TaskStep HandOver(const SqlTask& task, const std::string& login) {
  const auto nothing_left = [&task, login]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    // A fenced database cannot be entered; what the login owns there is its group's to use all the same.
    if (!database.allows_connections) return true;
    CROFT_ASSIGN_OR_RETURN(const bool traces, task.session().LeavesTraces(database.name, login));
    return !traces;
  };
  const auto hand_over = [&task, login] {
    return task.session().HandOver(task.tenant().database, login, task.tenant().owner_role);
  };
  return {"hand over what it owns", nothing_left, hand_over};
}

// Where the server does not show whether a password is left, no look could tell that it is gone.
absl::Status ClearHiddenPassword(const SqlTask& task, const std::string& login) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.session().ObserveRoles({login}, ""));
  const RoleState* role = FindRole(roles, login);
  if (role == nullptr || role->shows_password) return absl::OkStatus();
  return task.session().Apply({AlterRole{.name = login, .clear_password = true}});
}

absl::StatusOr<Outcome> Disable(const SqlTask& task, const std::string& login) {
  const auto sessions_gone = [&]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const int64_t left, task.session().CountSessions({.user = login}));
    return left == 0;
  };
  CROFT_RETURN_IF_ERROR(ClearHiddenPassword(task, login));
  CROFT_RETURN_IF_ERROR(
      RunSteps({task.Applying("disable the old login", [&] { return WaysIn(task, login); }),
                {"end its sessions", sessions_gone, [&] { return EndSessions(task, {.user = login}); }},
                HandOver(task, login)},
               task.context()));
  return Done{absl::StrCat("the login ", login, " cannot get in and has no session")};
}

}  // namespace

absl::StatusOr<RotateWork> RotateWork::FromProto(const v1::Task& task) {
  const v1::RotateWork& work = task.rotate();
  switch (work.phase_case()) {
    case v1::RotateWork::kEnable:
      return RotateWork{
          .enable = true, .login = agent::FromProto(work.enable()), .replaces = work.replaces()};
    case v1::RotateWork::kDisable:
      return RotateWork{.enable = false, .login = agent::FromProto(work.disable())};
    case v1::RotateWork::PHASE_NOT_SET: break;
  }
  return InvalidField("rotate", "has to say which login to enable or to disable");
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const RotateWork& work) {
  Login checked = work.login;
  // To disable one, its name is enough.
  if (!work.enable) checked.verifier = "SCRAM-SHA-256$";
  CROFT_RETURN_IF_ERROR(CheckLogins(task.tenant(), {checked}));
  return work.enable ? Enable(task, work.login, work.replaces) : Disable(task, work.login.name);
}

}  // namespace croft::agent
