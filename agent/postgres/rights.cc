// Checks which rights the agent's role lacks on a server, and what would grant them.

#include "agent/postgres/rights.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

namespace croft::agent {
namespace {

constexpr int kRestrictedCreateRole = 160000;  // from here on CREATEROLE hands on only what it has itself

std::vector<std::string> EveryTask() {
  return {"create", "configure", "fence", "unfence", "drop", "back_up", "verify", "restore", "rotate"};
}

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

// What one look at the catalogs tells of the role.
struct Held {
  int version = 0;
  std::string role;
  bool superuser = false;
  bool create_database = false;
  bool create_role = false;
  bool bypass_rls = false;
  bool signal_backend = false;
  bool temp_file_limit = false;
  bool connect = false;
  bool control_data = false;
  bool verifiers = false;
  bool functions = false;
  std::string database;
};

// The functions count when they are all there, callable, and run with a superuser's rights whom nobody else can make
// into another: who owns a function may replace it.
constexpr char kHeld[] =
    "SELECT current_setting('server_version_num')::int, rolname, rolsuper, rolcreatedb, rolcreaterole, "
    "rolbypassrls, pg_has_role('pg_signal_backend', 'USAGE'), "
    "has_parameter_privilege('temp_file_limit', 'SET'), "
    "has_database_privilege(current_database(), 'CONNECT'), "
    "has_function_privilege('pg_control_system()', 'EXECUTE') "
    "AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE'), "
    "has_column_privilege('pg_authid', 'rolpassword', 'SELECT') "
    "AND has_column_privilege('pg_authid', 'oid', 'SELECT'), "
    "(SELECT count(*) = 6 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    "JOIN pg_roles o ON o.oid = p.proowner "
    "WHERE n.nspname = current_user AND p.prosecdef AND o.rolsuper "
    "AND p.proname IN ('create_role', 'alter_role', 'grant_role', 'drop_role', 'let_act_as', "
    "'limit_temporary_files') "
    "AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')), "
    "current_database()::text "
    "FROM pg_roles WHERE rolname = current_user";

absl::StatusOr<Held> Look(Connection& connection) {
  auto row = connection.Row<int32_t, std::string, bool, bool, bool, bool, bool, bool, bool, bool, bool,
                            bool, std::string>(kHeld);
  if (!row.ok()) return std::move(row).status();
  Held held;
  std::tie(held.version, held.role, held.superuser, held.create_database, held.create_role, held.bypass_rls,
           held.signal_backend, held.temp_file_limit, held.connect, held.control_data, held.verifiers,
           held.functions, held.database) = *std::move(row);
  return held;
}

std::string Setup(const Held& held) {
  return absl::StrCat("-- what `croft-agent external-setup --postgres-version ", held.version / 10000,
                      held.role == "croft" ? "" : absl::StrCat(" --role ", held.role), "` prints");
}

MissingRight MissingRoles(const Held& held) {
  if (held.version >= kRestrictedCreateRole) {
    return {.right = "CREATEROLE",
            .consequence = "the agent cannot make, change or drop the tenants' roles",
            .remedy = absl::StrCat("ALTER ROLE ", Quoted(held.role), " CREATEROLE;"),
            .task_kinds = EveryTask()};
  }
  return {.right = absl::StrCat("EXECUTE on the functions of schema ", held.role),
          .consequence = "the agent cannot make, change or drop the tenants' roles",
          .remedy = Setup(held),
          .task_kinds = EveryTask()};
}

MissingRight MissingBypass(const Held& held) {
  return {.right = "BYPASSRLS",
          .consequence =
              "a tenant with a table that FORCEs row level security cannot be backed up, so it cannot be "
              "retired either; other tenants can",
          .remedy = held.version >= kRestrictedCreateRole
                        ? absl::StrCat("ALTER ROLE ", Quoted(held.role), " BYPASSRLS;")
                        : Setup(held),
          .task_kinds = {}};
}

}  // namespace

absl::StatusOr<SessionRights> FindSessionRights(Connection& connection) {
  CROFT_ASSIGN_OR_RETURN(Held held, Look(connection));
  const bool before_16 = held.version < kRestrictedCreateRole;
  const bool by_functions = !held.superuser && before_16 && held.functions;
  return SessionRights{.shows_passwords = held.verifiers,
                       .may_limit_temporary_files = held.temp_file_limit,
                       .joins_what_it_makes = before_16 && !held.superuser && !by_functions,
                       .may_bypass_rls = held.superuser || by_functions || (held.bypass_rls && !before_16),
                       .making = by_functions ? RoleMaking::kByFunctions : RoleMaking::kDirectly,
                       .role = std::move(held.role)};
}

absl::StatusOr<std::vector<MissingRight>> FindMissingRights(Connection& connection) {
  CROFT_ASSIGN_OR_RETURN(const Held held, Look(connection));
  std::vector<MissingRight> missing;
  if (held.superuser) return missing;
  const std::string role = Quoted(held.role);
  const bool functions = held.version < kRestrictedCreateRole && held.functions;
  // A session that is open goes on without these two; the next one is not let in.
  if (!held.connect) missing.push_back(MissingConnect(held.database, held.role));
  if (!held.control_data) missing.push_back(MissingControlData(held.role));
  if (!held.create_database) {
    missing.push_back({.right = "CREATEDB",
                       .consequence =
                           "the agent cannot make or rename databases: no tenant is created, fenced, "
                           "restored or verified",
                       .remedy = absl::StrCat("ALTER ROLE ", role, " CREATEDB;"),
                       .task_kinds = {"create", "fence", "unfence", "verify", "restore"}});
  }
  if (!held.create_role && !functions) missing.push_back(MissingRoles(held));
  if (!held.signal_backend) {
    missing.push_back({.right = "pg_signal_backend",
                       .consequence =
                           "the agent cannot end sessions: no tenant is fenced, retired or dropped while "
                           "somebody is connected",
                       .remedy = absl::StrCat("GRANT pg_signal_backend TO ", role, ";"),
                       .task_kinds = {"fence", "drop", "back_up", "verify", "restore", "rotate"}});
  }
  // On 15 nobody but a superuser makes a role that has it; the functions do.
  const bool makes_bypass = held.version >= kRestrictedCreateRole ? held.bypass_rls : functions;
  if (!makes_bypass) missing.push_back(MissingBypass(held));
  if (!held.temp_file_limit) {
    missing.push_back({.right = "SET ON PARAMETER temp_file_limit",
                       .consequence = "a tenant's queries may fill the server's disk with temporary files",
                       .remedy = absl::StrCat("GRANT SET ON PARAMETER temp_file_limit TO ", role, ";"),
                       .task_kinds = {}});
  }
  return missing;
}

MissingRight MissingConnect(absl::string_view database, absl::string_view role) {
  return {.right = absl::StrCat("CONNECT on database ", database),
          .consequence = "the agent is not let in: nothing works",
          .remedy = absl::StrCat("GRANT CONNECT ON DATABASE ", Quoted(database), " TO ", Quoted(role), ";"),
          .task_kinds = EveryTask()};
}

MissingRight MissingControlData(absl::string_view role) {
  return {
      .right = "EXECUTE on pg_control_system() and pg_control_checkpoint()",
      .consequence = "the agent cannot tell which cluster this is, so it does nothing on it",
      .remedy = absl::StrCat("GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO ",
                             Quoted(role), ";"),
      .task_kinds = EveryTask()};
}

}  // namespace croft::agent
