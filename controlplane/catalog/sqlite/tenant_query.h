#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/sqlite/database.h"
#include "controlplane/catalog/catalog.h"

// Finds one page of tenants by a filter.
namespace croft::catalog {

struct TenantIdPage {
  std::vector<std::string> ids;
  std::optional<std::string> next_after;
};

// Ids of the page, in order, as TenantPage has them. INVALID_ARGUMENT, field `filter`, for a condition that has
// no meaning.
//
// The page is found by the index that promises the fewest rows, and ends where `most_read` of them were looked
// at, so that it takes milliseconds however many tenants there are.
[[nodiscard]] absl::StatusOr<TenantIdPage> ListTenantIds(sqlite::Database& database,
                                                         const TenantQuery& query);

}  // namespace croft::catalog
