// Keeps the agent's journal in an SQLite file: accepted tasks, their outcomes, and the highest order of each tenant.

#include "agent/journal/journal.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"
#include "common/sync.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kKeepSettled = absl::Hours(24);
// Of tasks that were cut and never sent again; no deadline is that long.
constexpr absl::Duration kKeepCut = absl::Hours(24 * 30);

// Never edited; a change is a new migration.
constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE epoch (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  highest INTEGER NOT NULL
) STRICT;
INSERT INTO epoch VALUES (1, 0);

-- The highest position obeyed for each tenant; kept for ever, as uids are.
CREATE TABLE tenants (
  uid TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
  number INTEGER PRIMARY KEY,
  operation TEXT NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  tenant_uid TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  position INTEGER NOT NULL,
  accept_time INTEGER NOT NULL,
  outcome BLOB,            -- NULL: it runs, or was cut
  settle_time INTEGER,     -- the control plane has recorded the outcome
  UNIQUE (operation, step, attempt)
) STRICT;
CREATE INDEX tasks_by_settle_time ON tasks (settle_time) WHERE settle_time IS NOT NULL;
CREATE INDEX tasks_unsettled ON tasks (number) WHERE outcome IS NOT NULL AND settle_time IS NULL;
)sql"}};

constexpr sqlite::Schema kSchema{
    .name = "journal", .application_id = 0x43724a31, .migrations = kMigrations};

absl::Status StaleEpoch(int64_t epoch, int64_t highest) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the control plane leads epoch ", epoch, ", but this agent has obeyed epoch ", highest,
                   ": an older control plane, or an older copy of its catalog, is running"),
      {.reason = "STALE_EPOCH",
       .metadata = {{"epoch", absl::StrCat(epoch)}, {"highest_epoch", absl::StrCat(highest)}}});
}

