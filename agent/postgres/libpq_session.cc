// One maintenance session of a cluster over libpq: what it shows, and the changes it makes.

#include "agent/postgres/libpq_session.h"

#include <algorithm>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "agent/postgres/changes.h"
#include "agent/postgres/growth.h"
#include "agent/postgres/shared_dependencies.h"

namespace croft::agent {
namespace {

// "name=value", as pg_db_role_setting holds them.
std::map<std::string, std::string> Settings(const std::optional<std::vector<std::string>>& config) {
  std::map<std::string, std::string> settings;
  if (!config) return settings;
  for (const std::string& entry : *config) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) settings[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return settings;
}

// "role name=value".
std::map<std::string, std::map<std::string, std::string>> RoleSettings(
    const std::vector<std::string>& entries) {
  std::map<std::string, std::map<std::string, std::string>> settings;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    const size_t space = entry.rfind(' ', equals);
    if (equals == std::string::npos || space == std::string::npos) continue;
    settings[entry.substr(0, space)][entry.substr(space + 1, equals - space - 1)] =
        entry.substr(equals + 1);
  }
  return settings;
}

// "PRIVILEGE role"; PUBLIC is the empty name.
std::vector<DatabaseGrant> Grants(const std::vector<std::string>& entries) {
  std::vector<DatabaseGrant> grants;
  for (const std::string& entry : entries) {
    const size_t space = entry.find(' ');
    const absl::string_view privilege = absl::string_view(entry).substr(0, space);
    DatabaseGrant grant{.role = entry.substr(space + 1)};
    if (privilege == "CREATE") grant.privilege = DatabasePrivilege::kCreate;
    if (privilege == "TEMPORARY") grant.privilege = DatabasePrivilege::kTemporary;
    grants.push_back(std::move(grant));
  }
  std::sort(grants.begin(), grants.end());
  return grants;
}

// What runs for no user is the server's own work, such as autovacuum: nobody but a superuser may end it, nor read its
// backend_type.
constexpr char kSessionsOf[] =
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE ($1 <> '' OR $2 <> '') AND ($1 = '' OR datname = $1) AND ($2 = '' OR usename = $2) "
    "AND NOT coalesce(usename = ANY ($3::name[]), false) AND pid <> pg_backend_pid() "
    "AND usesysid IS NOT NULL";
// One that is no superuser may not end superusers' sessions, and an attempt would end none at all.
constexpr char kTerminateSessionsOf[] =
    "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE ($1 <> '' OR $2 <> '') AND ($1 = '' OR datname = $1) AND ($2 = '' OR usename = $2) "
    "AND NOT coalesce(usename = ANY ($3::name[]), false) AND pid <> pg_backend_pid() "
    "AND usesysid IS NOT NULL "
    "AND (current_setting('is_superuser')::bool "
    "OR NOT coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), false))";

// Whoever the session of that number waits for, as long as it is a session of ordinary rights.
constexpr char kTerminateBlockersOf[] =
    "SELECT count(pg_terminate_backend(a.pid)) FROM unnest(pg_blocking_pids($1::int)) AS blocker "
    "JOIN pg_stat_activity a ON a.pid = blocker JOIN pg_roles r ON r.oid = a.usesysid "
    "WHERE NOT r.rolsuper AND a.usename <> current_user";
// Tables in one transaction of a limiting of growth.
constexpr int64_t kGrowthBatch = 256;

// Asked every fifth of a second; a change that nobody holds up is through long before.
constexpr int kAsksBeforeForce = 2;

absl::Status ExtensionError(absl::string_view extension, bool available) {
  const ErrorMetadata metadata = {{"extension", std::string(extension)}};
  if (!available) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the server has no extension \"", extension,
                                  "\"; install its package on the host, or leave it out"),
                     {.reason = "EXTENSION_NOT_AVAILABLE", .metadata = metadata});
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the server does not trust tenants with the extension \"", extension,
                                "\"; only trusted ones can be had"),
                   {.reason = "EXTENSION_NOT_TRUSTED", .metadata = metadata});
}

absl::Status ExtensionNotAllowed(absl::string_view extension) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("this host does not let tenants install the extension \"", extension,
                   "\"; its agent's --extensions names those it does"),
      {.reason = "EXTENSION_NOT_ALLOWED", .metadata = {{"extension", std::string(extension)}}});
}

