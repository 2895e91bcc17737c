#pragma once

#include <absl/status/status.h>

#include "controlplane/catalog/catalog.h"

// What the queries of the catalog ask for, row by row.
namespace croft::catalog {

// INVALID_ARGUMENT for a condition that has no meaning.
absl::Status Check(const TenantQuery::Condition& condition);

// The query's conditions are checked.
bool Matches(const domain::Tenant& tenant, const TenantQuery& query);
bool Matches(const domain::Operation& operation, const OperationQuery& query);

}  // namespace croft::catalog
