// The import of a tenant: an archive that was uploaded becomes its first backup, and a RESTORE of that makes its database.
//
// The upload has come before anything is recorded, so an upload that is cut leaves no tenant. From here on all is as in a
// restore as new: what fails is dropped again, and the tenant is left as FAILED, with the backup, until it is purged.

#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Backup;
using domain::Operation;
using domain::Tenant;

// What the upload is to the new tenant. A dry run has none: the backup is then in the host's first store.
Backup FirstBackup(Draft& draft, const Tenant& tenant, Backup backup) {
  backup.tenant = tenant.id;
  backup.tenant_uid = tenant.uid;
  backup.create_time = draft.now();
  backup.state = domain::BackupState::kAvailable;
  backup.origin = domain::BackupOrigin::kManual;
  if (backup.store.empty()) backup.store = engine::StoreOf(draft, tenant);
  return backup;
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::ImportTenant& request) {
  CROFT_ASSIGN_OR_RETURN(
      Tenant * tenant,
      PlaceNewTenant(draft, request.tenant,
                     {.labels = request.host_selector,
                      .connections = request.tenant.quota.connections,
                      .stores = request.backup.store.empty() ? std::vector<std::string>()
                                                             : std::vector{request.backup.store},
                      .host = request.host,
                      .task_kinds = {"upload", "restore", "unfence", "drop"}},
                     request.operation));
  const Backup backup = FirstBackup(draft, *tenant, request.backup);
  if (backup.store.empty()) return domain::NoStore(tenant->placement.host);
  draft.Add(backup);
  tenant->last_backup = backup.id;
  if (!engine::InForce(draft, *tenant).rules.copy_to.empty())
    draft.Record(catalog::PutSchedule{{.key = engine::CopyingOf(tenant->id), .next_time = draft.now()}});
  Operation operation = engine::NewOperation(draft, caller, request.operation, kRestore.id, *tenant);
  // Its own backup: by this the operation is one that makes a tenant.
  operation.source_tenant = tenant->id;
  operation.backup = backup.id;
  operation.steps = {
      On(tenant->placement,
         domain::RestoreTask{.backup = RefTo(backup), .allow_incomplete = request.allow_incomplete}),
      Open(*tenant, tenant->placement, domain::SuspendMode::kNone)};
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
