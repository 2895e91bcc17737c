// UNDO_RESTORE: puts a database that a restore in place replaced back in the tenant's place.
//
// Why this order: the kept database gets the name and the tag of the next generation while it is sealed, which is when
// nobody can be in it; the tenant's present one is closed before it opens, so that at most one place takes writes. With
// the opening the placement moves, limits and logins are those that the tenant has now, and the database that was closed
// is kept in its turn. What fails is taken back from its end: what was opened is closed before the other one opens again.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/ids.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/replaced.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::KeptDatabase;
using domain::Operation;
using domain::Placement;
using domain::RenumberTask;
using domain::Step;
using domain::SuspendMode;
using domain::Tenant;
using domain::UndoRestoreDetails;

const UndoRestoreDetails& DetailsIn(const Operation& operation) {
  return std::get<UndoRestoreDetails>(operation.details);
}

// --- How its steps go.

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport&) {
  if (!std::holds_alternative<domain::UnfenceTask>(step.task)) return;
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  // Of the one that is replaced now; the row says since the beginning what the one that opens is.
  const bool closed = std::exchange(tenant.storage.closed, DetailsIn(operation).previously_closed);
  MoveInto(draft, operation, tenant, step);
  tenant.storage.closed = closed;
}

// --- How it fails.

std::optional<Step> Undo(const Operation& operation, const Step& step, const Tenant& tenant) {
  const Placement opened{step.host, step.database, step.generation};
  if (std::holds_alternative<domain::UnfenceTask>(step.task)) return On(opened, domain::FenceTask());
  if (std::holds_alternative<domain::FenceTask>(step.task))
    return Open(tenant, tenant.placement, tenant.suspend_mode);
  return On(DetailsIn(operation).kept.placement,
            RenumberTask{.database = step.database, .generation = step.generation});
}

// Before a step opens the tenant's own database again with what the row says.
void Fail(Draft& draft, Operation& operation) {
  draft.FindTenant(operation.tenant)->storage.closed = DetailsIn(operation).previously_closed;
}

// Whether the kept database is what it was: as far as it was renamed, it has its name again.
bool IsAsItWas(const Operation& operation) {
  for (const Step& step : operation.steps) {
    if (step.undo && step.state == domain::StepState::kFailed &&
        !std::holds_alternative<domain::UnfenceTask>(step.task)) {
      return false;
    }
  }
  return true;
}

// One that could not be made what it was is not put back by another try. It is dropped under both of its names, each of
// which takes room until then.
void Revert(Draft& draft, Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  const KeptDatabase& kept = DetailsIn(operation).kept;
  const Placement& copy = kept.placement;
  domain::Host* host = draft.FindHost(copy.host);
  if (host == nullptr || host->missing) return GiveBackRoomOn(draft, copy.host, tenant.quota.connections);
  domain::ChangeConnections(*host, tenant.quota.connections, 0);
  if (IsAsItWas(operation)) return PutBack(draft, operation, tenant, kept);
  Step drop = DropCopy(tenant, copy.host, copy.database, draft.now() + kUndoCopyAge);
  std::get<domain::DropTask>(drop.task).databases.push_back(operation.steps.front().database);
  domain::TakeRoom(*host, 0);
  ScheduleCleanUp(draft, operation, tenant, {std::move(drop)});
}

// --- How it begins.

// Either database may be the one that is open in the end, so both are counted. Only on another host than the tenant's own
// does that take more than there was.
absl::Status TakeConnections(Draft& draft, const Tenant& tenant, const KeptDatabase& kept) {
  const std::string& id = kept.placement.host;
  domain::Host* host = draft.FindHost(id);
  if (host == nullptr || host->missing) return domain::HostMissing(id);
  if (!domain::Knows(*host, {std::string(NameOf(domain::TaskKind::kRenumber))})) {
    return domain::NoHostFits(
        {absl::StrCat("host ", id, ", which has the kept database, has an agent that is too old for it")});
  }
  if (id != tenant.placement.host) {
    // The tenant would be without its present database until that host is back.
    if (domain::StateOf(*host) != domain::HostState::kUp) return domain::HostUnreachable(id);
    CROFT_RETURN_IF_ERROR(domain::CheckRoomForQuota(*host, tenant.id, 0, tenant.quota.connections));
  }
  domain::ChangeConnections(*host, 0, tenant.quota.connections);
  return absl::OkStatus();
}

}  // namespace

constinit const Kind kUndoRestore = {.id = domain::OperationKind::kUndoRestore,
                                     .last_step_back_first = true,
                                     .excuses = ExcuseGoneDatabase,
                                     .apply = Apply,
                                     .undo = Undo,
                                     .fail = Fail,
                                     .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UndoRestore& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant, request.etag));
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kUndoRestore.id));
  if (tenant->state != domain::TenantState::kReady)
    return domain::WrongTenantState(tenant->id, tenant->state, "given an earlier database");
  CROFT_ASSIGN_OR_RETURN(const KeptDatabase kept, TakeOut(draft, *tenant, request.database));
  CROFT_RETURN_IF_ERROR(TakeConnections(draft, *tenant, kept));
  tenant->last_generation += 1;
  const Placement target{kept.placement.host, DatabaseName(tenant->owner_role, tenant->last_generation),
                         tenant->last_generation};
  Operation operation = engine::NewOperation(draft, caller, request.operation, kUndoRestore.id, *tenant);
  operation.details = UndoRestoreDetails{.kept = kept, .previously_closed = tenant->storage.closed};
  tenant->storage.closed = kept.closed_for_growth;
  operation.steps = {On(
      target, RenumberTask{.database = kept.placement.database, .generation = kept.placement.generation})};
  // On a host that was declared missing there is nothing to fence.
  if (engine::CanHold(draft, tenant->placement.host))
    operation.steps.push_back(Fence(*tenant, /*allow_readers=*/false));
  operation.steps.push_back(Open(*tenant, target, SuspendMode::kNone));
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
