// Begins operations: checks the tenant, writes the operation, sends its first step.

#include "controlplane/engine/intent.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/verdict.h"

namespace croft::engine {

absl::StatusOr<domain::Tenant*> LiveTenant(Draft& draft, const std::string& id, const std::string& etag) {
  domain::Tenant* tenant = draft.FindTenant(id);
  if (tenant == nullptr || tenant->state == domain::TenantState::kPurged) return domain::TenantNotFound(id);
  if (absl::Status status = CheckEtag(etag, TenantName(id), tenant->version); !status.ok()) return status;
  return tenant;
}

absl::StatusOr<domain::Backup*> ExistingBackup(Draft& draft, const domain::Tenant& tenant,
                                               const std::string& id_or_given_name) {
  if (domain::Backup* backup = draft.FindBackup(tenant.id, id_or_given_name)) return backup;
  const std::vector<domain::Backup> backups = BackupsOf(draft, tenant);
  const domain::Backup* named = domain::FindByGivenName(id_or_given_name, backups);
  if (named == nullptr) return domain::BackupNotFound(BackupName(tenant.id, id_or_given_name));
  return draft.FindBackup(tenant.id, named->id);
}

absl::Status CheckEtag(const std::string& etag, const std::string& name, int64_t version) {
  const std::string current = absl::StrCat(version);
  return etag.empty() || etag == current ? absl::OkStatus() : domain::EtagMismatch(name, current);
}

absl::Status CheckFree(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind,
                       const std::string& backup) {
  CROFT_RETURN_IF_ERROR(CheckConfirmed(draft, tenant, kind));
  return CheckIdle(draft, tenant, kind, backup);
}

// After a restore of the catalog nothing is begun on what no host has shown. A tenant that its host does not have can
// be restored from a backup all the same, once that host has reported or is known to be gone.
absl::Status CheckConfirmed(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind) {
  if (!tenant.unconfirmed) return absl::OkStatus();
  const domain::Host* host = draft.FindHost(tenant.placement.host);
  const bool host_is_known = host == nullptr || !host->unconfirmed;
  if (draft.rules().KindOf(kind).begins_unconfirmed && host_is_known) return absl::OkStatus();
  return domain::TenantUnconfirmed(tenant.id, tenant.placement.host);
}

absl::Status CheckIdle(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind,
                       const std::string& backup) {
  const Kind& next = draft.rules().KindOf(kind);
  for (const domain::Operation& running : draft.facts().RunningOperationsOfTenant(tenant.id)) {
    const Kind& now = draft.KindOf(running);
    if (now.hold == Hold::kNone) continue;
    const bool same_backup = !backup.empty() && running.backup == backup;
    // A restore as new only reads here: it minds the end of what it reads, nothing else.
    const bool only_reads = running.tenant != tenant.id;
    const bool beside = only_reads ? next.backups != BackupUse::kDeletesAll : MayRunBeside(now, next);
    const bool deletes = next.backups == BackupUse::kDeletesOne || now.backups == BackupUse::kDeletesOne;
    if (!beside || (same_backup && (deletes || now.id == next.id)))
      return domain::TenantBusy(tenant.id, running.id);
  }
  return absl::OkStatus();
}

bool MayRunBeside(const Kind& running, const Kind& next) {
  // Work of Croft's own waits for nobody: it touches only what nothing else uses any more.
  if (running.hold == Hold::kNone || next.hold == Hold::kNone) return true;
  if (running.hold == Hold::kExclusive || next.hold == Hold::kExclusive) return false;
  // Two backups of one database would only make each other slow, and so would two copies; and deleting the last one in a
  // store takes along what has just been put there.
  const auto writes = [](const Kind& kind) {
    return kind.backups == BackupUse::kAdds || kind.backups == BackupUse::kCopies ||
           kind.backups == BackupUse::kDeletesOne;
  };
  const bool deletes = running.backups == BackupUse::kDeletesOne || next.backups == BackupUse::kDeletesOne;
  return !(writes(running) && writes(next) && (deletes || running.backups == next.backups));
}

absl::Status CheckFreeToRead(Draft& draft, const domain::Tenant& source, const std::string& backup) {
  for (const domain::Operation& running : draft.facts().RunningOperationsOfTenant(source.id)) {
    if (running.tenant != source.id) continue;
    const BackupUse use = draft.KindOf(running).backups;
    const bool ends_it =
        use == BackupUse::kDeletesAll || (use == BackupUse::kDeletesOne && running.backup == backup);
    if (ends_it) return domain::TenantBusy(source.id, running.id);
  }
  return absl::OkStatus();
}

domain::Backup BackupFrom(const Draft& draft, const PreparedBackup& prepared, const domain::Tenant& tenant,
                          domain::BackupOrigin origin, const std::string& store) {
  domain::Backup backup;
  backup.tenant = tenant.id;
  backup.id = prepared.id;
  backup.tenant_uid = tenant.uid;
  backup.create_time = draft.now();
  backup.origin = origin;
  backup.store = store;
  backup.generation = tenant.placement.generation;
  backup.wrapped_key = prepared.wrapped_key;
  return backup;
}

std::string StoreOf(Draft& draft, const domain::Tenant& tenant) {
  const domain::Host* host = draft.FindHost(tenant.placement.host);
  return host == nullptr || host->report.stores.empty() ? "" : host->report.stores.front();
}

bool CanHold(Draft& draft, const std::string& host_id) {
  const domain::Host* host = draft.FindHost(host_id);
  return host != nullptr && !host->missing;
}

std::string StoreHost(Draft& draft, const domain::Tenant& tenant, const std::string& store) {
  const domain::Host* home = draft.FindHost(tenant.placement.host);
  if (home != nullptr && !home->missing && domain::Reaches(*home, store)) return home->id;
  return domain::ChooseStoreHost(draft.facts().Hosts(), store);
}

domain::Operation NewOperation(const Draft& draft, const Caller& caller, std::string id,
                               domain::OperationKind kind, const domain::Tenant& tenant) {
  domain::Operation operation;
  operation.id = std::move(id);
  operation.kind = kind;
  operation.tenant = tenant.id;
  operation.caller = caller.name;
  operation.traceparent = caller.traceparent;
  operation.parent = caller.parent;
  operation.create_time = draft.now();
  operation.deadline = draft.now() + draft.rules().KindOf(kind).timeout;
  return operation;
}

std::string Begin(Draft& draft, domain::Tenant& tenant, domain::Operation operation) {
  const Kind& kind = draft.KindOf(operation);
  if (kind.hold == Hold::kExclusive) {
    tenant.order += 1;
    tenant.current_operation = operation.id;
  }
  operation.order = tenant.order;
  operation.point_of_no_return = kind.revertible ? static_cast<int32_t>(operation.steps.size()) : 0;
  domain::Operation& begun = draft.Add(std::move(operation));
  Advance(draft, begun);
  return OperationName(begun.id);
}

}  // namespace croft::engine
