// What the operations on existing backups share.

#include "controlplane/operations/backups.h"

#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"

namespace croft::operations {

absl::StatusOr<std::string> HostForBackup(engine::Draft& draft, const domain::Tenant& tenant,
                                          const domain::Backup& backup) {
  const std::string host = engine::StoreHost(draft, tenant, backup.store);
  if (host.empty()) return domain::StoreUnreachable(backup.store);
  return host;
}

std::string BackupTarget(const domain::Operation& operation) {
  return BackupName(operation.tenant, operation.backup);
}

}  // namespace croft::operations