absl::Status StaleCommand(const Position& given, const Position& highest) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("a newer command, (", highest.epoch, ", ", highest.order,
                                "), was obeyed before this one, (", given.epoch, ", ", given.order, ")"),
                   {.reason = "STALE_COMMAND",
                    .metadata = {{"epoch", absl::StrCat(given.epoch)},
                                 {"order", absl::StrCat(given.order)},
                                 {"highest_epoch", absl::StrCat(highest.epoch)},
                                 {"highest_order", absl::StrCat(highest.order)}}});
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(std::unique_ptr<sqlite::Database> database, const Clock& clock)
      : clock_(clock), database_(std::move(database)) {}

  absl::Status Load() {
    MutexLock lock(mutex_);
    sqlite::Rows rows = read_epoch_.Query();
    if (rows.Next()) highest_epoch_ = rows.Get<int64_t>(0);
    return rows.status();
  }

  int64_t HighestEpoch() const override {
    MutexLock lock(mutex_);
    return highest_epoch_;
  }

  absl::Status RaiseEpoch(int64_t epoch) override {
    MutexLock lock(mutex_);
    if (epoch < highest_epoch_) return StaleEpoch(epoch, highest_epoch_);
    if (epoch == highest_epoch_) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    CROFT_RETURN_IF_ERROR(write_epoch_.Execute(epoch));
    CROFT_RETURN_IF_ERROR(transaction.Commit());
    highest_epoch_ = epoch;
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> Accept(const TaskKey& key, const Position& position,
                                                    absl::string_view tenant_uid) override {
    MutexLock lock(mutex_);
    CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    CROFT_ASSIGN_OR_RETURN(const Position highest, HighestFor(tenant_uid));
    // A tenant never heard of still has no right to an epoch that has ended.
    const Position floor = std::max(highest, Position{.epoch = highest_epoch_, .order = 0});
    if (position < floor) return StaleCommand(position, floor);
    CROFT_ASSIGN_OR_RETURN(const Known known, Find(key));
    if (known.outcome) return known.outcome;
    if (!known.accepted) {
      CROFT_RETURN_IF_ERROR(insert_task_.Execute(key.operation, key.step, key.attempt, tenant_uid,
                                                 position.epoch, position.order, clock_.Now()));
    }
    CROFT_RETURN_IF_ERROR(raise_tenant_.Execute(tenant_uid, position.epoch, position.order));
    if (position.epoch > highest_epoch_) CROFT_RETURN_IF_ERROR(write_epoch_.Execute(position.epoch));
    CROFT_RETURN_IF_ERROR(transaction.Commit());
    highest_epoch_ = std::max(highest_epoch_, position.epoch);
    return std::nullopt;
  }

  absl::Status Finish(const TaskKey& key, absl::string_view outcome) override {
    return Write(finish_, sqlite::Blob{std::string(outcome)}, key.operation, key.step, key.attempt);
  }

  absl::Status Settle(const TaskKey& key) override {
    MutexLock lock(mutex_);
    const absl::Time now = clock_.Now();
    CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    CROFT_RETURN_IF_ERROR(settle_.Execute(now, key.operation, key.step, key.attempt));
    CROFT_RETURN_IF_ERROR(prune_.Execute(now - kKeepSettled, now - kKeepCut));
    return transaction.Commit();
  }

  absl::StatusOr<std::map<std::string, Position>> Positions() const override {
    MutexLock lock(mutex_);
    std::map<std::string, Position> positions;
    sqlite::Rows rows = positions_.Query();
    while (rows.Next()) {
      positions[rows.Get<std::string>(0)] = {rows.Get<int64_t>(1), rows.Get<int64_t>(2)};
    }
    CROFT_RETURN_IF_ERROR(rows.status());
    return positions;
  }

  absl::StatusOr<std::vector<JournalEntry>> Unsettled() const override {
    MutexLock lock(mutex_);
    std::vector<JournalEntry> entries;
    sqlite::Rows rows = unsettled_.Query();
    while (rows.Next()) {
      entries.push_back({{rows.Get<std::string>(0), rows.Get<int32_t>(1), rows.Get<int32_t>(2)},
                         rows.Get<sqlite::Blob>(3).bytes});
    }
    CROFT_RETURN_IF_ERROR(rows.status());
    return entries;
  }

 private:
  struct Known {
    bool accepted = false;
    std::optional<std::string> outcome;
  };

  absl::StatusOr<Position> HighestFor(absl::string_view uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Position highest;
    sqlite::Rows rows = read_tenant_.Query(uid);
    if (rows.Next()) rows.Read(0, highest.epoch, highest.order);
    CROFT_RETURN_IF_ERROR(rows.status());
    return highest;
  }

  absl::StatusOr<Known> Find(const TaskKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Known known;
    sqlite::Rows rows = read_task_.Query(key.operation, key.step, key.attempt);
    if (rows.Next()) {
      known.accepted = true;
      if (auto outcome = rows.Get<std::optional<sqlite::Blob>>(0))
        known.outcome = std::move(outcome->bytes);
    }
    CROFT_RETURN_IF_ERROR(rows.status());
    return known;
  }

  template <typename... T>
  absl::Status Write(sqlite::Statement& statement, const T&... parameters) {
    MutexLock lock(mutex_);
    CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    CROFT_RETURN_IF_ERROR(statement.Execute(parameters...));
    return transaction.Commit();
  }

  const Clock& clock_;
  mutable Mutex mutex_;
  std::unique_ptr<sqlite::Database> database_;
  int64_t highest_epoch_ ABSL_GUARDED_BY(mutex_) = 0;

  sqlite::Statement read_epoch_{*database_, "SELECT highest FROM epoch"};
  sqlite::Statement write_epoch_{*database_, "UPDATE epoch SET highest = max(highest, ?)"};
  sqlite::Statement read_tenant_{*database_, "SELECT epoch, position FROM tenants WHERE uid = ?"};
  sqlite::Statement raise_tenant_{
      *database_,
      "INSERT INTO tenants (uid, epoch, position) VALUES (?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
      "epoch = excluded.epoch, position = excluded.position"};
  sqlite::Statement read_task_{
      *database_, "SELECT outcome FROM tasks WHERE operation = ? AND step = ? AND attempt = ?"};
  sqlite::Statement insert_task_{
      *database_,
      "INSERT INTO tasks (operation, step, attempt, tenant_uid, epoch, position, accept_time) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)"};
  sqlite::Statement finish_{
      *database_, "UPDATE tasks SET outcome = ? WHERE operation = ? AND step = ? AND attempt = ?"};
  sqlite::Statement settle_{*database_,
                            "UPDATE tasks SET settle_time = ? WHERE operation = ? AND step = ? AND "
                            "attempt = ? AND outcome IS NOT NULL AND settle_time IS NULL"};
  sqlite::Statement prune_{
      *database_, "DELETE FROM tasks WHERE settle_time < ? OR (outcome IS NULL AND accept_time < ?)"};
  mutable sqlite::Statement positions_{*database_, "SELECT uid, epoch, position FROM tenants ORDER BY uid"};
  mutable sqlite::Statement unsettled_{
      *database_,
      "SELECT operation, step, attempt, outcome FROM tasks WHERE outcome IS NOT NULL AND "
      "settle_time IS NULL ORDER BY number"};
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(absl::string_view path, const Clock& clock) {
  CROFT_ASSIGN_OR_RETURN(auto database, sqlite::Database::Open(path, kSchema, {}));
  auto journal = std::make_unique<SqliteJournal>(std::move(database), clock);
  CROFT_RETURN_IF_ERROR(journal->Load());
  return journal;
}

}  // namespace croft::agent
