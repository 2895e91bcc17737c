// Finds and writes the changes that close a database for growth, or open it.

#include "agent/postgres/growth.h"

#include <optional>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/postgres/sql_error.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr absl::string_view kUndefinedTable = "42P01";
constexpr absl::string_view kUndefinedSchema = "3F000";
constexpr absl::string_view kInternalError =
    "XX000";  // `tuple concurrently updated`, of a VACUUM for example

// `name` is empty for a schema itself. Temporary tables are their sessions' own.
constexpr char kOpenObjects[] =
    "SELECT n.nspname::text AS schema, '' AS name FROM pg_namespace n JOIN pg_roles o ON o.oid = "
    "n.nspowner "
    "WHERE o.rolname = $1 AND EXISTS (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', "
    "n.nspowner))) a "
    "WHERE a.grantee = n.nspowner AND a.privilege_type = 'CREATE') "
    "UNION ALL SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = "
    "c.relnamespace "
    "JOIN pg_roles o ON o.oid = c.relowner "
    "WHERE o.rolname = $1 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' "
    "AND EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a "
    "WHERE a.grantee = c.relowner AND a.privilege_type = 'INSERT')";
constexpr char kMarkedObjects[] =
    "SELECT n.nspname::text AS schema, '' AS name FROM pg_namespace n JOIN pg_roles o ON o.oid = "
    "n.nspowner "
    "WHERE o.rolname = $1 AND EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantor = n.nspowner "
    "AND a.grantee = n.nspowner AND a.privilege_type = 'USAGE' AND a.is_grantable) "
    "UNION ALL SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = "
    "c.relnamespace "
    "JOIN pg_roles o ON o.oid = c.relowner "
    "WHERE o.rolname = $1 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' "
    "AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantor = c.relowner AND a.grantee = "
    "c.relowner "
    "AND a.privilege_type = 'SELECT' AND a.is_grantable)";

struct Found {
  std::vector<std::string> schemas;
  std::vector<std::pair<std::string, std::string>> tables;
};

// Goes on with the names of what was found.
void AppendSchemas(Statement& statement, const Found& found) {
  bool first = true;
  for (const std::string& schema : found.schemas) {
    if (!std::exchange(first, false)) statement.Append(", ");
    statement.Append("%I", {schema});
  }
}

void AppendTables(Statement& statement, const Found& found) {
  bool first = true;
  for (const auto& [schema, table] : found.tables) {
    if (!std::exchange(first, false)) statement.Append(", ");
    statement.Append("%I.%I", {schema, table});
  }
}

void CloseSchemas(const Found& found, const std::string& owner, std::vector<Statement>& statements) {
  Statement mark("GRANT USAGE ON SCHEMA ");
  AppendSchemas(mark, found);
  Statement take("REVOKE CREATE ON SCHEMA ");
  AppendSchemas(take, found);
  statements.push_back(std::move(mark.Append(" TO %I WITH GRANT OPTION", {owner})));
  statements.push_back(std::move(take.Append(" FROM %I", {owner})));
}

void OpenSchemas(const Found& found, const std::string& owner, std::vector<Statement>& statements) {
  Statement give("GRANT CREATE ON SCHEMA ");
  AppendSchemas(give, found);
  Statement unmark("REVOKE GRANT OPTION FOR USAGE ON SCHEMA ");
  AppendSchemas(unmark, found);
  statements.push_back(std::move(give.Append(" TO %I", {owner})));
  statements.push_back(std::move(unmark.Append(" FROM %I", {owner})));
}

void CloseTables(const Found& found, const std::string& owner, std::vector<Statement>& statements) {
  Statement mark("GRANT SELECT ON TABLE ");
  AppendTables(mark, found);
  Statement take("REVOKE INSERT ON TABLE ");
  AppendTables(take, found);
  statements.push_back(std::move(mark.Append(" TO %I WITH GRANT OPTION", {owner})));
  statements.push_back(std::move(take.Append(" FROM %I", {owner})));
}

void OpenTables(const Found& found, const std::string& owner, std::vector<Statement>& statements) {
  Statement give("GRANT INSERT ON TABLE ");
  AppendTables(give, found);
  Statement unmark("REVOKE GRANT OPTION FOR SELECT ON TABLE ");
  AppendTables(unmark, found);
  statements.push_back(std::move(give.Append(" TO %I", {owner})));
  statements.push_back(std::move(unmark.Append(" FROM %I", {owner})));
}

}  // namespace

absl::StatusOr<int64_t> CountGrowthChanges(Connection& inside, const std::string& owner, bool closed) {
  Statement look = Bind("SELECT count(*) FROM (", {owner});
  if (closed) {
    look.Append(kOpenObjects);
  } else {
    look.Append(kMarkedObjects);
  }
  return inside.Value<int64_t>(look.Append(") AS objects"));
}

absl::StatusOr<std::vector<Statement>> NextGrowthChanges(Connection& inside, const std::string& owner,
                                                         bool closed, int64_t most) {
  const std::vector<std::optional<std::string>> parameters = {owner, absl::StrCat(most)};
  Statement look = closed ? Bind(kOpenObjects, parameters) : Bind(kMarkedObjects, parameters);
  // Schemas first: their names are the empty ones.
  auto rows = inside.Rows<std::string, std::string>(look.Append(" ORDER BY name, schema LIMIT $2::bigint"));
  if (!rows.ok()) return std::move(rows).status();
  Found found;
  for (auto& [schema, name] : *rows) {
    if (name.empty()) {
      found.schemas.push_back(std::move(schema));
    } else {
      found.tables.emplace_back(std::move(schema), std::move(name));
    }
  }
  std::vector<Statement> statements;
  if (!found.schemas.empty())
    closed ? CloseSchemas(found, owner, statements) : OpenSchemas(found, owner, statements);
  if (!found.tables.empty())
    closed ? CloseTables(found, owner, statements) : OpenTables(found, owner, statements);
  if (!statements.empty()) statements.insert(statements.begin(), {"SET LOCAL ROLE %I", {owner}});
  return statements;
}

bool IsGrowthRace(const absl::Status& status) {
  const std::string state = SqlStateOf(status);
  return state == kUndefinedTable || state == kUndefinedSchema || state == kInternalError;
}

}  // namespace croft::agent
