// Finds and writes the changes that close a database for growth, or open it.

#include "agent/postgres/growth.h"

#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/types/span.h>

#include "agent/postgres/sql_error.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr absl::string_view kUndefinedTable = "42P01";
constexpr absl::string_view kUndefinedSchema = "3F000";
constexpr absl::string_view kLockNotAvailable = "55P03";
constexpr absl::string_view kDeadlock = "40P01";
constexpr absl::string_view kInternalError =
    "XX000";  // `tuple concurrently updated`, of a VACUUM for example

// Few, so that none of the tenant's own changes of a table waits for long.
constexpr size_t kTogether = 64;

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

using Objects = absl::Span<const GrowthObject>;

struct Found {
  std::vector<std::string> schemas;
  std::vector<std::pair<std::string, std::string>> tables;
};

Found Sorted(Objects objects) {
  Found found;
  for (const auto& [schema, table] : objects) {
    if (table.empty()) {
      found.schemas.push_back(schema);
    } else {
      found.tables.emplace_back(schema, table);
    }
  }
  return found;
}

// Goes on with the names of what was found.
void AppendSchemas(Statement& statement, const Found& found) {
  bool first = true;
  for (const std::string& schema : found.schemas) {
    if (!std::exchange(first, false)) statement.Append(", ");
    statement.Append("%I", {schema});
  }
}

// A table that is being altered or dropped is waited for, and one whose rights are being changed is: else the change that
// comes second fails, with `tuple concurrently updated`, and that may be the tenant's.
Statement LockOf(const Found& found) {
  Statement lock("LOCK TABLE ");
  bool first = true;
  for (const auto& [schema, table] : found.tables) {
    if (!std::exchange(first, false)) lock.Append(", ");
    lock.Append("ONLY %I.%I", {schema, table});
  }
  return std::move(lock.Append(" IN ACCESS SHARE MODE"));
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

// The changes of some objects, to be made together.
std::vector<Statement> ChangesOf(Objects objects, const std::string& owner, bool closed) {
  const Found found = Sorted(objects);
  std::vector<Statement> statements = {{"SET LOCAL ROLE %I", {owner}}, "SET LOCAL lock_timeout = '2s'"};
  if (!found.schemas.empty())
    closed ? CloseSchemas(found, owner, statements) : OpenSchemas(found, owner, statements);
  if (found.tables.empty()) return statements;
  statements.push_back(LockOf(found));
  closed ? CloseTables(found, owner, statements) : OpenTables(found, owner, statements);
  return statements;
}

bool IsGone(const absl::Status& status) {
  const std::string state = SqlStateOf(status);
  return state == kUndefinedTable || state == kUndefinedSchema;
}

bool IsHeldUp(const absl::Status& status) {
  const std::string state = SqlStateOf(status);
  return state == kInternalError || state == kLockNotAvailable || state == kDeadlock;
}

// One object that is gone, or held up, takes all that are changed together with it: they are halved until it is found. What
// is held up is noted and left.
absl::Status ChangeObjects(Connection& inside, const std::string& owner, bool closed, Objects objects,
                           absl::Status& held_up) {
  const absl::Status made = inside.ExecuteTogether(ChangesOf(objects, owner, closed));
  if (made.ok() || !(IsGone(made) || IsHeldUp(made))) return made;
  if (objects.size() == 1) {
    if (IsHeldUp(made)) held_up = made;
    return absl::OkStatus();
  }
  const size_t half = objects.size() / 2;
  CROFT_RETURN_IF_ERROR(ChangeObjects(inside, owner, closed, objects.subspan(0, half), held_up));
  return ChangeObjects(inside, owner, closed, objects.subspan(half), held_up);
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

absl::Status LimitGrowth(Connection& inside, const std::string& owner, bool closed) {
  Statement look = closed ? Bind(kOpenObjects, {owner}) : Bind(kMarkedObjects, {owner});
  // Schemas first: their names are the empty ones.
  auto rows = inside.Rows<std::string, std::string>(look.Append(" ORDER BY name, schema"));
  if (!rows.ok()) return std::move(rows).status();
  std::vector<GrowthObject> objects;
  objects.reserve(rows->size());
  for (auto& [schema, name] : *rows) objects.push_back({std::move(schema), std::move(name)});
  absl::Status held_up;
  for (size_t at = 0; at < objects.size(); at += kTogether) {
    CROFT_RETURN_IF_ERROR(
        ChangeObjects(inside, owner, closed, Objects(objects).subspan(at, kTogether), held_up));
  }
  if (held_up.ok()) return absl::OkStatus();
  return WithPostgresMessage(
      MakeError(absl::StatusCode::kUnavailable,
                absl::StrCat("some tables are in use by what does not end: ", held_up.message()),
                {.reason = "TABLE_IN_USE"}),
      PostgresMessageOf(held_up));
}

}  // namespace croft::agent
