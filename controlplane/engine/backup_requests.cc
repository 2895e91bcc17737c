// Legal holds on backups: changes in the catalog alone, which everything that deletes goes by.

#include <string>

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

}  // namespace croft::engine
