#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/domain/schedule.h"

// Schedules in the catalog's tables.
namespace croft::catalog {

class ScheduleReads {
 public:
  explicit ScheduleReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::Schedule>> Find(const domain::ScheduleKey& key);
  // Those whose time is at or before `now`, earliest first.
  absl::StatusOr<std::vector<domain::Schedule>> Due(absl::Time now, int32_t limit);
  // Those that were refused at least so often in a row, 1 or more; the most often refused first.
  absl::StatusOr<std::vector<domain::Schedule>> Refused(int32_t refusals, int32_t limit);

 private:
  sqlite::Statement find_;
  sqlite::Statement due_;
  sqlite::Statement refused_;
};

class ScheduleWrites {
 public:
  explicit ScheduleWrites(sqlite::Database& database);

  absl::Status Put(const domain::Schedule& schedule);
  absl::Status Delete(const domain::ScheduleKey& key);

 private:
  sqlite::Statement put_;
  sqlite::Statement delete_;
};

}  // namespace croft::catalog
