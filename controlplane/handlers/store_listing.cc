// Keeps what agents found in stores in a temporary file until it is compared.

#include "controlplane/handlers/store_listing.h"

#include <utility>

#include "common/errors.h"
#include "common/sqlite/transaction.h"

namespace croft::handlers {
namespace {

constexpr int32_t kCacheKibibytes = 8192;

// By tenant, which is how it is taken. A tenant's data key is a row whose backup is empty.
constexpr sqlite::Sql kSchema =
    "CREATE TABLE found("
    "  uid TEXT NOT NULL, store TEXT NOT NULL, backup TEXT NOT NULL,"
    "  has_archive INTEGER NOT NULL, has_manifest INTEGER NOT NULL, size_bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (uid, store, backup)) STRICT, WITHOUT ROWID";

}  // namespace

absl::StatusOr<std::unique_ptr<StoreListing>> StoreListing::Open() {
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                         sqlite::Database::OpenTemporary(kSchema, {.cache_kibibytes = kCacheKibibytes}));
  return std::unique_ptr<StoreListing>(new StoreListing(std::move(database)));
}

StoreListing::StoreListing(std::unique_ptr<sqlite::Database> database)
    : database_(std::move(database)),
      insert_(*database_, "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)"),
      select_(*database_,
              "SELECT store, backup, has_archive, has_manifest, size_bytes FROM found WHERE uid = ?"),
      delete_(*database_, "DELETE FROM found WHERE uid = ?"),
      first_(*database_, "SELECT DISTINCT uid FROM found ORDER BY uid LIMIT ?") {}

void StoreListing::Add(const std::vector<domain::FoundBackup>& backups,
                       const std::vector<domain::FoundKey>& keys) {
  const MutexLock lock(mutex_);
  if (!closed_ && error_.ok()) error_ = Insert(backups, keys);
}

absl::Status StoreListing::Insert(const std::vector<domain::FoundBackup>& backups,
                                  const std::vector<domain::FoundKey>& keys) {
  // The end of each transaction costs time for every changed page that is in memory.
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
  for (const domain::FoundBackup& backup : backups) {
    CROFT_RETURN_IF_ERROR(insert_.Execute(backup.uid, backup.store, backup.id, backup.has_archive,
                                          backup.has_manifest, backup.size_bytes));
  }
  for (const domain::FoundKey& key : keys) {
    CROFT_RETURN_IF_ERROR(insert_.Execute(key.uid, key.store, "", false, false, int64_t{0}));
  }
  return transaction.Commit();
}

void StoreListing::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

absl::Status StoreListing::Take(const std::set<std::string>& uids, domain::Inventory& into) {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(error_);
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
  for (const std::string& uid : uids) CROFT_RETURN_IF_ERROR(TakeOne(uid, into));
  return transaction.Commit();
}

absl::Status StoreListing::TakeOne(const std::string& uid, domain::Inventory& into) {
  {
    sqlite::Rows rows = select_.Query(uid);
    while (rows.Next()) {
      domain::FoundBackup found{.uid = uid};
      rows.Read(0, found.store, found.id, found.has_archive, found.has_manifest, found.size_bytes);
      if (found.id.empty()) {
        into.keys.push_back({.store = std::move(found.store), .uid = uid});
      } else {
        into.backups.push_back(std::move(found));
      }
    }
    CROFT_RETURN_IF_ERROR(rows.status());
  }
  return delete_.Execute(uid);
}

absl::StatusOr<std::set<std::string>> StoreListing::FirstUids(int32_t most) {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(error_);
  std::set<std::string> uids;
  sqlite::Rows rows = first_.Query(most);
  while (rows.Next()) uids.insert(rows.Get<std::string>(0));
  CROFT_RETURN_IF_ERROR(rows.status());
  return uids;
}

}  // namespace croft::handlers
