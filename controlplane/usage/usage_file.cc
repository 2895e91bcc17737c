// Keeps usage in an SQLite file: what databases use now, and what they did by the hour.

#include "controlplane/usage/usage_file.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/errors.h"
#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"
#include "controlplane/usage/migrations.h"

namespace croft::usage {
namespace {

constexpr sqlite::Schema kSchema{
    .name = "usage history", .application_id = 0x63727573 /* "crus" */, .migrations = kMigrations};
// More than any database does between two reports; the statements bound what one hour adds up to. So no agent can make a
// sum overflow.
constexpr int64_t kMostAtOnce = int64_t{1} << 46;
constexpr int64_t kMilliseconds = 1000;

int64_t HourOf(absl::Time time) { return absl::ToInt64Hours(time - absl::UnixEpoch()); }

absl::Time StartOf(int64_t hour) { return absl::UnixEpoch() + absl::Hours(hour); }

auto ValuesOf(const Counts& counts) {
  return std::apply([&](auto... member) { return std::make_tuple(counts.*member...); }, kAllCounts);
}

void ReadCounts(const sqlite::Rows& rows, int column, Counts& into) {
  for (const auto member : kAllCounts) into.*member = rows.Get<int64_t>(column++);
}

// A counter that fell was reset, and with it all of them.
Counts WorkBetween(const Counts& before, const Counts& now) {
  const bool reset = std::any_of(kAllCounts.begin(), kAllCounts.end(),
                                 [&](const auto member) { return now.*member < before.*member; });
  Counts work;
  for (const auto member : kAllCounts) {
    work.*member = std::clamp<int64_t>(now.*member - (reset ? 0 : before.*member), 0, kMostAtOnce);
  }
  return work;
}

Usage ReadUsage(const sqlite::Rows& rows) {
  Usage usage;
  int64_t rate = 0;
  rows.Read(0, usage.id, usage.uid, usage.host, usage.look_time, usage.size_bytes, usage.size_time,
            usage.connections, rate, usage.generation);
  usage.transactions_per_second = static_cast<double>(rate) / kMilliseconds;
  return usage;
}

}  // namespace

struct UsageWriter::State {
  explicit State(std::unique_ptr<sqlite::Database> opened) : database(std::move(opened)) {}

  struct Known {
    int64_t id = 0;
    int64_t generation = 0;
    absl::Time look_time;
    std::optional<int64_t> size_bytes;
    Counts counters;
  };

  absl::StatusOr<std::optional<Known>> Find(const std::string& uid, const std::string& host) {
    sqlite::Rows rows = find.Query(uid, host);
    std::optional<Known> known;
    if (rows.Next()) {
      known.emplace();
      rows.Read(0, known->id, known->generation, known->look_time, known->size_bytes);
      ReadCounts(rows, 4, known->counters);
    }
    CROFT_RETURN_IF_ERROR(rows.status());
    return known;
  }

