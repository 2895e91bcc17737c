// Repairs what a check of the fleet found: brings a tenant's database back to what the catalog says, drops what is
// nobody's any more, or forgets a backup that is not there. Not a kind of its own: it begins a CONFIGURE or a CLEAN_UP,
// or only changes the catalog.

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/engine/verdict.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"

namespace croft::operations {
namespace {

using domain::FleetRepair;
using domain::Step;
using domain::Tenant;
using domain::TenantState;
using engine::RepairTenant;

absl::Status NotCalledFor(const FleetRepair& repair) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("what ", repair.Id(), " was to mend has changed; check the fleet again"),
                   {.reason = "REPAIR_NOT_CALLED_FOR", .metadata = {{"repair", repair.Id()}}});
}

// The plan was made from what was seen some moments ago: what it rests on is looked at again, in the transaction.
absl::StatusOr<Tenant*> TenantToRepair(Draft& draft, const FleetRepair& repair) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, repair.tenant));
  if (tenant->uid != repair.uid) return NotCalledFor(repair);
  CROFT_RETURN_IF_ERROR(engine::CheckIdle(draft, *tenant, kConfigure.id));
  return tenant;
}

// Empty for a state without a database.
std::vector<Step> RestateSteps(const Tenant& tenant) {
  std::vector<Step> steps = {Configure(tenant)};
  switch (tenant.state) {
    case TenantState::kReady:
      steps.push_back(Open(tenant, tenant.placement, domain::SuspendMode::kNone));
      return steps;
    case TenantState::kSuspended:
      for (Step& step : SuspendSteps(tenant)) steps.push_back(std::move(step));
      return steps;
    case TenantState::kRetired: steps.push_back(Fence(tenant, /*allow_readers=*/false)); return steps;
    case TenantState::kCreating:
    case TenantState::kFailed:
    case TenantState::kPurged: break;
  }
  return {};
}

absl::StatusOr<Subject> Shape(Draft& draft, const Caller& caller, const RepairTenant& request,
                              Tenant& tenant) {
  const domain::Placement wanted{request.repair.host, request.repair.database, request.repair.generation};
  std::vector<Step> steps = RestateSteps(tenant);
  if (steps.empty() || tenant.placement != wanted) return NotCalledFor(request.repair);
  domain::Operation operation =
      engine::NewOperation(draft, caller, request.operation, kConfigure.id, tenant);
  operation.steps = std::move(steps);
  return engine::Begin(draft, tenant, std::move(operation));
}

// Nobody's any more: no operation of the tenant's waits for it, and the tenant does not live in it.
absl::StatusOr<Subject> Drop(Draft& draft, const RepairTenant& request, const Tenant& tenant) {
  const FleetRepair& repair = request.repair;
  const std::string database = domain::WithoutSeal(repair.database);
  const bool scratch = repair.kind == FleetRepair::Kind::kDropScratch;
  const bool proven =
      scratch ? domain::IsScratch(repair.database) && domain::UidInName(repair.database) == tenant.uid
              : repair.generation < tenant.placement.generation && !tenant.unconfirmed &&
                    database != tenant.placement.database;
  if (!proven) return NotCalledFor(repair);
  Step drop{.host = repair.host,
            .generation = tenant.placement.generation,
            .database = scratch ? repair.database : database};
  drop.task = domain::DropTask{.databases = {drop.database}};
  return OperationName(BeginCleanUp(draft, request.operation, tenant, {std::move(drop)}).id);
}

// The first usable copy becomes the backup; false when there is none.
bool TakeCopyInstead(domain::Backup& backup) {
  const auto usable =
      std::find_if(backup.copies.begin(), backup.copies.end(),
                   [](const domain::BackupCopy& copy) { return domain::IsUsable(copy.state); });
  if (usable == backup.copies.end()) return false;
  backup.store = usable->store;
  backup.state = usable->state;
  backup.verify_time = usable->verify_time;
  backup.proof_findings = {};
  backup.copies.erase(usable);
  return true;
}

void GoOnCopying(Draft& draft, const Tenant& tenant) {
  draft.Record(catalog::PutSchedule{{.key = engine::CopyingOf(tenant.id), .next_time = draft.now()}});
}

absl::StatusOr<Subject> ForgetBackup(Draft& draft, const RepairTenant& request, Tenant& tenant) {
  domain::Backup* backup = draft.FindBackup(tenant.id, request.repair.backup);
  if (backup == nullptr || backup->tenant_uid != tenant.uid || !domain::Stored(*backup))
    return NotCalledFor(request.repair);
  if (!TakeCopyInstead(*backup)) backup->state = domain::BackupState::kFailed;
  GoOnCopying(draft, tenant);
  engine::ChooseLastBackup(draft, tenant);
  return TenantName(tenant.id);
}

absl::StatusOr<Subject> ForgetCopy(Draft& draft, const RepairTenant& request, const Tenant& tenant) {
  domain::Backup* backup = draft.FindBackup(tenant.id, request.repair.backup);
  if (backup == nullptr || backup->tenant_uid != tenant.uid) return NotCalledFor(request.repair);
  domain::BackupCopy* copy = domain::FindCopy(*backup, request.repair.store);
  if (copy == nullptr || !domain::IsStored(copy->state)) return NotCalledFor(request.repair);
  copy->state = domain::BackupState::kFailed;
  copy->failure = "it was not in its store";
  copy->retry_time = draft.now();
  GoOnCopying(draft, tenant);
  return TenantName(tenant.id);
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RepairTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, TenantToRepair(draft, request.repair));
  switch (request.repair.kind) {
    case FleetRepair::Kind::kShape: return Shape(draft, caller, request, *tenant);
    case FleetRepair::Kind::kDrop:
    case FleetRepair::Kind::kDropScratch: return Drop(draft, request, *tenant);
    case FleetRepair::Kind::kForgetBackup: return ForgetBackup(draft, request, *tenant);
    case FleetRepair::Kind::kForgetCopy: return ForgetCopy(draft, request, *tenant);
  }
  return NotCalledFor(request.repair);
}

}  // namespace croft::operations
