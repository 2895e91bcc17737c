#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/catalog.h"

// Backups, erasures, answers to request ids and the audit: plain rows, read and written as they are.
namespace croft::catalog {

class BackupReads {
 public:
  explicit BackupReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::Backup>> Find(absl::string_view tenant, absl::string_view id);
  // Newest first. An empty tenant is every one, an empty before_id the newest.
  absl::StatusOr<std::vector<domain::Backup>> List(absl::string_view tenant, const BackupPosition& after,
                                                   int32_t limit);
  // Those that are being made into the store by hosts that are up, counted up to `most`.
  absl::StatusOr<int64_t> CountBeingMade(absl::string_view store, int64_t most);

 private:
  sqlite::Statement find_;
  sqlite::Statement list_all_;
  sqlite::Statement list_of_tenant_;
  sqlite::Statement count_being_made_;
};

class BackupWrites {
 public:
  explicit BackupWrites(sqlite::Database& database);

  absl::Status Put(const domain::Backup& backup);
  absl::Status Delete(absl::string_view tenant, absl::string_view id);

 private:
  sqlite::Statement put_;
  sqlite::Statement delete_;
};

class ErasureReads {
 public:
  explicit ErasureReads(sqlite::Database& database);

  // Of the tenant with this uid, or else the newest of those that had this id.
  absl::StatusOr<std::optional<domain::Erasure>> Find(absl::string_view uid_or_id);

 private:
  sqlite::Statement by_uid_;
  sqlite::Statement newest_of_tenant_;
};

class ErasureWrites {
 public:
  explicit ErasureWrites(sqlite::Database& database);

  absl::Status Put(const domain::Erasure& erasure);

 private:
  sqlite::Statement put_;
};

class Requests {
 public:
  explicit Requests(sqlite::Database& database);

  absl::StatusOr<std::optional<RequestRecord>> Find(absl::string_view caller, absl::string_view request_id);
  // Those from before `time`, oldest first.
  absl::StatusOr<std::vector<RequestRecord>> Before(absl::Time time, int32_t limit);
  absl::Status Put(const RequestRecord& record);
  absl::Status Delete(absl::string_view caller, absl::string_view request_id);

 private:
  sqlite::Statement find_;
  sqlite::Statement before_;
  sqlite::Statement put_;
  sqlite::Statement delete_;
};

class AuditReads {
 public:
  explicit AuditReads(sqlite::Database& database);

  // Oldest first.
  absl::StatusOr<std::vector<domain::AuditRow>> List(int64_t after_sequence, int32_t limit);
  // Newest first.
  absl::StatusOr<std::vector<domain::AuditRow>> ListBefore(int64_t sequence, int32_t limit);
  absl::StatusOr<std::optional<domain::AuditCheckpoint>> Checkpoint();

 private:
  sqlite::Statement list_;
  sqlite::Statement list_before_;
  sqlite::Statement checkpoint_;
};

class AuditWrites {
 public:
  explicit AuditWrites(sqlite::Database& database);

  absl::Status Append(const domain::AuditRow& row);
  absl::Status Cut(const domain::AuditCheckpoint& checkpoint);

 private:
  sqlite::Statement insert_;
  sqlite::Statement delete_;
  sqlite::Statement put_checkpoint_;
};

}  // namespace croft::catalog
