#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/domain/lifecycle.h"
#include "controlplane/domain/plan.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/requests.h"
#include "controlplane/engine/verdict.h"

namespace croft::engine {
namespace {

using domain::FleetRepair;
using domain::OperationKind;
using domain::Tenant;

absl::Status NotCalledFor(const FleetRepair& repair) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("what ", repair.Id(), " was to mend has changed; check the fleet again"),
                   {.reason = "REPAIR_NOT_CALLED_FOR", .metadata = {{"repair", repair.Id()}}});
}

// The plan was made from what was seen some moments ago: what it rests on is looked at again, in the transaction.
absl::StatusOr<Tenant*> TenantToMend(Draft& draft, const FleetRepair& repair) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, repair.tenant));
  if (tenant->uid != repair.uid) return NotCalledFor(repair);
  CROFT_RETURN_IF_ERROR(CheckIdle(draft, *tenant, OperationKind::kConfigure));
  return tenant;
}

absl::StatusOr<Subject> Shape(Draft& draft, const Caller& caller, const RepairTenant& request,
                              Tenant& tenant) {
  const domain::Placement wanted{request.repair.host, request.repair.database, request.repair.generation};
  std::vector<domain::Step> steps = domain::RestatePlan(tenant);
  if (steps.empty() || tenant.placement != wanted) return NotCalledFor(request.repair);
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kConfigure, tenant);
  operation.steps = std::move(steps);
  return Begin(draft, tenant, std::move(operation));
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
  domain::Step drop{.task = domain::TaskKind::kDrop, .host = repair.host};
  drop.generation = tenant.placement.generation;
  drop.database = scratch ? repair.database : database;
  drop.databases = {drop.database};
  domain::Operation& clean_up = draft.Add(domain::Operation{
      .id = request.operation,
      .kind = OperationKind::kCleanUp,
      .tenant = tenant.id,
      .caller = "croft",
      .create_time = draft.now(),
      .deadline = draft.now() + domain::TimeoutOf(OperationKind::kCleanUp),
      .order = tenant.order,
      .steps = {std::move(drop)},
  });
  Advance(draft, clean_up);
  return OperationName(clean_up.id);
}

absl::StatusOr<Subject> ForgetBackup(Draft& draft, const RepairTenant& request, Tenant& tenant) {
  domain::Backup* backup = draft.FindBackup(tenant.id, request.repair.backup);
  if (backup == nullptr || backup->tenant_uid != tenant.uid || !domain::Stored(*backup))
    return NotCalledFor(request.repair);
  backup->state = domain::BackupState::kFailed;
  ChooseLastBackup(draft, tenant);
  return TenantName(tenant.id);
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RepairTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, TenantToMend(draft, request.repair));
  switch (request.repair.kind) {
    case FleetRepair::Kind::kShape: return Shape(draft, caller, request, *tenant);
    case FleetRepair::Kind::kDrop:
    case FleetRepair::Kind::kDropScratch: return Drop(draft, request, *tenant);
    case FleetRepair::Kind::kForgetBackup: return ForgetBackup(draft, request, *tenant);
  }
  return NotCalledFor(request.repair);
}

}  // namespace croft::engine
