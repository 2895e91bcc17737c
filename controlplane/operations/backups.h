#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What the kinds that work on an existing backup share.
namespace croft::operations {

// A host that reaches the backup: the tenant's, or another one.
absl::StatusOr<std::string> HostForBackup(engine::Draft& draft, const domain::Tenant& tenant,
                                          const domain::Backup& backup);

// `tenants/T/backups/B` of the operation's backup.
std::string BackupTarget(const domain::Operation& operation);

}  // namespace croft::operations
