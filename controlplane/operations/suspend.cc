// SUSPEND: keeps a tenant's logins out, all of them or all but the readers.
//
// Lookups refuse from the request on, before the sessions end. What fails is opened again as far as it was open.

#include <optional>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Operation;
using domain::Step;
using domain::SuspendDetails;
using domain::SuspendMode;
using domain::Tenant;

std::optional<Step> Undo(const Operation& operation, const Step& step, const Tenant& tenant) {
  if (!std::holds_alternative<domain::FenceTask>(step.task)) return std::nullopt;
  const SuspendMode previous = domain::Details<SuspendDetails>(operation).previous_mode;
  if (previous == SuspendMode::kBlocked) return Fence(tenant, /*allow_readers=*/false);
  return Open(tenant, tenant.placement, previous);
}

void Revert(Draft& draft, Operation& operation) {
  const auto details = domain::Details<SuspendDetails>(std::as_const(operation));
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  tenant.state = details.previous_state;
  tenant.suspend_mode = details.previous_mode;
}

}  // namespace

constinit const Kind kSuspend = {.id = domain::OperationKind::kSuspend, .undo = Undo, .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::SuspendTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, domain::TenantEvent::kSuspend,
                                   kSuspend.id, "suspended"));
  if (tenant->suspend_mode == request.mode) return domain::TenantSuspended(tenant->id);
  Operation operation = engine::NewOperation(draft, caller, request.operation, kSuspend.id, *tenant);
  operation.details =
      SuspendDetails{.previous_state = tenant->state, .previous_mode = tenant->suspend_mode};
  tenant->state = domain::TenantState::kSuspended;
  tenant->suspend_mode = request.mode;
  operation.steps = SuspendSteps(*tenant);
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
