#include "agent/backup/content.h"

#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr char kLockNotAvailable[] = "55P03";

// Text must come out the same on every server, whatever the database or the role is set to. The digests are
// taken with nothing of the tenant's in the search path, and by no function of the tenant's.
std::vector<Statement> FixedForm() {
  return {"SET LOCAL search_path = pg_catalog, pg_temp",
          "SET LOCAL row_security = off",
          "SET LOCAL statement_timeout = 0",
          "SET LOCAL lock_timeout = '10s'",
          "SET LOCAL DateStyle = 'ISO, YMD'",
          "SET LOCAL IntervalStyle = 'postgres'",
          "SET LOCAL TimeZone = 'UTC'",
          "SET LOCAL extra_float_digits = 3",
          "SET LOCAL bytea_output = 'hex'",
          "SET LOCAL lc_monetary = 'C'",
          "SET LOCAL xmlbinary = 'base64'",
          "SET LOCAL quote_all_identifiers = off",
          "SET LOCAL jit = off"};
}

// Partitions and children count by themselves. The rows of an extension's own tables are not dumped.
constexpr char kTables[] =
    "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' "
    "AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' "
    "AND d.classid = 'pg_class'::regclass AND d.objid = c.oid) "
    "ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"";

// A whole row as `t.*`: bare `t` would be the column of that name where there is one. record_out and not a
// cast to text: a tenant can make a cast of its own.
constexpr char kRowsOfTable[] =
    "SELECT count(*), coalesce(sum(hashtextextended(textin(record_out(t.*)), 0)::numeric), 0)::text "
    "FROM ONLY %I.%I AS t";

constexpr char kLargeObjects[] =
    "SELECT count(DISTINCT m.oid), coalesce(sum(hashtextextended(m.oid::text || ':' || o::text || ':' || "
    "encode(lo_get(m.oid, o, 262144), 'hex'), 0)::numeric), 0)::text FROM pg_largeobject_metadata m, "
    "LATERAL (SELECT lo_open(m.oid, 262144) AS fd OFFSET 0) f, "
    "LATERAL (SELECT lo_lseek64(f.fd, 0, 2) AS size OFFSET 0) s, "
    "LATERAL (SELECT s.size + lo_close(f.fd) AS size OFFSET 0) c, "
    "LATERAL generate_series(0, c.size, 262144) o";

// Kinds that every version from 15 on shows alike. What belongs to an extension comes with it.
constexpr char kObjects[] = R"sql(
WITH own AS (
  SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), extension AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), object (kind, classid, objid) AS (
  SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'i' THEN 'index'
           WHEN 'I' THEN 'partitioned index' WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
           WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'composite type' WHEN 'f' THEN 'foreign table'
         END, 'pg_class'::regclass, c.oid
    FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM own) AND c.relpersistence <> 't'
      AND c.relkind IN ('r', 'p', 'i', 'I', 'S', 'v', 'm', 'c', 'f')
  UNION ALL SELECT 'schema', 'pg_namespace'::regclass, oid FROM own
    WHERE oid <> coalesce(to_regnamespace('public'), 0)
  UNION ALL SELECT 'function', 'pg_proc'::regclass, oid FROM pg_proc
    WHERE pronamespace IN (SELECT oid FROM own)
  UNION ALL SELECT 'constraint ' || contype::text, 'pg_constraint'::regclass, oid FROM pg_constraint
    WHERE connamespace IN (SELECT oid FROM own) AND contype IN ('c', 'f', 'p', 'u', 'x')
  UNION ALL SELECT 'trigger', 'pg_trigger'::regclass, t.oid FROM pg_trigger t
    WHERE NOT t.tgisinternal
  UNION ALL SELECT 'policy', 'pg_policy'::regclass, oid FROM pg_policy
  UNION ALL SELECT 'rule', 'pg_rewrite'::regclass, oid FROM pg_rewrite
    WHERE rulename <> '_RETURN' AND ev_class IN
      (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM own))
  UNION ALL SELECT CASE typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' END,
      'pg_type'::regclass, oid FROM pg_type
    WHERE typnamespace IN (SELECT oid FROM own) AND typtype IN ('e', 'd', 'r')
  UNION ALL SELECT 'operator', 'pg_operator'::regclass, oid FROM pg_operator
    WHERE oprnamespace IN (SELECT oid FROM own)
  UNION ALL SELECT 'collation', 'pg_collation'::regclass, oid FROM pg_collation
    WHERE collnamespace IN (SELECT oid FROM own)
  UNION ALL SELECT 'statistics', 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
    WHERE stxnamespace IN (SELECT oid FROM own)
  UNION ALL SELECT 'text search configuration', 'pg_ts_config'::regclass, oid FROM pg_ts_config
    WHERE cfgnamespace IN (SELECT oid FROM own)
  UNION ALL SELECT 'extension', 'pg_extension'::regclass, oid FROM pg_extension
)
SELECT kind, count(*) FROM object o
WHERE NOT EXISTS (SELECT FROM extension e WHERE e.classid = o.classid AND e.objid = o.objid)
GROUP BY kind)sql";

