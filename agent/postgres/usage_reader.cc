// Reads what tenants' databases use from PostgreSQL's statistics.

#include "agent/postgres/usage_reader.h"

#include <tuple>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

namespace croft::agent {
namespace {

constexpr size_t kUidLength = 16;

bool IsUid(absl::string_view text) {
  if (text.size() != kUidLength) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == absl::string_view::npos;
}

// The functions behind pg_stat_database, which leaves out none that is not asked for. What runs without a user is
// PostgreSQL's own work.
constexpr char kUsage[] =
    "SELECT d.oid::int8, d.datname::text, coalesce(a.sessions, 0)::int, pg_stat_get_db_sessions(d.oid), "
    "pg_stat_get_db_xact_commit(d.oid), pg_stat_get_db_xact_rollback(d.oid), "
    "pg_stat_get_db_blocks_fetched(d.oid) - pg_stat_get_db_blocks_hit(d.oid), "
    "pg_stat_get_db_blocks_hit(d.oid), pg_stat_get_db_tuples_returned(d.oid), "
    "pg_stat_get_db_tuples_fetched(d.oid), pg_stat_get_db_tuples_inserted(d.oid), "
    "pg_stat_get_db_tuples_updated(d.oid), pg_stat_get_db_tuples_deleted(d.oid), "
    "pg_stat_get_db_deadlocks(d.oid), pg_stat_get_db_temp_bytes(d.oid) "
    "FROM pg_database d LEFT JOIN (SELECT datid, count(*) AS sessions FROM pg_stat_activity "
    "WHERE usename IS NOT NULL AND usename <> current_user GROUP BY datid) a ON a.datid = d.oid "
    "WHERE d.datname ~ '^t_.*_[a-z2-7]{16}_g[0-9]+(_f)?$' AND d.datconnlimit <> -2";

// A database may go between the two looks that one statement takes: it is left out by the join, or fails the statement,
// and then the next round asks again.
constexpr char kSizes[] =
    "SELECT d.oid::int8, CASE WHEN has_database_privilege(d.oid, 'CONNECT') "
    "OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(d.oid) END "
    "FROM pg_database d WHERE d.oid = ANY ($1::text[]::oid[]) AND d.datconnlimit <> -2";

using UsageRow = std::tuple<int64_t, std::string, int32_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                            int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>;

DatabaseUsage UsageFrom(const UsageRow& row, DatabaseOwner owner) {
  DatabaseUsage usage{.uid = std::move(owner.uid), .generation = owner.generation, .sealed = owner.sealed};
  DatabaseCounters& counters = usage.counters;
  std::tie(usage.oid, std::ignore, usage.connections, counters.sessions, counters.commits,
           counters.rollbacks, counters.blocks_read, counters.blocks_hit, counters.rows_returned,
           counters.rows_fetched, counters.rows_inserted, counters.rows_updated, counters.rows_deleted,
           counters.deadlocks, counters.temporary_bytes) = row;
  return usage;
}

}  // namespace

std::optional<DatabaseOwner> OwnerOfDatabase(absl::string_view name) {
  DatabaseOwner owner;
  owner.sealed = absl::ConsumeSuffix(&name, "_f");
  const size_t mark = name.rfind("_g");
  if (mark == absl::string_view::npos || mark < kUidLength + 2) return std::nullopt;
  const absl::string_view digits = name.substr(mark + 2);
  if (digits.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(digits, &owner.generation)) {
    return std::nullopt;
  }
  const absl::string_view uid = name.substr(mark - kUidLength, kUidLength);
  if (!IsUid(uid) || name[mark - kUidLength - 1] != '_' || name.substr(0, 2) != "t_") return std::nullopt;
  owner.uid = std::string(uid);
  return owner;
}

absl::StatusOr<Connection*> UsageReader::Connected(const Timeout& timeout) {
  const ServerAccess access = access_();
  Conninfo conninfo = access.agent;
  conninfo["dbname"] = access.maintenance_database;
  if (!connection_ || !connection_->usable() || opened_by_ != conninfo) {
    connection_.reset();
    CROFT_ASSIGN_OR_RETURN(connection_, Connection::Open(conninfo, Trust::kPrivileged, timeout));
    opened_by_ = std::move(conninfo);
  }
  connection_->SetTimeout(timeout);
  return &*connection_;
}

absl::StatusOr<std::vector<DatabaseUsage>> UsageReader::ReadAll(const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(Connection* const connection, Connected(timeout));
  auto rows = connection->Rows<int64_t, std::string, int32_t, int64_t, int64_t, int64_t, int64_t, int64_t,
                               int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>(kUsage);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<DatabaseUsage> found;
  found.reserve(rows->size());
  for (const UsageRow& row : *rows) {
    if (std::optional<DatabaseOwner> owner = OwnerOfDatabase(std::get<1>(row))) {
      found.push_back(UsageFrom(row, *std::move(owner)));
    }
  }
  return found;
}

absl::StatusOr<std::map<int64_t, std::optional<int64_t>>> UsageReader::ReadSizes(
    const std::vector<int64_t>& oids, const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(Connection* const connection, Connected(timeout));
  std::vector<std::string> texts;
  for (const int64_t oid : oids) texts.push_back(absl::StrCat(oid));
  auto rows = connection->Rows<int64_t, std::optional<int64_t>>(Bind(kSizes, {TextArray(texts)}));
  if (!rows.ok()) return std::move(rows).status();
  std::map<int64_t, std::optional<int64_t>> sizes;
  for (const auto& [oid, size] : *rows) sizes[oid] = size;
  return sizes;
}

}  // namespace croft::agent
