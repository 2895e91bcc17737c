// CLEAN_UP: Croft's own work on what an operation replaced. It is not listed to callers, holds nothing and waits for
// nobody; a purge takes it over.
//
// Its steps were written when it was scheduled. The tenant may have moved since, so each is brought up to date before it
// is sent. A login is disabled only while no exclusive operation is under way: that may open the tenant to its logins as
// they were when it was sent, and one that is closed meanwhile would be open again.

#include "controlplane/operations/clean_up.h"

#include <utility>

#include "controlplane/engine/progress.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/replaced.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::DropTask;
using domain::Operation;
using domain::RotateTask;
using domain::Step;
using domain::Tenant;

void Prepare(Draft& draft, Operation& operation, Step& step) {
  const Tenant& tenant = *draft.FindTenant(operation.tenant);
  operation.order = tenant.order;
  // Where the tenant lives again, its roles are in use.
  if (auto* drop = std::get_if<DropTask>(&step.task)) drop->roles = step.host != tenant.placement.host;
  if (!std::holds_alternative<RotateTask>(step.task)) return;
  step.host = tenant.placement.host;
  step.database = tenant.placement.database;
  step.generation = tenant.placement.generation;
}

bool Yields(const Step& step) { return std::holds_alternative<RotateTask>(step.task); }

// What it would remove from a host is gone with the host.
bool EndsWithHost(const Step&) { return true; }

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport&) {
  if (const auto* drop = std::get_if<DropTask>(&step.task)) {
    for (const std::string& database : drop->databases) {
      if (drop->undo_copy) GiveBackRoomOn(draft, step.host, 0);
      ForgetKept(*draft.FindTenant(operation.tenant), step.host, database);
    }
  } else if (const auto* disabled = std::get_if<RotateTask>(&step.task)) {
    std::erase_if(draft.FindTenant(operation.tenant)->credentials,
                  [&](const domain::Credential& one) { return one.login == disabled->login; });
  }
}

}  // namespace

constinit const Kind kCleanUp = {.id = domain::OperationKind::kCleanUp,
                                 .hold = engine::Hold::kNone,
                                 .timeout = absl::Hours(24 * 3650),
                                 .revertible = false,
                                 .prepare = Prepare,
                                 .yields = Yields,
                                 .ends_with_host = EndsWithHost,
                                 .apply = Apply};

void ScheduleCleanUp(Draft& draft, const Operation& cause, const Tenant& tenant, std::vector<Step> steps) {
  BeginCleanUp(draft, engine::CleanUpOf(cause), tenant, std::move(steps));
}

Operation& BeginCleanUp(Draft& draft, const std::string& id, const Tenant& tenant,
                        std::vector<Step> steps) {
  Operation& clean_up = draft.Add(Operation{
      .id = id,
      .kind = kCleanUp.id,
      .tenant = tenant.id,
      .caller = "croft",
      .create_time = draft.now(),
      .deadline = draft.now() + kCleanUp.timeout,
      .order = tenant.order,
      .steps = std::move(steps),
  });
  engine::Advance(draft, clean_up);
  return clean_up;
}

std::vector<Step> DisableLogins(const Tenant& tenant, const std::vector<std::string>& logins,
                                absl::Time when) {
  std::vector<Step> steps;
  for (const std::string& login : logins) {
    Step step = On(tenant.placement, RotateTask{.login = login});
    step.not_before = when;
    steps.push_back(std::move(step));
  }
  return steps;
}

Step DropCopy(const Tenant& tenant, const std::string& host, const std::string& database, absl::Time when) {
  Step step{
      .task = DropTask{.databases = {database}, .roles = host != tenant.placement.host, .undo_copy = true},
      .host = host,
      .generation = tenant.placement.generation,
      .database = database};
  step.not_before = when;
  return step;
}

}  // namespace croft::operations
