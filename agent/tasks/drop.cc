// Drop: a tenant's databases, then, where asked, its roles.
//
// Why this order: PostgreSQL keeps a role while a database holds anything of its, so databases go first. Each is
// closed before its sessions are ended, or they would come back. A role that something outside still names,
// such as another tenant's grant, cannot be dropped from here: it is left without a way to log in, and the
// report names it and the databases that hold it.

#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

absl::Status CheckOurs(const SqlTask& task, const DatabaseState& database) {
  if (!database.tag || database.tag->uid == task.tenant().uid) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the database ", database.name, " is not this tenant's: its comment says ",
                                FormatDatabaseTag(*database.tag)),
                   {.reason = "WRONG_DATABASE", .metadata = {{"database", database.name}}});
}

// An invalid database cannot be altered, and needs it not: nobody gets in.
absl::Status CloseAndEmpty(const SqlTask& task, const DatabaseState& database) {
  ClusterSession& session = task.session();
  std::vector<Change> changes = DoorChanges(database, {});
  changes.push_back(AllowConnections{database.name, false});
  CROFT_RETURN_IF_ERROR(session.Apply(changes));
  CROFT_RETURN_IF_ERROR(EndSessions(task, {.database = database.name}));
  CROFT_ASSIGN_OR_RETURN(const int64_t prepared, session.CountPreparedTransactions(database.name));
  if (prepared == 0) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(session.Apply({AllowConnections{database.name, true}}));
  CROFT_RETURN_IF_ERROR(session.RollBackPrepared(database.name));
  return session.Apply({AllowConnections{database.name, false}});
}

TaskStep DropOne(const SqlTask& task, const std::string& name) {
  const auto gone = [&task, name]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database,
                           task.session().ObserveDatabase(name));
    return !database.has_value();
  };
  const auto drop = [&task, name]() -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database,
                           task.session().ObserveDatabase(name));
    if (!database) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(CheckOurs(task, *database));
    if (!database->invalid) CROFT_RETURN_IF_ERROR(CloseAndEmpty(task, *database));
    CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
    return task.session().DropDatabase(name);
  };
  return {"drop a database", gone, drop};
}

// Logins before the groups they are in: a group that outlived its logins would still be found, a login without
// its family not.
std::vector<std::string> InDropOrder(const TenantObjects& tenant, const std::vector<RoleState>& roles) {
  std::vector<std::string> names;
  for (const RoleState& login : LoginsOf(tenant, roles)) names.push_back(login.name);
  for (const std::string& group : {tenant.reader_role, tenant.owner_role}) {
    if (FindRole(roles, group) != nullptr) names.push_back(group);
  }
  return names;
}

// Those that could not be dropped and so were left without a way to log in, with the databases that hold them.
absl::StatusOr<std::vector<std::string>> DropOneByOne(const SqlTask& task,
                                                      const std::vector<std::string>& names) {
  std::vector<std::string> left;
  for (const std::string& name : names) {
    CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
    const absl::Status dropped = task.session().Apply({DropRole{name}});
    if (dropped.ok() || absl::IsNotFound(dropped)) continue;
    if (DetailsOf(dropped).reason != "STILL_REFERENCED") return dropped;
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> holders, task.session().HoldersOf(name));
    left.push_back(absl::StrCat(name, " (", absl::StrJoin(holders, ", "), ")"));
  }
  return left;
}

absl::StatusOr<std::vector<std::string>> DropRoles(const SqlTask& task) {
  CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, task.ObserveRoles());
  if (roles.empty()) return std::vector<std::string>();
  std::vector<Change> closing;
  for (const RoleState& role : roles) {
    const bool has_password = !role.shows_password || role.verifier.has_value();
    if (!role.can_login && !has_password) continue;
    closing.push_back(AlterRole{.name = role.name, .can_login = false, .clear_password = true});
  }
  if (!closing.empty()) CROFT_RETURN_IF_ERROR(task.session().Apply(closing));
  for (const RoleState& login : LoginsOf(task.tenant(), roles)) {
    CROFT_RETURN_IF_ERROR(EndSessions(task, {.user = login.name}));
  }
  const std::vector<std::string> names = InDropOrder(task.tenant(), roles);
  std::vector<Change> dropping;
  for (const std::string& name : names) dropping.push_back(DropRole{name});
  const absl::Status dropped = task.session().Apply(dropping);
  if (dropped.ok()) return std::vector<std::string>();
  if (DetailsOf(dropped).reason != "STILL_REFERENCED") return dropped;
  return DropOneByOne(task, names);
}

}  // namespace

DropWork DropWork::FromProto(const v1::Task& task) {
  const v1::DropWork& work = task.drop();
  return {.databases = {work.databases().begin(), work.databases().end()}, .roles = work.roles()};
}

absl::StatusOr<Outcome> Run(const SqlTask& task, const DropWork& work) {
  std::vector<TaskStep> steps;
  for (const std::string& database : work.databases) {
    CROFT_RETURN_IF_ERROR(CheckDatabaseName(database));
    steps.push_back(DropOne(task, database));
    steps.push_back(DropOne(task, SealedName(database)));
  }
  CROFT_RETURN_IF_ERROR(RunSteps(steps, task.context()));
  if (!work.roles) return Done{"the databases are gone"};
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> left, DropRoles(task));
  if (left.empty()) return Done{"databases and roles are gone"};
  return Done{absl::StrCat(
      "the databases are gone; roles left without login, since other databases (in brackets) still name "
      "them: ",
      absl::StrJoin(left, ", "))};
}

}  // namespace croft::agent
