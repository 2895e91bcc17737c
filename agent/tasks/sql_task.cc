// What all SQL tasks share: checks of names, what the server shows of a tenant, the end of its sessions.

#include "agent/tasks/sql_task.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// What PostgreSQL takes less the longest suffix that is put behind: `_f` of a sealed database, `_` and a few
// letters of a login.
constexpr size_t kDatabaseNameBytes = 61;
constexpr size_t kOwnerRoleBytes = 50;

// How often sessions are counted while they end.
constexpr absl::Duration kFirstPoll = absl::Milliseconds(2);
constexpr absl::Duration kLongestPoll = absl::Milliseconds(50);

bool IsServersOwn(absl::string_view name) {
  return absl::StartsWith(name, "pg_") || name == "postgres" || name == "template0" ||
         name == "template1" || name == "public" || name == "none" || name == "croft";
}

absl::Status CheckName(absl::string_view name, absl::string_view field, size_t longest) {
  if (name.empty() || name.size() > longest) {
    return InvalidField(field, absl::StrCat("must have 1 to ", longest, " bytes, not ", name.size()));
  }
  if (IsServersOwn(name)) return InvalidField(field, absl::StrCat("\"", name, "\" is the server's own"));
  return absl::OkStatus();
}

bool IsFamilySuffix(absl::string_view suffix) {
  return !suffix.empty() && std::all_of(suffix.begin(), suffix.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

absl::Status WrongDatabase(const DatabaseState& database) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the database ", database.name,
                                " belongs to another tenant or generation: its comment "
                                "says ",
                                FormatDatabaseTag(*database.tag)),
                   {.reason = "WRONG_DATABASE", .metadata = {{"database", database.name}}});
}

}  // namespace

absl::Status InvalidDatabase(const DatabaseState& database) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the database ", database.name, " was being dropped; it can only be dropped again"),
      {.reason = "DATABASE_INVALID", .metadata = {{"database", database.name}}});
}

absl::Status CheckDatabaseName(absl::string_view name) {
  return CheckName(name, "database", kDatabaseNameBytes);
}

absl::Status CheckLogins(const TenantObjects& tenant, const std::vector<Login>& logins) {
  for (const Login& login : logins) {
    const std::string family = absl::StrCat(tenant.owner_role, "_");
    if (!absl::StartsWith(login.name, family) ||
        !IsFamilySuffix(absl::string_view(login.name).substr(family.size())) ||
        login.name == tenant.reader_role) {
      return InvalidField("logins.name",
                          absl::StrCat("\"", login.name, "\" must be ", family,
                                       " and small letters or digits: a fence finds logins by that"));
    }
    if (!absl::StartsWith(login.verifier, "SCRAM-SHA-256$")) {
      return InvalidField("logins.verifier",
                          "must be a SCRAM-SHA-256 verifier; anything else is a password");
    }
  }
  return absl::OkStatus();
}

SqlTask::SqlTask(Cluster& cluster, Random& random, const TenantDefaults& defaults, const Task& task,
                 TaskContext& context)
    : cluster_(cluster),
      random_(random),
      defaults_(defaults),
      task_(task),
      context_(context),
      timeout_(TimeoutOf(task, context)) {}

absl::StatusOr<SqlTask> SqlTask::Begin(Cluster& cluster, Random& random, const TenantDefaults& defaults,
                                       const Task& task, TaskContext& context) {
  if (task.tenant.uid.empty()) return InvalidField("tenant.uid", "must be given");
  CROFT_RETURN_IF_ERROR(CheckName(task.tenant.database, "tenant.database", kDatabaseNameBytes));
  CROFT_RETURN_IF_ERROR(CheckName(task.tenant.owner_role, "tenant.owner_role", kOwnerRoleBytes));
  CROFT_RETURN_IF_ERROR(CheckName(task.tenant.reader_role, "tenant.reader_role", kDatabaseNameBytes));
  SqlTask begun(cluster, random, defaults, task, context);
  CROFT_ASSIGN_OR_RETURN(begun.session_,
                         cluster.Begin(task.tenant.uid, LockMode::kExclusive, begun.timeout_));
  return begun;
}

absl::StatusOr<std::vector<RoleState>> SqlTask::ObserveRoles(const std::vector<Login>& logins) const {
  return session_->ObserveRoles(Guests(tenant(), logins), tenant().owner_role);
}

bool SqlTask::IsSealed(const DatabaseState& database) const { return database.name != tenant().database; }

