// CREATE: a new tenant with its database, on a host that has room for it.
//
// One step makes and proves the database; with it the tenant is READY. What fails is dropped again, and the tenant is
// left as FAILED until it is purged.

#include <optional>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
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

// The operation that made the tenant. One that was pruned is answered as it was: it has succeeded.
Subject Made(Draft& draft, const Tenant& tenant) {
  const bool pruned =
      !tenant.create_operation.empty() && draft.FindOperation(tenant.create_operation) == nullptr;
  if (pruned) {
    draft.Add(Operation{.id = tenant.create_operation,
                        .kind = kCreate.id,
                        .tenant = tenant.id,
                        .caller = engine::kSystem,
                        .create_time = tenant.create_time,
                        .end_time = tenant.create_time,
                        .deadline = tenant.create_time,
                        .state = domain::OperationState::kSucceeded});
  }
  return OperationName(tenant.create_operation);
}

}  // namespace

constinit const Kind kCreate = {
    .id = domain::OperationKind::kCreate, .apply = Apply, .undo = Undo, .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateTenant& request) {
  if (request.if_missing) {
    const std::optional<Tenant> present = draft.facts().FindTenant(request.tenant.id);
    const bool usable = present && present->state != TenantState::kPurged &&
                        present->state != TenantState::kFailed && present->state != TenantState::kRetired;
    if (usable) return Made(draft, *present);
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
