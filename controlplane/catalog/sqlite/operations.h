#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/operation.h"

// Operations and their steps in the catalog's tables.
namespace croft::catalog {

// Where more than one statement must see the same state, the caller has a transaction open.
class OperationReads {
 public:
  explicit OperationReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::Operation>> Find(absl::string_view id);
  absl::StatusOr<OperationPage> List(const OperationQuery& query);
  // Oldest first.
  absl::StatusOr<std::vector<domain::Operation>> Running();
  absl::StatusOr<std::vector<domain::Operation>> RunningOfTenant(absl::string_view tenant);
  absl::StatusOr<std::vector<domain::Operation>> RunningOnHost(absl::string_view host);
  absl::StatusOr<int64_t> CountRunning();
  absl::StatusOr<int64_t> CountRunningOnHost(absl::string_view host, absl::string_view caller);
  absl::StatusOr<int64_t> CountRunningOnHost(absl::string_view host, absl::string_view caller,
                                             domain::OperationKind kind);
  // Ids, earliest first.
  absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int32_t limit);

 private:
  struct Stored;

  absl::StatusOr<std::vector<Stored>> Collect(sqlite::Rows rows);
  absl::StatusOr<std::vector<domain::Operation>> CollectOperations(sqlite::Rows rows);
  absl::Status ReadSteps(int64_t position, domain::Operation& operation);

  sqlite::Database& database_;
  sqlite::Statement find_;
  sqlite::Statement steps_;
  sqlite::Statement running_;
  sqlite::Statement running_of_tenant_;
  sqlite::Statement running_on_host_;
  sqlite::Statement count_running_;
  sqlite::Statement count_running_on_host_;
  sqlite::Statement count_running_on_host_or_of_kind_;
  sqlite::Statement ended_;
};

class OperationWrites {
 public:
  explicit OperationWrites(sqlite::Database& database);

  absl::Status Put(const domain::Operation& operation);
  absl::Status Delete(absl::string_view id);

 private:
  absl::StatusOr<std::optional<int64_t>> FindPosition(absl::string_view id);

  sqlite::Database& database_;
  sqlite::Statement position_;
  sqlite::Statement insert_;
  sqlite::Statement update_;
  sqlite::Statement put_step_;
  sqlite::Statement delete_steps_from_;
  sqlite::Statement delete_;
};

}  // namespace croft::catalog
