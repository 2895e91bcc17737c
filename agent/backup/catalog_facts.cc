// Reads from PostgreSQL's catalogs what a manifest says about a database and a dump does not show.

#include "agent/backup/catalog_facts.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/backup/replay_plan.h"
#include "agent/dump_format/scanner.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

using Strings = std::vector<std::string>;

constexpr char kServer[] =
    "SELECT split_part(current_setting('server_version'), ' ', 1), "
    "current_setting('server_version_num')::int / 10000, pg_encoding_to_char(encoding)::text, "
    "datlocprovider::text, datcollate::text, datctype::text, pg_database_size(oid), "
    "coalesce(datcollversion, ''), "
    "coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale', '') "
    "FROM pg_database d WHERE datname = current_database()";

constexpr char kExtensions[] =
    "SELECT e.extname::text, e.extversion, n.nspname::text, ARRAY(SELECT i.type || ' ' || i.identity "
    "FROM pg_depend d, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i "
    "WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' ORDER BY 1) "
    "FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' "
    "ORDER BY 1";

// Of the database, and of the roles of the tenant's family, short-lived logins left out.
constexpr char kSettings[] =
    "SELECT coalesce(r.rolname::text, ''), s.setdatabase <> 0, coalesce((SELECT NOT bool_or(g.rolname = "
    "$1) "
    "FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid), false), "
    "s.setconfig "
    "FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole "
    "WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) "
    "AND (s.setdatabase <> 0 OR s.setrole <> 0) "
    "AND (s.setrole = 0 OR r.rolname = ANY (ARRAY[$1, $2]::name[]) OR (starts_with(r.rolname::text, $1 || "
    "'_') "
    "AND substr(r.rolname::text, length($1) + 2) ~ '^[a-z0-9]+$' "
    "AND substr(r.rolname::text, length($1) + 2) !~ '^m[a-z0-9]{8}$')) ORDER BY 1, 2";

constexpr char kTables[] =
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' "
    "AND n.nspname <> 'information_schema'";

constexpr char kForeignRelations[] =
    "SELECT n.nspname::text, c.relname::text, r.rolname::text, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' "
    "WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner "
    "WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f') AND c.relpersistence <> 't' AND r.rolname <> $1 "
    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
    "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass "
    "AND d.objid = c.oid) ORDER BY 1, 2";

// The tenant's own that this session may not read: their owner took the right from itself, and where the agent is no
// superuser it cannot give its login what goes around that.
constexpr char kUnreadableRelations[] =
    "SELECT n.nspname::text, c.relname::text, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner "
    "WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND r.rolname = $1 AND n.nspname !~ "
    "'^pg_' "
    "AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') "
    "ELSE has_table_privilege(c.oid, 'SELECT') END ORDER BY 1, 2";

// Those that the tenant may not read, and how many there are in all.
constexpr char kForeignLargeObjects[] =
    "SELECT m.oid::text, r.rolname::text, count(*) OVER () FROM pg_largeobject_metadata m "
    "JOIN pg_roles r ON r.oid = m.lomowner WHERE r.rolname <> $1 "
    "AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' "
    "AND (a.grantee = 0 OR pg_has_role($1, a.grantee, 'USAGE'))) ORDER BY m.oid LIMIT 20";

constexpr char kInvalidIndexes[] =
    "SELECT n.nspname::text, c.relname::text, t.relname::text FROM pg_index i "
    "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i' "
    "AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' ORDER BY 1, 2";

constexpr char kGeneratedColumns[] =
    "SELECT DISTINCT n.nspname::text, c.relname::text, a.attname::text, p.oid::regprocedure::text "
    "FROM pg_attribute a JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum "
    "JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid "
    "AND d.refclassid = 'pg_proc'::regclass JOIN pg_proc p ON p.oid = d.refobjid "
    "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE a.attgenerated = 's' AND p.oid >= 16384 AND c.relpersistence <> 't' ORDER BY 1, 2, 3";

constexpr char kMaterializedViews[] =
    "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'm' AND c.relispopulated AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = "
    "'e' "
    "AND d.classid = 'pg_class'::regclass AND d.objid = c.oid) ORDER BY 1, 2";

// By size on disk: the rows are not asked.
constexpr char kMemberTables[] =
    "SELECT n.nspname::text, c.relname::text, e.extname::text FROM pg_depend d "
    "JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_class c ON c.oid = d.objid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE d.deptype = 'e' "
    "AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass "
    "AND c.relkind IN ('r', 'p') AND NOT coalesce(c.oid = ANY (e.extconfig), false) "
    "AND (c.relkind = 'p' OR pg_relation_size(c.oid) > 0) ORDER BY 1, 2";

