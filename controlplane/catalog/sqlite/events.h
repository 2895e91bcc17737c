#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/catalog.h"

// Events in the catalog's tables.
namespace croft::catalog {

struct EventPositions {
  int64_t last = 0;
  int64_t pruned = 0;
};

class EventReads {
 public:
  explicit EventReads(sqlite::Database& database);

  absl::StatusOr<std::vector<domain::FleetEvent>> List(const EventQuery& query);
  absl::StatusOr<EventRun> Oldest(absl::Time time, int32_t limit);
  // Position of the first event of `time` or later.
  absl::StatusOr<std::optional<int64_t>> FirstSince(absl::Time time);

 private:
  sqlite::Statement list_;
  sqlite::Statement list_of_tenant_;
  sqlite::Statement oldest_;
  sqlite::Statement first_since_;
};

class EventWrites {
 public:
  explicit EventWrites(sqlite::Database& database);

  absl::Status Append(int64_t position, const domain::FleetEvent& event);
  // Deletes those up to `position`.
  absl::Status Cut(int64_t position);

 private:
  sqlite::Statement insert_;
  sqlite::Statement delete_;
};

}  // namespace croft::catalog
