#pragma once

#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/domain/host.h"

// Hosts in the catalog's tables.
namespace croft::catalog {

class HostReads {
 public:
  explicit HostReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::Host>> Find(absl::string_view id);
  absl::StatusOr<std::vector<domain::Host>> List();  // by id

 private:
  sqlite::Statement find_;
  sqlite::Statement list_;
};

class HostWrites {
 public:
  explicit HostWrites(sqlite::Database& database);

  absl::Status Put(const domain::Host& host);
  absl::Status Delete(absl::string_view id);

 private:
  sqlite::Statement put_;
  sqlite::Statement delete_;
};

}  // namespace croft::catalog
