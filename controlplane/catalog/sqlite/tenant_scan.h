#pragma once

#include <functional>

#include <absl/status/status.h>

#include "common/sqlite/database.h"
#include "controlplane/domain/tenant.h"

// Reads all tenants in one pass.
namespace croft::catalog {

// Every tenant that is not a tombstone, by id. The caller has a transaction open.
[[nodiscard]] absl::Status ScanTenants(sqlite::Database& database,
                                       const std::function<void(const domain::Tenant&)>& visit);

// What Catalog::ReadPlacements() gives. Tenants are read on one connection and logins, by a thread of its own, on
// another; the caller has a transaction open on both, of one state.
[[nodiscard]] absl::Status ScanPlacements(sqlite::Database& tenants, sqlite::Database& logins,
                                          const std::function<domain::Tenant&()>& place);

}  // namespace croft::catalog