  absl::Status Write(const std::string& host, absl::Time time, const Report& report, bool take_new) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<Known> known, Find(report.uid, host));
    if (!known && !take_new) return absl::OkStatus();
    Counts work;
    if (known && known->generation == report.generation) {
      work = WorkBetween(known->counters, report.counters);
    }
    const int64_t elapsed =
        known ? std::max<int64_t>(absl::ToInt64Milliseconds(time - known->look_time), kMilliseconds)
              : kMilliseconds;
    const double seconds = static_cast<double>(elapsed) / kMilliseconds;
    const auto rate =
        static_cast<int64_t>(static_cast<double>(work.commits + work.rollbacks) / seconds * kMilliseconds);
    CROFT_RETURN_IF_ERROR(Put(host, time, report, rate));
    const bool resized = report.size_bytes && (!known || known->size_bytes != report.size_bytes);
    if (work == Counts() && report.connections == 0 && !resized) return absl::OkStatus();
    const int64_t id = known ? known->id : database->last_insert_rowid();
    return std::apply(
        [&](const auto&... values) {
          return add.Execute(HourOf(time), id, report.size_bytes, report.connections, values...);
        },
        ValuesOf(work));
  }

  absl::Status Put(const std::string& host, absl::Time time, const Report& report, int64_t rate) {
    const std::optional<absl::Time> size_time =
        report.size_bytes ? std::optional(report.size_time) : std::nullopt;
    return std::apply(
        [&](const auto&... values) {
          return put.Execute(report.uid, host, report.generation, time, report.size_bytes, size_time,
                             report.connections, rate, values...);
        },
        ValuesOf(report.counters));
  }

  std::unique_ptr<sqlite::Database> database;
  sqlite::Statement find{
      *database,
      "SELECT id, generation, look_time, size_bytes, commits, rollbacks, blocks_read, blocks_hit, "
      "rows_returned, rows_fetched, rows_inserted, rows_updated, rows_deleted, deadlocks, temporary_bytes "
      "FROM databases WHERE uid = ?1 AND host = ?2"};
  sqlite::Statement put{
      *database,
      "INSERT INTO databases (uid, host, generation, look_time, size_bytes, size_time, connections, rate, "
      "commits, rollbacks, blocks_read, blocks_hit, rows_returned, rows_fetched, rows_inserted, "
      "rows_updated, rows_deleted, deadlocks, temporary_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
      "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) ON CONFLICT (uid, host) DO UPDATE SET "
      "generation = excluded.generation, look_time = excluded.look_time, "
      "size_bytes = CASE WHEN generation = excluded.generation "
      "THEN coalesce(excluded.size_bytes, size_bytes) ELSE excluded.size_bytes END, "
      "size_time = CASE WHEN generation = excluded.generation "
      "THEN coalesce(excluded.size_time, size_time) ELSE excluded.size_time END, "
      "connections = excluded.connections, rate = excluded.rate, commits = excluded.commits, "
      "rollbacks = excluded.rollbacks, blocks_read = excluded.blocks_read, "
      "blocks_hit = excluded.blocks_hit, rows_returned = excluded.rows_returned, "
      "rows_fetched = excluded.rows_fetched, rows_inserted = excluded.rows_inserted, "
      "rows_updated = excluded.rows_updated, rows_deleted = excluded.rows_deleted, "
      "deadlocks = excluded.deadlocks, temporary_bytes = excluded.temporary_bytes"};
  sqlite::Statement add{
      *database,
      "INSERT INTO hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "
      "ON CONFLICT (hour, database) DO UPDATE SET size_bytes = coalesce(excluded.size_bytes, size_bytes), "
      "connections = max(connections, excluded.connections), "
      "commits = min(commits + excluded.commits, 1 << 50), "
      "rollbacks = min(rollbacks + excluded.rollbacks, 1 << 50), "
      "blocks_read = min(blocks_read + excluded.blocks_read, 1 << 50), "
      "blocks_hit = min(blocks_hit + excluded.blocks_hit, 1 << 50), "
      "rows_returned = min(rows_returned + excluded.rows_returned, 1 << 50), "
      "rows_fetched = min(rows_fetched + excluded.rows_fetched, 1 << 50), "
      "rows_inserted = min(rows_inserted + excluded.rows_inserted, 1 << 50), "
      "rows_updated = min(rows_updated + excluded.rows_updated, 1 << 50), "
      "rows_deleted = min(rows_deleted + excluded.rows_deleted, 1 << 50), "
      "deadlocks = min(deadlocks + excluded.deadlocks, 1 << 50), "
      "temporary_bytes = min(temporary_bytes + excluded.temporary_bytes, 1 << 50)"};
  sqlite::Statement prune_hours{
      *database,
      "DELETE FROM hours WHERE (hour, database) IN "
      "(SELECT hour, database FROM hours WHERE hour < ?1 ORDER BY hour, database LIMIT ?2)"};
  sqlite::Statement prune_databases{
      *database,
      "DELETE FROM databases WHERE id IN (SELECT id FROM databases WHERE look_time < ?1 LIMIT ?2)"};
  sqlite::Statement oldest{*database, "SELECT hour FROM hours ORDER BY hour LIMIT 1"};
  sqlite::Statement used{*database,
                         "SELECT (page_count - freelist_count) * page_size "
                         "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"};
};

UsageWriter::UsageWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageWriter::~UsageWriter() = default;

absl::StatusOr<std::unique_ptr<UsageWriter>> UsageWriter::Open(absl::string_view path) {
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                         sqlite::Database::Open(path, kSchema, {}));
  auto state = std::make_unique<State>(std::move(database));
  return std::unique_ptr<UsageWriter>(new UsageWriter(std::move(state)));
}

absl::Status UsageWriter::Write(const std::vector<HostReports>& batch, bool take_new) {
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*state_->database));
  for (const HostReports& part : batch) {
    for (const Report& report : part.reports) {
      CROFT_RETURN_IF_ERROR(state_->Write(part.host, part.time, report, take_new));
    }
  }
  return transaction.Commit();
}

absl::StatusOr<int64_t> UsageWriter::Prune(absl::Time oldest, int64_t most) {
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*state_->database));
  CROFT_RETURN_IF_ERROR(state_->prune_hours.Execute(HourOf(oldest), most));
  int64_t gone = state_->database->changes();
  CROFT_RETURN_IF_ERROR(state_->prune_databases.Execute(oldest, most));
  gone += state_->database->changes();
  CROFT_RETURN_IF_ERROR(transaction.Commit());
  return gone;
}

absl::Status UsageWriter::PruneHours(absl::Time oldest, int64_t most) {
  return state_->prune_hours.Execute(HourOf(oldest), most);
}