constexpr char kRegroleColumns[] =
    "SELECT n.nspname::text, c.relname::text, a.attname::text FROM pg_attribute a "
    "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE a.atttypid IN ('regrole'::regtype, 'regrole[]'::regtype) AND NOT a.attisdropped AND c.relkind = "
    "'r' "
    "AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, "
    "2, 3";

// Functions that indexes, CHECKs, generated columns and materialized views call, and that set no search path.
constexpr char kCalledFunctions[] =
    "SELECT n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid), p.prosrc, "
    "min(pg_describe_object(d.classid, d.objid, d.objsubid)) "
    "FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_namespace n ON n.oid = p.pronamespace "
    "JOIN pg_language l ON l.oid = p.prolang "
    "WHERE d.refclassid = 'pg_proc'::regclass AND p.oid >= 16384 AND l.lanname IN ('sql', 'plpgsql') "
    "AND p.prosqlbody IS NULL AND length(p.prosrc) <= 65536 "
    "AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%%') "
    "AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_proc'::regclass "
    "AND e.objid = p.oid) "
    "AND (d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass) "
    "OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class i WHERE i.oid = d.objid "
    "AND i.relkind IN ('i', 'I')) "
    "OR d.classid = 'pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_class m "
    "ON m.oid = w.ev_class WHERE w.oid = d.objid AND m.relkind = 'm')) "
    "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3 LIMIT 500";

constexpr char kOwnNames[] =
    "SELECT proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    "WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' "
    "UNION SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'S', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> "
    "'information_schema' "
    "EXCEPT SELECT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace";

// What Croft itself sets: as the limits and groups of a database and a login say.
bool IsCrofts(const SettingFact& setting) {
  const bool limit = setting.name == "statement_timeout" ||
                     setting.name == "idle_in_transaction_session_timeout" ||
                     setting.name == "temp_file_limit";
  if (limit) return true;
  if (setting.role.empty() || setting.in_database) return false;
  return setting.name == "role" ||
         (setting.read_only_login && setting.name == "default_transaction_read_only");
}

std::string Qualified(absl::string_view schema, absl::string_view name) {
  return absl::StrCat(QuoteName(schema), ".", QuoteName(name));
}

Finding Note(absl::string_view reason, std::string object, std::string message, std::string remedy) {
  return {.severity = Severity::kNote,
          .reason = std::string(reason),
          .object = std::move(object),
          .message = std::move(message),
          .remedy = std::move(remedy)};
}

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

// The first word of `body` that is one of `names` and has no schema before it; empty: none.
std::string UnqualifiedName(absl::string_view body, const std::set<std::string>& names) {
  for (size_t at = 0; at < body.size();) {
    if (!IsWordCharacter(body[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < body.size() && IsWordCharacter(body[end])) ++end;
    std::string word(body.substr(at, end - at));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const char before = at == 0 ? ' ' : body[at - 1];
    if (before != '.' && before != '"' && before != '\'' && names.count(word) > 0) return word;
    at = end;
  }
  return "";
}

absl::Status AddFunctions(Connection& connection, std::vector<Finding>& notes) {
  auto functions =
      connection.Rows<std::string, std::string, std::string, std::string, std::string>(kCalledFunctions);
  CROFT_RETURN_IF_ERROR(functions.status());
  if (functions->empty()) return absl::OkStatus();
  auto rows = connection.Rows<std::string>(kOwnNames);
  CROFT_RETURN_IF_ERROR(rows.status());
  std::set<std::string> names;
  for (auto& [name] : *rows) names.insert(std::move(name));
  for (const auto& [schema, name, arguments, body, caller] : *functions) {
    const std::string used = UnqualifiedName(body, names);
    if (used.empty()) continue;
    const std::string function = absl::StrCat("FUNCTION ", Qualified(schema, name), "(", arguments, ")");
    notes.push_back(Note("SEARCH_PATH_RELIED_ON", function,
                         absl::StrCat("It names ", used, " without its schema and is called by ", caller,
                                      "; where the search path is another, it fails."),
                         absl::StrCat("ALTER ", function, " SET search_path = \"$user\", public;")));
  }
  return absl::OkStatus();
}

absl::Status AddIndexes(Connection& connection, std::vector<Finding>& notes) {
  auto rows = connection.Rows<std::string, std::string, std::string>(kInvalidIndexes);
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [schema, name, table] : *rows) {
    const std::string index = Qualified(schema, name);
    notes.push_back(
        Note("INVALID_INDEX", absl::StrCat("INDEX ", index),
             absl::StrCat("The index on ", QuoteName(table),
                          " is invalid, after a CREATE INDEX CONCURRENTLY that failed; no dump holds it."),
             absl::StrCat("DROP INDEX ", index,
                          "; or, when its cause is mended, REINDEX INDEX CONCURRENTLY ", index, ";")));
  }
  return absl::OkStatus();
}

absl::Status AddComputed(Connection& connection, std::vector<Finding>& notes) {
  auto columns = connection.Rows<std::string, std::string, std::string, std::string>(kGeneratedColumns);
  CROFT_RETURN_IF_ERROR(columns.status());
  for (const auto& [schema, table, column, function] : *columns) {
    notes.push_back(
        Note("GENERATED_COLUMN_COMPUTED_ANEW",
             absl::StrCat("COLUMN ", Qualified(schema, table), ".", QuoteName(column)),
             absl::StrCat("A restore computes the column anew by ", function,
                          ", as that function is now; rows stored before it was replaced may differ."),
             ""));
  }
  auto views = connection.Rows<std::string, std::string>(kMaterializedViews);
  CROFT_RETURN_IF_ERROR(views.status());
  for (const auto& [schema, name] : *views) {
    notes.push_back(Note("MATERIALIZED_VIEW_REFRESHED",
                         absl::StrCat("MATERIALIZED VIEW ", Qualified(schema, name)),
                         "A restore refreshes it; its rows are those of that moment.", ""));
  }
  return absl::OkStatus();
}

absl::Status AddMemberTables(Connection& connection, std::vector<Finding>& notes) {
  auto rows = connection.Rows<std::string, std::string, std::string>(kMemberTables);
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [schema, name, extension] : *rows) {
    const std::string table = absl::StrCat("TABLE ", Qualified(schema, name));
    notes.push_back(Note("EXTENSION_TABLE_ROWS", table,
                         absl::StrCat("It belongs to the extension ", QuoteName(extension),
                                      ", so no dump holds the rows in it."),
                         absl::StrCat("ALTER EXTENSION ", QuoteName(extension), " DROP ", table,
                                      ";, where it was added by hand")));
  }
  return absl::OkStatus();
}

