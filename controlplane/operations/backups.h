#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What the kinds that work on an existing backup share.
namespace croft::operations {

// A host that reaches the store: the tenant's, or another one. STORE_UNREACHABLE when there is none.
absl::StatusOr<std::string> HostForStore(engine::Draft& draft, const domain::Tenant& tenant,
                                         const std::string& store);

// `tenants/T/backups/B` of the operation's backup.
std::string BackupTarget(const domain::Operation& operation);

}  // namespace croft::operations
