// CREATE: a new tenant with its database, on a host that has room for it.
//
// One step makes and proves the database; with it the tenant is READY. What fails is dropped again, and the tenant is
// left as FAILED until it is purged.

#include <optional>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Operation;
using domain::Step;
using domain::Tenant;
using domain::TenantState;

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport&) {
  MoveTo(*draft.FindTenant(operation.tenant), domain::TenantEvent::kCreated);
}

std::optional<Step> Undo(const Operation&, const Step& step, const Tenant&) {
  return DropDatabase({step.host, step.database, step.generation}, /*roles=*/true);
}

void Revert(Draft& draft, Operation& operation) {
  FailCreation(draft, operation, *draft.FindTenant(operation.tenant));
}

}  // namespace

constinit const Kind kCreate = {
    .id = domain::OperationKind::kCreate, .apply = Apply, .undo = Undo, .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateTenant& request) {
  if (request.if_missing) {
    const std::optional<Tenant> present = draft.facts().FindTenant(request.tenant.id);
    const bool usable = present && present->state != TenantState::kPurged &&
                        present->state != TenantState::kFailed && present->state != TenantState::kRetired;
    if (usable) return OperationName(present->create_operation);
  }
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, PlaceNewTenant(draft, request.tenant,
                                                         {.labels = request.host_selector,
                                                          .connections = request.tenant.quota.connections,
                                                          .task_kinds = {"create", "drop"}},
                                                         request.operation));
  Operation operation = engine::NewOperation(draft, caller, request.operation, kCreate.id, *tenant);
  operation.steps = {On(tenant->placement, domain::CreateTask())};
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