absl::Status AddRegroles(Connection& connection, std::vector<Finding>& notes) {
  auto rows = connection.Rows<std::string, std::string, std::string>(kRegroleColumns);
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [schema, table, column] : *rows) {
    notes.push_back(Note(
        "ROLE_NAMES_IN_ROWS", absl::StrCat("COLUMN ", Qualified(schema, table), ".", QuoteName(column)),
        "Its rows name roles; restored under another name, they still name the old ones.", ""));
  }
  return absl::OkStatus();
}

Finding Foreign(std::string object, const std::string& owner, const TenantRoles& roles) {
  return {.severity = Severity::kMissing,
          .reason = "FOREIGN_OWNER",
          .object = object,
          .owner = owner,
          .message = absl::StrCat("It belongs to ", owner,
                                  ", which is no role of the tenant's, and is not backed up."),
          .remedy = absl::StrCat("ALTER ", object, " OWNER TO ", QuoteName(roles.owner), ";")};
}

absl::Status AddUnreadable(Connection& connection, const TenantRoles& roles, NotDumped& found) {
  auto rows =
      connection.Rows<std::string, std::string, std::string>(Bind(kUnreadableRelations, {roles.owner}));
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [schema, name, kind] : *rows) {
    const std::string object = absl::StrCat(kind, " ", Qualified(schema, name));
    found.patterns.push_back(Qualified(schema, name));
    found.findings.push_back(
        {.severity = Severity::kMissing,
         .reason = "OWNER_MAY_NOT_READ",
         .object = object,
         .owner = roles.owner,
         .message = "Its owner took SELECT from itself, so it is not backed up: this host's agent is no "
                    "superuser and cannot read it.",
         .remedy = absl::StrCat("GRANT SELECT ON ", object, " TO ", QuoteName(roles.owner), ";")});
  }
  return absl::OkStatus();
}