absl::Status Locked(const TableContent& table, const absl::Status& status) {
  if (SqlStateOf(status) != kLockNotAvailable) {
    return Annotate(status, absl::StrCat("table ", table.schema, ".", table.name));
  }
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("table ", table.schema, ".", table.name, " stayed locked for ten seconds"),
      {.reason = "TABLE_LOCKED", .metadata = {{"table", table.name}, {"schema", table.schema}}});
}

absl::Status Differs(absl::string_view what, absl::string_view expected, absl::string_view found) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("what was restored differs from the backup's manifest: ", what, ": ",
                                expected, " expected, ", found, " found"),
                   {.reason = "CONTENT_DIFFERS", .metadata = {{"what", std::string(what)}}});
}

std::string NameOf(const TableContent& table) {
  return absl::StrCat("table ", table.schema, ".", table.name);
}

absl::Status CompareTables(const std::vector<TableContent>& expected,
                           const std::vector<TableContent>& found) {
  auto there = found.begin();
  for (const TableContent& table : expected) {
    const bool missing = there == found.end() || there->schema != table.schema || there->name != table.name;
    if (missing) return Differs(NameOf(table), "a table", "another or none");
    if (there->rows != table.rows) {
      return Differs(NameOf(table), absl::StrCat(table.rows, " rows"), absl::StrCat(there->rows));
    }
    if (there->digest != table.digest) return Differs(NameOf(table), "the same rows", "others");
    ++there;
  }
  if (there != found.end()) return Differs(NameOf(*there), "no such table", "one");
  return absl::OkStatus();
}

absl::Status CompareObjects(const std::map<std::string, int64_t>& expected,
                            const std::map<std::string, int64_t>& found) {
  std::map<std::string, std::pair<int64_t, int64_t>> counts;
  for (const auto& [kind, count] : expected) counts[kind].first = count;
  for (const auto& [kind, count] : found) counts[kind].second = count;
  for (const auto& [kind, pair] : counts) {
    if (pair.first != pair.second) {
      return Differs(absl::StrCat("objects of the kind ", kind), absl::StrCat(pair.first),
                     absl::StrCat(pair.second));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Content> Survey(Connection& connection) {
  for (const Statement& setting : FixedForm()) CROFT_RETURN_IF_ERROR(connection.Execute(setting));
  Content content;
  using NameRows = std::vector<std::tuple<std::string, std::string>>;
  absl::StatusOr<NameRows> names = connection.Rows<std::string, std::string>(kTables);
  CROFT_RETURN_IF_ERROR(names.status());
  for (auto& [schema, name] : *names) {
    TableContent& table = content.tables.emplace_back();
    table.schema = std::move(schema);
    table.name = std::move(name);
    const auto row = connection.Row<int64_t, std::string>({kRowsOfTable, {table.schema, table.name}});
    if (!row.ok()) return Locked(table, row.status());
    std::tie(table.rows, table.digest) = *row;
  }
  const auto large = connection.Row<int64_t, std::string>(kLargeObjects);
  CROFT_RETURN_IF_ERROR(large.status());
  std::tie(content.large_objects, content.large_objects_digest) = *large;
  const auto objects = connection.Rows<std::string, int64_t>(kObjects);
  CROFT_RETURN_IF_ERROR(objects.status());
  for (const auto& [kind, count] : *objects) content.objects[kind] = count;
  return content;
}

int64_t RowsIn(const Content& content) {
  int64_t rows = 0;
  for (const TableContent& table : content.tables) rows += table.rows;
  return rows;
}

absl::Status CompareContent(const Content& expected, const Content& found) {
  CROFT_RETURN_IF_ERROR(CompareTables(expected.tables, found.tables));
  if (expected.large_objects != found.large_objects) {
    return Differs("large objects", absl::StrCat(expected.large_objects),
                   absl::StrCat(found.large_objects));
  }
  if (expected.large_objects_digest != found.large_objects_digest) {
    return Differs("large objects", "the same bytes", "others");
  }
  return CompareObjects(expected.objects, found.objects);
}

}  // namespace croft::agent
