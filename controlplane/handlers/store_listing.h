#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "common/sync.h"
#include "controlplane/domain/inventory.h"

namespace croft::handlers {

// What agents found in backup stores, until it was compared with the catalog. It is kept in a temporary file, so that
// memory does not grow with the number of backups. Thread-safe.
class StoreListing {
 public:
  static absl::StatusOr<std::unique_ptr<StoreListing>> Open();

  // An error is kept; Take and FirstUids answer it.
  void Add(const std::vector<domain::FoundBackup>& backups, const std::vector<domain::FoundKey>& keys);
  // What is added from now on is dropped.
  void Close();

  // Moves what was found of these tenants to the backups and keys of `into`.
  absl::Status Take(const std::set<std::string>& uids, domain::Inventory& into);
  // The lowest uids of what is left, at most `most`.
  absl::StatusOr<std::set<std::string>> FirstUids(int32_t most);

 private:
  explicit StoreListing(std::unique_ptr<sqlite::Database> database);
  absl::Status Insert(const std::vector<domain::FoundBackup>& backups,
                      const std::vector<domain::FoundKey>& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TakeOne(const std::string& uid, domain::Inventory& into)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<sqlite::Database> database_ ABSL_GUARDED_BY(mutex_);
  sqlite::Statement insert_ ABSL_GUARDED_BY(mutex_);
  sqlite::Statement select_ ABSL_GUARDED_BY(mutex_);
  sqlite::Statement delete_ ABSL_GUARDED_BY(mutex_);
  sqlite::Statement first_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