// pg_dump leaves out all large objects or none.
absl::Status AddLargeObjects(Connection& connection, const TenantRoles& roles, NotDumped& found) {
  auto rows = connection.Rows<std::string, std::string, int64_t>(Bind(kForeignLargeObjects, {roles.owner}));
  CROFT_RETURN_IF_ERROR(rows.status());
  if (rows->empty()) return absl::OkStatus();
  found.large_objects = true;
  for (const auto& [oid, owner, count] : *rows) {
    found.findings.push_back(Foreign(absl::StrCat("LARGE OBJECT ", oid), owner, roles));
  }
  found.findings.push_back(
      {.severity = Severity::kMissing,
       .reason = "LARGE_OBJECTS_LEFT_OUT",
       .object = "LARGE OBJECTS",
       .message =
           absl::StrCat("None is backed up, the tenant's own neither: pg_dump dumps all or none, and "
                        "the tenant may not read ",
                        std::get<2>(rows->front()), " of them."),
       .remedy = "give those to the tenant, or let it read them, then back up again"});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CatalogFacts> ReadCatalogFacts(Connection& connection, const TenantRoles& roles) {
  CatalogFacts facts;
  auto server = connection.Row<std::string, int64_t, std::string, std::string, std::string, std::string,
                               int64_t, std::string, std::string>(kServer);
  CROFT_RETURN_IF_ERROR(server.status());
  LocaleFacts& locale = facts.locale;
  std::tie(facts.server_version, facts.server_major, locale.encoding, locale.provider, locale.collate,
           locale.ctype, facts.database_bytes, locale.collation_version, locale.icu_locale) =
      *std::move(server);
  CROFT_ASSIGN_OR_RETURN(facts.table_count, connection.Value<int64_t>(kTables));
  auto extensions = connection.Rows<std::string, std::string, std::string, Strings>(kExtensions);
  CROFT_RETURN_IF_ERROR(extensions.status());
  for (auto& [name, version, schema, members] : *extensions) {
    facts.extensions.push_back(
        {std::move(name), std::move(version), std::move(schema), std::move(members)});
  }
  auto settings =
      connection.Rows<std::string, bool, bool, Strings>(Bind(kSettings, {roles.owner, roles.reader}));
  CROFT_RETURN_IF_ERROR(settings.status());
  for (const auto& [role, in_database, read_only, entries] : *settings) {
    for (const std::string& entry : entries) {
      const size_t equals = entry.find('=');
      if (equals == std::string::npos) continue;
      SettingFact setting{.role = role,
                          .read_only_login = read_only && role != roles.reader,
                          .in_database = in_database,
                          .name = entry.substr(0, equals),
                          .value = entry.substr(equals + 1)};
      if (!IsCrofts(setting)) facts.settings.push_back(std::move(setting));
    }
  }
  return facts;
}

absl::StatusOr<NotDumped> FindNotDumped(Connection& connection, const TenantRoles& roles) {
  NotDumped found;
  auto rows = connection.Rows<std::string, std::string, std::string, std::string>(
      Bind(kForeignRelations, {roles.owner}));
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [schema, name, owner, kind] : *rows) {
    const std::string object = absl::StrCat(kind, " ", Qualified(schema, name));
    found.patterns.push_back(Qualified(schema, name));
    found.findings.push_back(Foreign(object, owner, roles));
  }
  CROFT_RETURN_IF_ERROR(AddUnreadable(connection, roles, found));
  CROFT_RETURN_IF_ERROR(AddLargeObjects(connection, roles, found));
  return found;
}

absl::StatusOr<std::vector<Finding>> FindNotes(Connection& connection) {
  std::vector<Finding> notes;
  CROFT_RETURN_IF_ERROR(AddIndexes(connection, notes));
  CROFT_RETURN_IF_ERROR(AddMemberTables(connection, notes));
  CROFT_RETURN_IF_ERROR(AddFunctions(connection, notes));
  CROFT_RETURN_IF_ERROR(AddComputed(connection, notes));
  CROFT_RETURN_IF_ERROR(AddRegroles(connection, notes));
  return notes;
}

absl::Status CheckLocks(Connection& connection, int64_t table_count) {
  // Places for locks, nominally; the rest of PostgreSQL's formula is a reserve that it shares with all else. Tried on
  // defaults, where 7,808 are nominal, pg_dump ran out at table 12,822.
  const auto sizes = connection.Row<int64_t, int64_t>(
      "SELECT current_setting('max_locks_per_transaction')::bigint, "
      "current_setting('max_connections')::bigint + "
      "current_setting('autovacuum_max_workers')::bigint + 1 + "
      "current_setting('max_worker_processes')::bigint + "
      "current_setting('max_wal_senders')::bigint + current_setting('max_prepared_transactions')::bigint");
  CROFT_RETURN_IF_ERROR(sizes.status());
  const auto [locks, sessions] = *sizes;
  // 12,100 on defaults, which leaves 700 for others.
  if (table_count * 100 <= locks * sessions * 155) return absl::OkStatus();
  const int64_t needed = (table_count + sessions - 1) / sessions;
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the database has ", table_count,
                                " tables, and pg_dump locks them all at once; with "
                                "max_locks_per_transaction = ",
                                locks, " other databases would run out of locks: set it to ", needed,
                                " and restart the server"),
                   {.reason = "TOO_MANY_TABLES",
                    .metadata = {{"tables", absl::StrCat(table_count)},
                                 {"max_locks_per_transaction", absl::StrCat(needed)}}});
}

}  // namespace croft::agent
