#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What the kinds that work on an existing backup share.
namespace croft::operations {

// BACKUP_NOT_FOUND when the tenant has none called `id`.
absl::StatusOr<domain::Backup*> ExistingBackup(engine::Draft& draft, const domain::Tenant& tenant,
                                               const std::string& id);

// A host that reaches the backup: the tenant's, or another one.
absl::StatusOr<std::string> HostForBackup(engine::Draft& draft, const domain::Tenant& tenant,
                                          const domain::Backup& backup);

// `tenants/T/backups/B` of the operation's backup.
std::string BackupTarget(const domain::Operation& operation);

}  // namespace croft::operations
