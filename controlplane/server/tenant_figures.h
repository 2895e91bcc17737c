#pragma once

#include <optional>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/metrics/tenant_page.h"
#include "controlplane/usage/usage_keeper.h"

namespace croft::server {

// What is known of `tenant`, which is neither a tombstone nor gone. Usage that cannot be read is left out.
[[nodiscard]] absl::StatusOr<metrics::TenantFigures> ReadTenantFigures(const domain::Tenant& tenant,
                                                                       catalog::Catalog& catalog,
                                                                       usage::UsageKeeper& usage,
                                                                       absl::Time now);

}  // namespace croft::server
