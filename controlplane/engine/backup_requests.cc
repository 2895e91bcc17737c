// Requests about a backup that begin no operation: legal holds, which everything that deletes goes by, and exports.

#include <algorithm>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {
namespace {

// The backup that `request` names, as the caller last saw it.
template <typename Request>
absl::StatusOr<domain::Backup*> BackupFor(Draft& draft, const Request& request) {
  CROFT_ASSIGN_OR_RETURN(const domain::Tenant* tenant, LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, ExistingBackup(draft, *tenant, request.backup));
  CROFT_RETURN_IF_ERROR(CheckEtag(request.etag, BackupName(tenant->id, backup->id), backup->version));
  return backup;
}

// No resource changes with an export, so that no comparison tells of it.
domain::FleetEvent ExportEvent(const Draft& draft, const Caller& caller, const domain::Tenant& tenant,
                               const domain::Backup& backup) {
  return {.time = draft.now(),
          .type = "croft.tenant.exported",
          .subject = TenantName(tenant.id),
          .tenant = tenant.id,
          .tenant_uid = tenant.uid,
          .host = tenant.placement.host,
          .data = {{"backup", BackupName(tenant.id, backup.id)}, {"caller", caller.name}}};
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const HoldBackup& request) {
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, BackupFor(draft, request));
  const std::string name = BackupName(backup->tenant, backup->id);
  if (domain::Held(*backup)) return domain::BackupHeld(name, backup->hold);
  if (!domain::Stored(*backup)) return domain::BackupNotHoldable(name, domain::NameOf(backup->state));
  // A purge that has begun takes all of them.
  CROFT_RETURN_IF_ERROR(CheckFreeToRead(draft, *draft.FindTenant(backup->tenant), backup->id));
  backup->hold = {.time = draft.now(), .caller = caller.name, .reason = request.reason};
  return name;
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const ReleaseBackup& request) {
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, BackupFor(draft, request));
  std::string name = BackupName(backup->tenant, backup->id);
  if (!domain::Held(*backup)) return domain::BackupNotHeld(name);
  backup->hold = {};
  // Retention may have waited for this.
  if (backup->origin == domain::BackupOrigin::kScheduled)
    draft.Record(catalog::PutSchedule{{.key = PruningOf(backup->tenant), .next_time = draft.now()}});
  return name;
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const ExportBackup& request) {
  CROFT_ASSIGN_OR_RETURN(const domain::Tenant* tenant, LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(const domain::Backup* backup, ExistingBackup(draft, *tenant, request.backup));
  std::string name = BackupName(tenant->id, backup->id);
  if (!domain::Stored(*backup)) return domain::BackupNotUsable(name, "not whole");
  const std::vector<std::string> stores = domain::ReadableStoresOf(*backup);
  if (stores.empty()) return domain::BackupDamaged(name);
  CROFT_RETURN_IF_ERROR(CheckFreeToRead(draft, *tenant, backup->id));
  const bool is_reached = std::any_of(stores.begin(), stores.end(), [&](const std::string& store) {
    return !StoreHost(draft, *tenant, store).empty();
  });
  if (!is_reached) return domain::StoreUnreachable(stores.front());
  draft.Record(catalog::AppendEvent{ExportEvent(draft, caller, *tenant, *backup)});
  return name;
}

}  // namespace croft::engine
