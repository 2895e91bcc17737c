#include <algorithm>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/plan.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {

using domain::OperationKind;
using domain::Tenant;
using domain::TenantState;

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateBackup& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, request.tenant));
  CROFT_RETURN_IF_ERROR(CheckFree(draft, *tenant, OperationKind::kBackUp));
  if (tenant->state != TenantState::kReady && tenant->state != TenantState::kSuspended) {
    return domain::WrongTenantState(tenant->id, tenant->state, "backed up");
  }
  if (tenant->uid != request.backup.tenant_uid) return domain::TenantNotFound(tenant->id);
  const std::string store = StoreOf(draft, *tenant);
  if (store.empty()) return domain::NoStore(tenant->placement.host);
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kBackUp, *tenant);
  const domain::Backup& backup =
      draft.Add(BackupFrom(draft, request.backup, *tenant, request.origin, store));
  operation.backup = backup.id;
  operation.max_duration = request.max_duration;
  operation.steps = domain::BackUpPlan(*tenant, backup);
  return Begin(draft, *tenant, std::move(operation));
}

namespace {

// A host that can reach the backup: the tenant's, or another one.
absl::StatusOr<std::string> HostForBackup(Draft& draft, const Tenant& tenant,
                                          const domain::Backup& backup) {
  const std::string host = StoreHost(draft, tenant, backup.store);
  if (host.empty()) return domain::StoreUnreachable(backup.store);
  return host;
}

bool IsLastInStore(Draft& draft, const domain::Backup& backup) {
  const std::vector<domain::Backup> backups = draft.facts().BackupsOfTenant(backup.tenant);
  return std::none_of(backups.begin(), backups.end(), [&](const domain::Backup& other) {
    return other.id != backup.id && other.store == backup.store;
  });
}

absl::StatusOr<domain::Backup*> ExistingBackup(Draft& draft, const Tenant& tenant, const std::string& id) {
  domain::Backup* backup = draft.FindBackup(tenant.id, id);
  if (backup == nullptr) return domain::BackupNotFound(BackupName(tenant.id, id));
  return backup;
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const VerifyBackup& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, ExistingBackup(draft, *tenant, request.backup));
  if (!domain::Stored(*backup))
    return domain::BackupNotUsable(BackupName(tenant->id, backup->id), "not whole");
  CROFT_RETURN_IF_ERROR(CheckFree(draft, *tenant, OperationKind::kVerify, backup->id));
  CROFT_ASSIGN_OR_RETURN(const std::string host, HostForBackup(draft, *tenant, *backup));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kVerify, *tenant);
  operation.backup = backup->id;
  operation.steps = domain::VerifyPlan(host, *backup);
  return Begin(draft, *tenant, std::move(operation));
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const DeleteBackup& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, ExistingBackup(draft, *tenant, request.backup));
  CROFT_RETURN_IF_ERROR(CheckEtag(request.etag, BackupName(tenant->id, backup->id), backup->version));
  CROFT_RETURN_IF_ERROR(CheckFree(draft, *tenant, OperationKind::kDeleteBackup, backup->id));
  CROFT_ASSIGN_OR_RETURN(const std::string host, HostForBackup(draft, *tenant, *backup));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kDeleteBackup, *tenant);
  backup->state = domain::BackupState::kDeleting;
  operation.backup = backup->id;
  operation.steps = domain::DeleteBackupPlan(host, *backup, IsLastInStore(draft, *backup));
  return Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::engine
