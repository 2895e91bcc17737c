#pragma once

#include <functional>

#include <absl/status/status.h>

#include "common/sqlite/database.h"
#include "controlplane/domain/tenant.h"

namespace croft::catalog {

// Every tenant that is not a tombstone, by id. The caller has a transaction open.
[[nodiscard]] absl::Status ScanTenants(sqlite::Database& database,
                                       const std::function<void(const domain::Tenant&)>& visit);

// The same with no more of each than Catalog::ForEachPlacement() gives, which takes about half the time.
[[nodiscard]] absl::Status ScanPlacements(sqlite::Database& database,
                                          const std::function<void(domain::Tenant&)>& visit);

}  // namespace croft::catalog
