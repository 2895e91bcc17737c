// ROTATE: gives a tenant new logins. The replaced ones go on working for a while.
//
// New logins are made and proven one by one and published all at once, when the last of them is proven: a lookup never
// hands out a mixture. A clean-up disables the replaced ones when their time is over.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"

namespace croft::operations {
namespace {

using domain::Credential;
using domain::Operation;
using domain::RotateDetails;
using domain::Step;
using domain::Tenant;

// `_a` and `_b` take turns, `_ra` and `_rb` for readers.
std::string OtherLogin(const Tenant& tenant, domain::LoginRole role) {
  const std::string stem = tenant.owner_role + (role == domain::LoginRole::kReadOnly ? "_r" : "_");
  const Credential* published = domain::PublishedCredential(tenant, role);
  return published != nullptr && published->login == stem + "a" ? stem + "b" : stem + "a";
}

bool AllAreProven(const Operation& operation) {
  return std::all_of(operation.steps.begin(), operation.steps.end(),
                     [](const Step& step) { return step.undo || step.state == domain::StepState::kDone; });
}

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport&) {
  if (!AllAreProven(operation)) return;
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  std::vector<std::string> replaced;
  const absl::Time disable_time =
      draft.now() + domain::Details<RotateDetails>(std::as_const(operation)).overlap;
  for (Credential& credential : tenant.credentials) {
    if (credential.published) {
      credential.published = false;
      credential.disable_time = disable_time;
      replaced.push_back(credential.login);
    } else {
      credential.published = true;
    }
  }
  ScheduleCleanUp(draft, operation, tenant, DisableLogins(tenant, replaced, disable_time));
}

std::optional<Step> Undo(const Operation&, const Step& step, const Tenant&) {
  return On({step.host, step.database, step.generation},
            domain::RotateTask{.login = std::get<domain::RotateTask>(step.task).login});
}

void Revert(Draft& draft, Operation& operation) {
  std::erase_if(draft.FindTenant(operation.tenant)->credentials,
                [](const Credential& one) { return !one.published && !one.disable_time; });
}

}  // namespace

constinit const Kind kRotate = {
    .id = domain::OperationKind::kRotate, .apply = Apply, .undo = Undo, .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::RotateCredentials& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant, request.etag));
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kRotate.id));
  if (tenant->state != domain::TenantState::kReady) {
    return domain::WrongTenantState(tenant->id, tenant->state, "given new credentials");
  }
  for (const Credential& credential : tenant->credentials) {
    if (credential.disable_time) return domain::RotationUnderWay(tenant->id, *credential.disable_time);
  }
  Operation operation = engine::NewOperation(draft, caller, request.operation, kRotate.id, *tenant);
  operation.details = RotateDetails{.overlap = request.overlap};
  for (Credential credential : request.credentials) {
    credential.login = OtherLogin(*tenant, credential.role);
    credential.published = false;
    credential.create_time = draft.now();
    operation.steps.push_back(
        On(tenant->placement, domain::RotateTask{.login = credential.login, .enable = true}));
    tenant->credentials.push_back(std::move(credential));
  }
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