absl::StatusOr<std::optional<absl::Time>> UsageWriter::OldestHour() {
  sqlite::Rows rows = state_->oldest.Query();
  std::optional<absl::Time> oldest;
  if (rows.Next()) oldest = StartOf(rows.Get<int64_t>(0));
  CROFT_RETURN_IF_ERROR(rows.status());
  return oldest;
}

absl::StatusOr<int64_t> UsageWriter::UsedBytes() {
  sqlite::Rows rows = state_->used.Query();
  const int64_t used = rows.Next() ? rows.Get<int64_t>(0) : 0;
  CROFT_RETURN_IF_ERROR(rows.status());
  return used;
}

struct UsageReader::State {
  explicit State(std::unique_ptr<sqlite::Database> opened) : database(std::move(opened)) {}

  sqlite::Statement& ListBy(Order order) {
    switch (order) {
      case Order::kSize: return by_size;
      case Order::kConnections: return by_connections;
      case Order::kTransactions: return by_rate;
    }
    return by_size;
  }

  std::unique_ptr<sqlite::Database> database;
  sqlite::Statement find{
      *database,
      "SELECT id, uid, host, look_time, size_bytes, size_time, connections, rate, generation "
      "FROM databases WHERE uid = ?1 AND host = ?2"};
  // A look-up for each hour: the joined table of hours comes first.
  sqlite::Statement hours{
      *database,
      "WITH RECURSIVE asked (hour) AS "
      "(SELECT ?2 UNION ALL SELECT hour + 1 FROM asked WHERE hour < ?3) "
      "SELECT h.hour, h.size_bytes, h.connections, h.commits, h.rollbacks, h.blocks_read, h.blocks_hit, "
      "h.rows_returned, h.rows_fetched, h.rows_inserted, h.rows_updated, h.rows_deleted, h.deadlocks, "
      "h.temporary_bytes FROM asked CROSS JOIN hours h ON h.hour = asked.hour AND h.database = ?1"};
  sqlite::Statement by_size{
      *database,
      "SELECT id, uid, host, look_time, size_bytes, size_time, connections, rate, generation, "
      "size_bytes FROM databases WHERE size_bytes IS NOT NULL "
      "AND (size_bytes, id) < (?1, ?2) ORDER BY size_bytes DESC, id DESC LIMIT ?3"};
  sqlite::Statement by_connections{
      *database,
      "SELECT id, uid, host, look_time, size_bytes, size_time, connections, rate, generation, connections "
      "FROM databases WHERE connections > 0 AND (connections, id) < (?1, ?2) "
      "ORDER BY connections DESC, id DESC LIMIT ?3"};
  sqlite::Statement by_rate{
      *database,
      "SELECT id, uid, host, look_time, size_bytes, size_time, connections, rate, generation, rate "
      "FROM databases WHERE rate > 0 AND (rate, id) < (?1, ?2) "
      "ORDER BY rate DESC, id DESC LIMIT ?3"};
};

UsageReader::UsageReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageReader::~UsageReader() = default;

absl::StatusOr<std::unique_ptr<UsageReader>> UsageReader::Open(absl::string_view path) {
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                         sqlite::Database::OpenReader(path, {}));
  auto state = std::make_unique<State>(std::move(database));
  return std::unique_ptr<UsageReader>(new UsageReader(std::move(state)));
}

absl::StatusOr<std::optional<Usage>> UsageReader::Find(absl::string_view uid, absl::string_view host) {
  sqlite::Rows rows = state_->find.Query(uid, host);
  std::optional<Usage> usage;
  if (rows.Next()) usage = ReadUsage(rows);
  CROFT_RETURN_IF_ERROR(rows.status());
  return usage;
}

absl::StatusOr<std::vector<Hour>> UsageReader::Hours(int64_t id, absl::Time since, absl::Time until) {
  sqlite::Rows rows = state_->hours.Query(id, HourOf(since), HourOf(until));
  std::vector<Hour> hours;
  while (rows.Next()) {
    Hour& hour = hours.emplace_back();
    hour.start_time = StartOf(rows.Get<int64_t>(0));
    rows.Read(1, hour.size_bytes, hour.connections);
    ReadCounts(rows, 3, hour.counts);
  }
  CROFT_RETURN_IF_ERROR(rows.status());
  return hours;
}

absl::StatusOr<std::vector<Ranked>> UsageReader::List(Order order, const Position& after, int32_t limit) {
  sqlite::Rows rows = state_->ListBy(order).Query(after.value, after.id, limit);
  std::vector<Ranked> found;
  while (rows.Next()) {
    Ranked& one = found.emplace_back(Ranked{.usage = ReadUsage(rows)});
    one.position = {.value = rows.Get<int64_t>(9), .id = one.usage.id};
  }
  CROFT_RETURN_IF_ERROR(rows.status());
  return found;
}

}  // namespace croft::usage
