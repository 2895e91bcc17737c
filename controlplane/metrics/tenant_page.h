#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/time/time.h>

#include "controlplane/domain/tenant.h"

namespace croft::metrics {

// What was done in one tenant's database in the last 24 hours.
struct TenantDay {
  int64_t commits = 0;
  int64_t rollbacks = 0;
  int64_t blocks_read = 0;
  int64_t blocks_hit = 0;
  int64_t rows_read = 0;
  int64_t rows_written = 0;
  int64_t deadlocks = 0;
  int64_t temporary_bytes = 0;
};

// What is told of one tenant that somebody asks for by its id.
struct TenantFigures {
  domain::Tenant tenant;
  absl::Time now;
  // Unset, as all of usage, until its agent has told something.
  std::optional<absl::Time> measure_time;
  std::optional<int64_t> size_bytes;
  int32_t connections = 0;
  double transactions_per_second = 0;
  TenantDay day;
  std::optional<absl::Time> usable_backup;  // the newest
  std::optional<absl::Time> proven_backup;
};

// `figures` as Prometheus' text format 0.0.4, without the tenant's name: whoever scrapes it knows which one it asked for
// and adds the label. docs/monitoring.md lists what is in it. Pure.
[[nodiscard]] std::string WriteTenantPage(const TenantFigures& figures);

}  // namespace croft::metrics
