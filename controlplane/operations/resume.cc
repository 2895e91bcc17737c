// RESUME: opens a suspended tenant to all of its logins again.
//
// It is READY when the agent has proven that they get in. What fails is closed again as it was.

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
using domain::SuspendMode;
using domain::Tenant;

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport&) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  tenant.suspend_mode = SuspendMode::kNone;
  MoveTo(tenant, domain::TenantEvent::kResume);
}

std::optional<Step> Undo(const Operation&, const Step&, const Tenant& tenant) {
  return Fence(tenant, tenant.suspend_mode == SuspendMode::kReadOnly);
}

}  // namespace

constinit const Kind kResume = {.id = domain::OperationKind::kResume, .apply = Apply, .undo = Undo};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::ResumeTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, TenantFor(draft, request.tenant, request.etag,
                                                    domain::TenantEvent::kResume, kResume.id, "resumed"));
  Operation operation = engine::NewOperation(draft, caller, request.operation, kResume.id, *tenant);
  operation.steps = {Open(*tenant, tenant->placement, SuspendMode::kNone)};
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
