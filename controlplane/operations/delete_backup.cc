// DELETE_BACKUP: removes a backup from the stores that hold it, and its row with it.
//
// Why this order: its copies first, so that what is deleted by half is still known by the store it was made in. It only
// goes forward: what is half removed is no backup any more.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/retention.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/engine/verdict.h"
#include "controlplane/operations/backups.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"

namespace croft::operations {
namespace {

// When the next of several that are kept no longer is deleted.
constexpr absl::Duration kNextPruned = absl::Seconds(5);

// With the tenant's last archive in a store, the copy of the data key beside it goes too.
bool IsLastInStore(Draft& draft, const domain::Backup& backup, const std::string& store) {
  const std::vector<domain::Backup> backups = draft.facts().BackupsOfTenant(backup.tenant);
  return std::none_of(backups.begin(), backups.end(), [&](const domain::Backup& other) {
    const std::vector<std::string> stores = domain::StoresOf(other);
    return other.id != backup.id && std::find(stores.begin(), stores.end(), store) != stores.end();
  });
}

absl::StatusOr<domain::Step> Deletion(Draft& draft, const domain::Tenant& tenant,
                                      const domain::Backup& backup, const std::string& store) {
  CROFT_ASSIGN_OR_RETURN(const std::string host, HostForStore(draft, tenant, store));
  return domain::Step{.task = domain::DeleteBackupTask{.backup = RefTo(backup),
                                                       .store = store == backup.store ? "" : store,
                                                       .all = IsLastInStore(draft, backup, store)},
                      .host = host};
}

// Copies first.
absl::StatusOr<std::vector<domain::Step>> Deletions(Draft& draft, const domain::Tenant& tenant,
                                                    const domain::Backup& backup) {
  std::vector<domain::Step> steps;
  for (const domain::BackupCopy& copy : backup.copies) {
    CROFT_ASSIGN_OR_RETURN(steps.emplace_back(), Deletion(draft, tenant, backup, copy.store));
  }
  CROFT_ASSIGN_OR_RETURN(steps.emplace_back(), Deletion(draft, tenant, backup, backup.store));
  return steps;
}

void Apply(Draft& draft, domain::Operation& operation, const domain::Step& step,
           const engine::TaskReport&) {
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  if (const std::string store = domain::CopyStoreOf(step.task); backup != nullptr && !store.empty()) {
    std::erase_if(backup->copies, [&](const domain::BackupCopy& copy) { return copy.store == store; });
    return;
  }
  draft.EraseBackup(operation.tenant, operation.backup);
  engine::ChooseLastBackup(draft, *draft.FindTenant(operation.tenant));
}

}  // namespace

constinit const Kind kDeleteBackup = {.id = domain::OperationKind::kDeleteBackup,
                                      .hold = engine::Hold::kShared,
                                      .backups = engine::BackupUse::kDeletesOne,
                                      .timeout = absl::Hours(24),
                                      .revertible = false,
                                      .apply = Apply,
                                      .target = BackupTarget};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::DeleteBackup& request) {
  CROFT_ASSIGN_OR_RETURN(domain::Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, engine::ExistingBackup(draft, *tenant, request.backup));
  CROFT_RETURN_IF_ERROR(
      engine::CheckEtag(request.etag, BackupName(tenant->id, backup->id), backup->version));
  if (domain::Held(*backup)) return domain::BackupHeld(BackupName(tenant->id, backup->id), backup->hold);
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kDeleteBackup.id, backup->id));
  CROFT_ASSIGN_OR_RETURN(std::vector<domain::Step> deletions, Deletions(draft, *tenant, *backup));
  domain::Operation operation =
      engine::NewOperation(draft, caller, request.operation, kDeleteBackup.id, *tenant);
  backup->state = domain::BackupState::kDeleting;
  operation.backup = backup->id;
  operation.steps = std::move(deletions);
  return engine::Begin(draft, *tenant, std::move(operation));
}

// One at a time, the oldest first. The schedule is gone when nothing is left; the next scheduled backup brings it back.
// A tenant that is closed keeps what it has: its purge deletes all, and after an undelete this goes on.
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::PruneBackups& request) {
  const domain::ScheduleKey schedule = engine::PruningOf(request.tenant);
  const domain::Tenant* tenant = draft.FindTenant(request.tenant);
  if (tenant != nullptr && tenant->state == domain::TenantState::kRetired) return Subject();
  const std::vector<domain::Backup> surplus =
      tenant == nullptr ? std::vector<domain::Backup>()
                        : domain::SurplusBackups(engine::InForce(draft, *tenant),
                                                 draft.facts().BackupsOfTenant(tenant->id));
  if (surplus.size() <= 1) {
    draft.Record(catalog::DeleteSchedule{schedule});
  } else {
    draft.Record(catalog::PutSchedule{{.key = schedule, .next_time = draft.now() + kNextPruned}});
  }
  if (surplus.empty()) return Subject();
  return Handle(draft, caller,
                engine::DeleteBackup{
                    .operation = request.operation, .tenant = tenant->id, .backup = surplus.front().id});
}

}  // namespace croft::operations
