#pragma once

#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/domain/backup_policy.h"

// Backup policies in the catalog's tables.
namespace croft::catalog {

class BackupPolicyReads {
 public:
  explicit BackupPolicyReads(sqlite::Database& database);

  absl::StatusOr<std::vector<domain::BackupPolicy>> List();  // by id

 private:
  sqlite::Statement list_;
};

class BackupPolicyWrites {
 public:
  explicit BackupPolicyWrites(sqlite::Database& database);

  absl::Status Put(const domain::BackupPolicy& policy);
  absl::Status Delete(absl::string_view id);

 private:
  sqlite::Statement put_;
  sqlite::Statement delete_;
};

}  // namespace croft::catalog
