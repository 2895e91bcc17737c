// UNDELETE: brings a retired tenant back to the state it had.
//
// One that was retired while it was blocked stays closed: there is nothing to do on its host.

#include <optional>

#include "common/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Operation;
using domain::Step;
using domain::Tenant;

void ReturnFromRetirement(Tenant& tenant, absl::Time now) {
  MoveTo(tenant, domain::TenantEvent::kUndelete);
  tenant.state = tenant.state_before_retire;
  tenant.delete_time.reset();
  tenant.purge_time.reset();
  tenant.fence_time.reset();
  tenant.final_backup_failure.clear();
  // Whoever brings an expired tenant back wants to keep it.
  if (tenant.expire_time && *tenant.expire_time <= now) tenant.expire_time.reset();
}

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport&) {
  ReturnFromRetirement(*draft.FindTenant(operation.tenant), draft.now());
}

std::optional<Step> Undo(const Operation&, const Step&, const Tenant& tenant) {
  return Fence(tenant, /*allow_readers=*/false);
}

}  // namespace

constinit const Kind kUndelete = {.id = domain::OperationKind::kUndelete, .apply = Apply, .undo = Undo};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UndeleteTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, domain::TenantEvent::kUndelete,
                                   kUndelete.id, "undeleted"));
  Operation operation = engine::NewOperation(draft, caller, request.operation, kUndelete.id, *tenant);
  if (tenant->suspend_mode == domain::SuspendMode::kBlocked) {
    ReturnFromRetirement(*tenant, draft.now());
  } else {
    operation.steps = {Open(*tenant, tenant->placement, tenant->suspend_mode)};
    // From the first step on it may be open and take writes that no backup has.
    tenant->fence_time.reset();
    tenant->purge_parked = false;
  }
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