absl::StatusOr<std::optional<DatabaseState>> SqlTask::ObserveDatabase() const {
  CROFT_ASSIGN_OR_RETURN(std::optional<DatabaseState> database,
                         session_->ObserveDatabase(tenant().database));
  if (!database) {
    CROFT_ASSIGN_OR_RETURN(database, session_->ObserveDatabase(SealedName(tenant().database)));
  }
  const DatabaseTag own{tenant().uid, tenant().generation};
  if (database && database->tag && *database->tag != own) return WrongDatabase(*database);
  return database;
}

absl::StatusOr<DatabaseState> SqlTask::NeedDatabase() const {
  CROFT_ASSIGN_OR_RETURN(std::optional<DatabaseState> database, ObserveDatabase());
  if (!database) {
    return MakeError(
        absl::StatusCode::kNotFound,
        absl::StrCat("the database ", tenant().database, " is not on this server, sealed or not"),
        {.reason = "DATABASE_MISSING", .metadata = {{"database", tenant().database}}});
  }
  if (database->invalid) return InvalidDatabase(*database);
  return *std::move(database);
}

absl::Status SqlTask::SetHiddenVerifiers(const std::vector<Login>& logins) const {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, ObserveRoles(logins));
  std::vector<Change> changes;
  for (const Login& login : logins) {
    const RoleState* role = FindRole(roles, login.name);
    if (role == nullptr || role->shows_password) continue;
    changes.push_back(AlterRole{.name = login.name, .verifier = login.verifier});
  }
  return changes.empty() ? absl::OkStatus() : session_->Apply(changes);
}

TaskStep SqlTask::Applying(absl::string_view name, Missing missing, Durability durability) const {
  // Between a look and the act that follows it; a new look replaces it.
  auto found = std::make_shared<std::vector<Change>>();
  return {.name = name,
          .done = [missing = std::move(missing), found]() -> absl::StatusOr<bool> {
            CROFT_ASSIGN_OR_RETURN(*found, missing());
            return found->empty();
          },
          .act = [this, found, durability] { return session_->Apply(*found, durability); }};
}

absl::Status EndSessions(const SqlTask& task, const SessionFilter& filter) {
  absl::Duration poll = kFirstPoll;
  while (true) {
    CROFT_ASSIGN_OR_RETURN(const int64_t left, task.session().CountSessions(filter));
    if (left == 0) return absl::OkStatus();
    CROFT_RETURN_IF_ERROR(task.context().KeepGoing());
    // All at once, and again each time: one by one, those not yet asked would write on.
    CROFT_ASSIGN_OR_RETURN(const int64_t asked, task.session().TerminateSessions(filter));
    if (asked == 0)
      task.context().Report("waiting for a superuser's session to end, which the agent may not");
    absl::SleepFor(poll);
    poll = std::min(poll * 2, kLongestPoll);
  }
}

std::vector<TaskStep> EmptyingSteps(const SqlTask& task,
                                    std::function<std::vector<std::string>()> except_users) {
  const auto filter = [&task, except_users]() -> absl::StatusOr<SessionFilter> {
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    return SessionFilter{.database = database.name, .except_users = except_users()};
  };
  const auto sessions_gone = [&task, filter]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const SessionFilter found, filter());
    CROFT_ASSIGN_OR_RETURN(const int64_t left, task.session().CountSessions(found));
    return left == 0;
  };
  const auto end_sessions = [&task, filter]() -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const SessionFilter found, filter());
    return EndSessions(task, found);
  };
  const auto none_prepared = [&task]() -> absl::StatusOr<bool> {
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    CROFT_ASSIGN_OR_RETURN(const int64_t left, task.session().CountPreparedTransactions(database.name));
    return left == 0;
  };
  // They are ended from within only. Nobody holds CONNECT by now, so opening the database lets in nobody else;
  // the door is found and closed again by the first step when this is cut.
  const auto end_prepared = [&task]() -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const DatabaseState database, task.NeedDatabase());
    const bool closed = !database.allows_connections;
    if (closed) CROFT_RETURN_IF_ERROR(task.session().Apply({AllowConnections{database.name, true}}));
    const absl::Status ended = task.session().RollBackPrepared(database.name);
    if (closed) CROFT_RETURN_IF_ERROR(task.session().Apply({AllowConnections{database.name, false}}));
    return ended;
  };
  return {{"end the sessions", sessions_gone, end_sessions},
          {"roll back prepared transactions", none_prepared, end_prepared}};
}

}  // namespace croft::agent
