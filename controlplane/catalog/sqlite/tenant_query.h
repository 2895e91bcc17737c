#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/sqlite/database.h"
#include "controlplane/catalog/catalog.h"

namespace croft::catalog {

// Ids of the page, in order. INVALID_ARGUMENT, field `filter`, for a condition that has no meaning.
//
// The page is found by the index that promises the fewest rows, so that it takes milliseconds however many
// tenants there are. The exception: conditions that are each met by many tenants and together by few, where an
// index is read to its end (some 0.2 microseconds a row).
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ListTenantIds(sqlite::Database& database,
                                                                     const TenantQuery& query);

}  // namespace croft::catalog
