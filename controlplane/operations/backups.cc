// What the operations on existing backups share.

#include "controlplane/operations/backups.h"

#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"

namespace croft::operations {

absl::StatusOr<std::string> HostForStore(engine::Draft& draft, const domain::Tenant& tenant,
                                         const std::string& store) {
  const std::string host = engine::StoreHost(draft, tenant, store);
  if (host.empty()) return domain::StoreUnreachable(store);
  return host;
}

std::string BackupTarget(const domain::Operation& operation) {
  return BackupName(operation.tenant, operation.backup);
}

}  // namespace croft::operations