bool Among(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What `reader` may do with whatever the role that runs this makes.
std::vector<Statement> DefaultPrivilegesFor(const std::string& reader) {
  return {{"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO %I", {reader}},
          {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO %I", {reader}},
          {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO %I", {reader}}};
}

// Refuses, inside a tenant's database, extensions that are not in `allowed`, those that others bring with them
// too. It lies among the system's own objects: the tenant cannot remove it, and no dump holds its function.
std::vector<Statement> GuardOf(const std::vector<std::string>& allowed) {
  const std::string body = absl::StrCat(
      "DECLARE stranger name; BEGIN "
      "SELECT e.extname INTO stranger FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner "
      "WHERE NOT r.rolsuper AND e.extname <> ALL ('",
      TextArray(allowed),
      "'::name[]) LIMIT 1; "
      "IF FOUND THEN RAISE EXCEPTION 'this server does not let tenants install the extension \"%\"', "
      "stranger "
      "USING ERRCODE = 'insufficient_privilege'; END IF; END");
  return {
      {"DROP EVENT TRIGGER IF EXISTS croft_guard_extensions"},
      {"CREATE OR REPLACE FUNCTION pg_catalog.croft_guard_extensions() RETURNS event_trigger LANGUAGE "
       "plpgsql "
       "SET search_path = pg_catalog, pg_temp AS %L",
       {body}},
      {"CREATE EVENT TRIGGER croft_guard_extensions ON ddl_command_end WHEN TAG IN ('CREATE EXTENSION') "
       "EXECUTE FUNCTION pg_catalog.croft_guard_extensions()"},
  };
}

}  // namespace

LibpqSession::LibpqSession(MaintenanceConnection maintenance, Timeout timeout,
                           std::optional<std::vector<std::string>> extensions, Enter enter,
                           GiveBack give_back)
    : maintenance_(std::move(maintenance)),
      timeout_(std::move(timeout)),
      extensions_(std::move(extensions)),
      enter_(std::move(enter)),
      give_back_(std::move(give_back)) {}

LibpqSession::~LibpqSession() {
  LeaveDatabase();
  give_back_(std::move(maintenance_));
}

absl::StatusOr<Connection*> LibpqSession::EnterDatabase(absl::string_view database) {
  if (!inside_ || inside_->database != database || !inside_->connection.usable()) {
    LeaveDatabase();
    CROFT_ASSIGN_OR_RETURN(Connection connection, enter_(database));
    inside_.emplace(Inside{std::string(database), std::move(connection)});
  }
  return &inside_->connection;
}

absl::Status LibpqSession::ExecuteUnhindered(Connection& connection,
                                             const std::vector<Statement>& statements) {
  std::optional<Connection> aside;
  int asked = 0;
  const std::string waiting = absl::StrCat(connection.backend_pid());
  connection.SetTimeout({.deadline = timeout_.deadline, .keep_going = [&]() -> absl::Status {
                           if (timeout_.keep_going) CROFT_RETURN_IF_ERROR(timeout_.keep_going());
                           if (++asked < kAsksBeforeForce) return absl::OkStatus();
                           if (!aside || !aside->usable()) {
                             absl::StatusOr<Connection> opened = enter_("");
                             if (!opened.ok()) return absl::OkStatus();  // the next ask tries again
                             aside = *std::move(opened);
                           }
                           // What follows tells whether it helped: the change goes through, or runs out of timeout.
                           aside->Execute(Bind(kTerminateBlockersOf, {waiting})).IgnoreError();
                           return absl::OkStatus();
                         }});
  absl::Status done = connection.ExecuteTogether(statements);
  connection.SetTimeout(timeout_);
  return done;
}

absl::StatusOr<std::vector<RoleState>> LibpqSession::ObserveRoles(const std::vector<std::string>& names,
                                                                  absl::string_view family) {
  using Strings = std::vector<std::string>;
  const std::vector<std::optional<std::string>> parameters = {TextArray(names), std::string(family)};
  const auto observe = [&](const Statement& statement) {
    return maintenance()
        .Rows<std::string, bool, bool, bool, int32_t, Strings, std::optional<Strings>,
              std::optional<std::string>>(statement);
  };
  auto rows =
      maintenance_.rights.shows_passwords
          ? observe(Bind("SELECT r.rolname, r.rolcanlogin, r.rolinherit, r.rolsuper, r.rolconnlimit, "
                         "ARRAY(SELECT DISTINCT g.rolname::text FROM pg_auth_members m "
                         "JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1), "
                         "r.rolconfig, (SELECT a.rolpassword FROM pg_authid a WHERE a.oid = r.oid) "
                         "FROM pg_roles r WHERE r.rolname = ANY ($1::name[]) OR ($2 <> '' AND "
                         "starts_with(r.rolname::text, $2 || '_') AND "
                         "substr(r.rolname::text, length($2) + 2) ~ '^[a-z0-9]+$') ORDER BY r.rolname",
                         parameters))
          : observe(Bind("SELECT r.rolname, r.rolcanlogin, r.rolinherit, r.rolsuper, r.rolconnlimit, "
                         "ARRAY(SELECT DISTINCT g.rolname::text FROM pg_auth_members m "
                         "JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1), "
                         "r.rolconfig, NULL::text "
                         "FROM pg_roles r WHERE r.rolname = ANY ($1::name[]) OR ($2 <> '' AND "
                         "starts_with(r.rolname::text, $2 || '_') AND "
                         "substr(r.rolname::text, length($2) + 2) ~ '^[a-z0-9]+$') ORDER BY r.rolname",
                         parameters));
  if (!rows.ok()) return std::move(rows).status();
  std::vector<RoleState> roles;
  for (auto& [name, login, inherits, superuser, limit, groups, config, verifier] : *rows) {
    roles.push_back({.name = std::move(name),
                     .can_login = login,
                     .inherits = inherits,
                     .superuser = superuser,
                     .connection_limit = limit,
                     .member_of = std::move(groups),
                     .settings = Settings(config),
                     .shows_password = maintenance_.rights.shows_passwords,
                     .verifier = std::move(verifier)});
  }
  return roles;
}

absl::StatusOr<std::optional<DatabaseState>> LibpqSession::ObserveDatabase(absl::string_view name) {
  using Strings = std::vector<std::string>;
  auto rows = maintenance()
                  .Rows<std::string, std::string, bool, int32_t, std::optional<std::string>,
                        std::optional<Strings>, Strings, Strings>(
                      Bind("SELECT d.datname, o.rolname, d.datallowconn, d.datconnlimit, "
                           "shobj_description(d.oid, 'pg_database'), "
                           "(SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid "
                           "AND s.setrole = 0), "
                           "ARRAY(SELECT a.privilege_type || ' ' || coalesce(g.rolname::text, '') "
                           "FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a "
                           "LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE a.grantee <> d.datdba), "
                           "ARRAY(SELECT r.rolname || ' ' || c FROM pg_db_role_setting s "
                           "JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c "
                           "WHERE s.setdatabase = d.oid) "
                           "FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba WHERE d.datname = $1",
                           {std::string(name)}));
  if (!rows.ok()) return std::move(rows).status();
  if (rows->empty()) return std::nullopt;
  auto& [found, owner, allowed, limit, comment, config, grants, role_config] = rows->front();
  constexpr int32_t kInvalid = -2;  // what a cut DROP leaves as the limit
  DatabaseState state{.name = std::move(found),
                      .owner = std::move(owner),
                      .allows_connections = allowed,
                      .invalid = limit == kInvalid,
                      .connection_limit = limit == kInvalid ? -1 : limit,
                      .settings = Settings(config),
                      .role_settings = RoleSettings(role_config),
                      .grants = Grants(grants)};
  if (comment) state.tag = ParseDatabaseTag(*comment);
  return state;
}

RoleMaker LibpqSession::role_maker() const {
  const SessionRights& rights = maintenance_.rights;
  return {.making = rights.making, .role = rights.role, .may_bypass_rls = rights.may_bypass_rls};
}

absl::Status LibpqSession::Explain(absl::Status status) {
  if (SqlStateOf(status) != sqlstate::kInsufficientPrivilege) return status;
  auto missing = FindMissingRights(maintenance());
  if (!missing.ok() || missing->empty()) return status;
  std::vector<std::string> lacking;
  for (const MissingRight& one : *missing)
    lacking.push_back(absl::StrCat(one.right, " (", one.remedy, ")"));
  ErrorDetails details = DetailsOf(status);
  return WithPostgresMessage(
      MakeError(status.code(),
                absl::StrCat(status.message(), "; the agent's role lacks ", absl::StrJoin(lacking, ", ")),
                std::move(details)),
      PostgresMessageOf(status));
}

absl::Status LibpqSession::Apply(const std::vector<Change>& changes, Durability durability) {
  LeaveDatabase();
  std::vector<Statement> statements = StatementsFor(changes, durability, role_maker());
  // From 16 on, who makes a role may act as it; before, a role that is no superuser must be in it.
  for (const Change& change : changes) {
    const auto* made = std::get_if<CreateRole>(&change);
    if (made == nullptr || made->role.can_login || !maintenance_.rights.joins_what_it_makes) continue;
    statements.push_back({"GRANT %I TO CURRENT_USER", {made->role.name}});
  }
  return Explain(ExecuteUnhindered(maintenance(), statements));
}

absl::Status LibpqSession::CreateDatabase(absl::string_view name, absl::string_view locale) {
  LeaveDatabase();
  const std::string database(name);
  const absl::Status made =
      locale.empty()
          ? maintenance().Execute(
                {"CREATE DATABASE %I TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false",
                 {database}})
          : maintenance().Execute(
                {"CREATE DATABASE %I TEMPLATE template0 ENCODING 'UTF8' LOCALE %L ALLOW_CONNECTIONS false",
                 {database, std::string(locale)}});
  const std::string state = SqlStateOf(made);
  if (state == "42809" || state == "22023") {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("the server does not know the locale \"", locale, "\" for UTF-8"),
                     {.reason = "INVALID_LOCALE", .metadata = {{"locale", std::string(locale)}}});
  }
  return Explain(made);
}

absl::Status LibpqSession::DropDatabase(absl::string_view name) {
  LeaveDatabase();
  return Explain(maintenance().Execute({"DROP DATABASE IF EXISTS %I WITH (FORCE)", {std::string(name)}}));
}

absl::StatusOr<SchemaState> LibpqSession::ObserveSchema(absl::string_view database, absl::string_view owner,
                                                        absl::string_view reader) {
  CROFT_ASSIGN_OR_RETURN(Connection * inside, EnterDatabase(database));
  auto row = inside->Row<std::string, bool, std::vector<std::string>>(Bind(
      "SELECT coalesce((SELECT o.rolname::text FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner "
      "WHERE n.nspname = 'public'), ''), "
      "EXISTS (SELECT FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole, "
      "aclexplode(d.defaclacl) a JOIN pg_roles g ON g.oid = a.grantee "
      "WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'r' AND o.rolname = $1 AND g.rolname = $2 "
      "AND a.privilege_type = 'SELECT'), "
      "ARRAY(SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1)",
      {std::string(owner), std::string(reader)}));
  if (!row.ok()) return std::move(row).status();
  auto& [public_owner, reader_sees, extensions] = *row;
  return SchemaState{.public_owner = std::move(public_owner),
                     .reader_sees_tables = reader_sees,
                     .extensions = std::move(extensions)};
}

absl::Status LibpqSession::CheckExtensions(Connection& connection,
                                           const std::vector<std::string>& extensions) {
  if (extensions.empty()) return absl::OkStatus();
  auto rows = connection.Rows<std::string, bool>(Bind(
      "SELECT name, bool_or(trusted) FROM pg_available_extension_versions WHERE name = ANY ($1::name[]) "
      "GROUP BY name",
      {TextArray(extensions)}));
  if (!rows.ok()) return std::move(rows).status();
  for (const std::string& extension : extensions) {
    const auto row = std::find_if(rows->begin(), rows->end(), [&](const auto& candidate) {
      return std::get<0>(candidate) == extension;
    });
    if (row == rows->end()) return ExtensionError(extension, false);
    if (!std::get<1>(*row)) return ExtensionError(extension, true);
    if (extensions_ && !Among(*extensions_, extension)) return ExtensionNotAllowed(extension);
  }
  return absl::OkStatus();
}

absl::Status LibpqSession::PrepareSchema(absl::string_view database, const SchemaSpec& spec) {
  CROFT_ASSIGN_OR_RETURN(Connection * inside, EnterDatabase(database));
  CROFT_RETURN_IF_ERROR(CheckExtensions(*inside, spec.extensions));
  // What follows SET LOCAL ROLE is done as the tenant's owner, who may do it on every version and whether or not
  // the agent is a superuser.
  std::vector<Statement> statements = {"SET LOCAL synchronous_commit = off"};
  if (extensions_) {
    for (Statement& statement : GuardOf(*extensions_)) statements.push_back(std::move(statement));
  }
  statements.push_back({"ALTER SCHEMA public OWNER TO %I", {spec.owner}});
  statements.push_back({"SET LOCAL ROLE %I", {spec.owner}});
  statements.push_back({"GRANT USAGE ON SCHEMA public TO %I", {spec.reader}});
  for (Statement& statement : DefaultPrivilegesFor(spec.reader)) statements.push_back(std::move(statement));
  // An extension goes to the first schema of the path.
  if (!spec.extensions.empty()) statements.push_back("SET LOCAL search_path = public, pg_temp");
  for (const std::string& extension : spec.extensions) {
    statements.push_back({"CREATE EXTENSION IF NOT EXISTS %I", {extension}});
  }
  return inside->ExecuteTogether(statements);
}

absl::StatusOr<int64_t> LibpqSession::CountSessions(const SessionFilter& filter) {
  return maintenance().Value<int64_t>(
      Bind(kSessionsOf, {filter.database, filter.user, TextArray(filter.except_users)}));
}

absl::StatusOr<int64_t> LibpqSession::TerminateSessions(const SessionFilter& filter) {
  auto ended = maintenance().Value<int64_t>(
      Bind(kTerminateSessionsOf, {filter.database, filter.user, TextArray(filter.except_users)}));
  if (!ended.ok()) return Explain(std::move(ended).status());
  return ended;
}

absl::StatusOr<int64_t> LibpqSession::CountPreparedTransactions(absl::string_view database) {
  return maintenance().Value<int64_t>(
      Bind("SELECT count(*) FROM pg_prepared_xacts WHERE database = $1", {std::string(database)}));
}

// Before 16 the agent is not in the logins that it makes, or a login has taken that back.
absl::Status LibpqSession::LetActAs(const std::string& role) {
  if (by_functions()) {
    return maintenance().Execute({"SELECT %I.let_act_as(%L)", {maintenance_.rights.role, role}});
  }
  if (!maintenance_.rights.joins_what_it_makes) return absl::OkStatus();
  return maintenance().Execute({"GRANT %I TO CURRENT_USER", {role}});
}

absl::Status LibpqSession::RollBackPrepared(absl::string_view database) {
  CROFT_ASSIGN_OR_RETURN(Connection inside, enter_(database));
  auto rows = inside.Rows<std::string, std::string>(
      Bind("SELECT gid, owner FROM pg_prepared_xacts WHERE database = $1", {std::string(database)}));
  if (!rows.ok()) return std::move(rows).status();
  for (const auto& [gid, owner] : *rows) {
    CROFT_RETURN_IF_ERROR(LetActAs(owner));
    CROFT_RETURN_IF_ERROR(inside.Execute({"SET ROLE %I", {owner}}));
    const absl::Status ended = inside.Execute({"ROLLBACK PREPARED %L", {gid}});
    if (!ended.ok() && SqlStateOf(ended) != sqlstate::kUndefinedObject) return ended;
    CROFT_RETURN_IF_ERROR(inside.Execute("RESET ROLE"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> LibpqSession::ReaderHasRights(absl::string_view database, absl::string_view reader) {
  Statement look = Bind("SELECT coalesce((SELECT ", {std::string(database), std::string(reader)});
  look.Append(kReaderHasDefaults).Append(" AND ").Append(kReaderHasSchema);
  look.Append(" FROM pg_database d, pg_roles r WHERE d.datname = $1 AND r.rolname = $2), false)");
  return maintenance().Value<bool>(look);
}

absl::Status LibpqSession::GrantReader(absl::string_view database, absl::string_view owner,
                                       absl::string_view reader) {
  const std::string as(owner);
  const std::string to(reader);
  CROFT_RETURN_IF_ERROR(LetActAs(as));
  CROFT_ASSIGN_OR_RETURN(Connection inside, enter_(database));
  auto schemas = inside.Rows<std::string, bool>(
      Bind("SELECT n.nspname::text, EXISTS (SELECT FROM aclexplode(n.nspacl) a JOIN pg_roles g "
           "ON g.oid = a.grantee WHERE g.rolname = $2 AND a.privilege_type = 'USAGE') "
           "FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner WHERE o.rolname = $1 ORDER BY 1",
           {as, to}));
  if (!schemas.ok()) return std::move(schemas).status();
  std::vector<Statement> statements = {{"SET LOCAL ROLE %I", {as}}};
  for (Statement& statement : DefaultPrivilegesFor(to)) statements.push_back(std::move(statement));
  if (schemas->empty()) statements.emplace_back("CREATE SCHEMA IF NOT EXISTS public");
  // One schema that it may use is the tenant's decision about the others.
  const bool uses_one =
      std::any_of(schemas->begin(), schemas->end(), [](const auto& schema) { return std::get<1>(schema); });
  for (const auto& [schema, usable] : *schemas) {
    if (!uses_one) statements.push_back({"GRANT USAGE ON SCHEMA %I TO %I", {schema, to}});
  }
  return ExecuteUnhindered(inside, statements);
}

absl::StatusOr<int64_t> LibpqSession::CountGrowthChanges(absl::string_view database,
                                                         absl::string_view owner, bool closed) {
  CROFT_ASSIGN_OR_RETURN(Connection inside, enter_(database));
  return agent::CountGrowthChanges(inside, std::string(owner), closed);
}

absl::Status LibpqSession::LimitGrowth(absl::string_view database, absl::string_view owner, bool closed) {
  const std::string as(owner);
  CROFT_RETURN_IF_ERROR(LetActAs(as));
  CROFT_ASSIGN_OR_RETURN(Connection inside, enter_(database));
  // An object that the tenant drops or changes at the same moment takes its whole batch with it: the next is smaller.
  int64_t batch = kGrowthBatch;
  CROFT_ASSIGN_OR_RETURN(const int64_t count, agent::CountGrowthChanges(inside, as, closed));
  for (int64_t rounds = count + kGrowthBatch; rounds > 0; --rounds) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<Statement> changes,
                           NextGrowthChanges(inside, as, closed, batch));
    if (changes.empty()) break;
    const absl::Status made = ExecuteUnhindered(inside, changes);
    if (!made.ok() && (!IsGrowthRace(made) || batch == 1)) return made;
    batch = made.ok() ? kGrowthBatch : std::max<int64_t>(batch / 4, 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> LibpqSession::HoldersOf(absl::string_view role) {
  Statement look = Bind("SELECT coalesce((SELECT ", {std::string(role)});
  look.Append(kHolders).Append(" FROM pg_roles r WHERE r.rolname = $1), '{}')");
  return maintenance().Value<std::vector<std::string>>(look);
}

absl::StatusOr<bool> LibpqSession::LeavesTraces(absl::string_view database, absl::string_view role) {
  return maintenance().Value<bool>(
      Bind("SELECT EXISTS (SELECT FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid "
           "JOIN pg_roles r ON r.oid = s.refobjid "
           "WHERE s.refclassid = 'pg_authid'::regclass AND d.datname = $1 AND r.rolname = $2)",
           {std::string(database), std::string(role)}));
}

absl::Status LibpqSession::HandOver(absl::string_view database, absl::string_view from,
                                    absl::string_view to) {
  CROFT_ASSIGN_OR_RETURN(Connection inside, enter_(database));
  const std::string giver(from);
  const std::string taker(to);
  if (by_functions()) return HandOverByFunctions(inside, giver, taker);
  // A role that is in both, made and gone in the same transaction, so that the agent need not be a
  // superuser and never acts on the tenant's objects as one.
  const std::string between = absl::StrCat("croft_handover_", inside.backend_pid());
  std::vector<Statement> statements = {
      {"CREATE ROLE %I NOLOGIN INHERIT IN ROLE %I, %I", {between, giver, taker}}};
  if (maintenance_.rights.joins_what_it_makes)
    statements.push_back({"GRANT %I TO CURRENT_USER", {between}});
  statements.push_back({"SET LOCAL ROLE %I", {between}});
  statements.push_back({"REASSIGN OWNED BY %I TO %I", {giver, taker}});
  statements.push_back({"DROP OWNED BY %I", {giver}});
  statements.push_back("RESET ROLE");
  statements.push_back({"DROP ROLE %I", {between}});
  return Explain(ExecuteUnhindered(inside, statements));
}

// The role that is in both outlives a cut, without a login; the next hand over, or the tenant's drop, takes it away.
absl::Status LibpqSession::HandOverByFunctions(Connection& inside, const std::string& giver,
                                               const std::string& taker) {
  const std::string between = absl::StrCat(taker, "_h");
  const auto run = [&](const std::vector<Change>& changes) {
    return ExecuteUnhindered(maintenance(), StatementsFor(changes, Durability::kWithNext, role_maker()));
  };
  const absl::Status dropped = run({DropRole{between}});
  if (!dropped.ok() && !absl::IsNotFound(dropped)) return dropped;
  CROFT_RETURN_IF_ERROR(
      run({CreateRole{{.name = between, .inherits = true, .member_of = {giver, taker}}}}));
  const absl::Status handed = ExecuteUnhindered(inside, {{"SET LOCAL ROLE %I", {between}},
                                                         {"REASSIGN OWNED BY %I TO %I", {giver, taker}},
                                                         {"DROP OWNED BY %I", {giver}}});
  const absl::Status tidied = run({DropRole{between}});
  return handed.ok() ? tidied : handed;
}

}  // namespace croft::agent
