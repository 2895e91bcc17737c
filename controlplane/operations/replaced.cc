// Keeps databases that another one took the place of, until a clean-up drops them or they are put back.

#include "controlplane/operations/replaced.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/progress.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::KeptDatabase;
using domain::Operation;
using domain::Placement;
using domain::Step;
using domain::Tenant;
using engine::Draft;

// Message of a fence's step that found no database, so that there is none to keep.
constexpr absl::string_view kIsGone = "nobody can get into the old database: it is gone";

bool IsGone(const Operation& operation) {
  return std::any_of(operation.steps.begin(), operation.steps.end(), [](const Step& step) {
    return std::holds_alternative<domain::FenceTask>(step.task) && !step.undo && step.message == kIsGone;
  });
}

void Keep(Tenant& tenant, KeptDatabase kept) {
  std::vector<KeptDatabase>& all = tenant.kept_databases;
  const auto older = std::find_if(all.begin(), all.end(), [&](const KeptDatabase& one) {
    return one.replace_time <= kept.replace_time;
  });
  all.insert(older, std::move(kept));
}

// Whether the clean-up has not begun to drop it.
bool Waits(const Operation& clean_up) {
  return !domain::Ended(clean_up) && std::all_of(clean_up.steps.begin(), clean_up.steps.end(),
                                                 [](const Step& step) { return step.attempt == 0; });
}

}  // namespace

std::optional<std::string> ExcuseGoneDatabase(const Step& step, const engine::TaskError& error) {
  const bool gone = std::holds_alternative<domain::FenceTask>(step.task) &&
                    (error.reason == "DATABASE_MISSING" || error.reason == "DATABASE_INVALID");
  if (!gone) return std::nullopt;
  return std::string(kIsGone);
}

void MoveInto(Draft& draft, const Operation& operation, Tenant& tenant, const Step& opened) {
  const Placement old = std::exchange(tenant.placement, {opened.host, opened.database, opened.generation});
  domain::Host* old_host = draft.FindHost(old.host);
  if (old_host == nullptr || old_host->missing) {
    GiveBackRoomOn(draft, old.host, tenant.quota.connections);
    return;
  }
  // Sealed: from now on its room is that of a database nobody connects to, whatever becomes of the quota.
  domain::ChangeConnections(*old_host, tenant.quota.connections, 0);
  const absl::Time until = draft.now() + kUndoCopyAge;
  ScheduleCleanUp(draft, operation, tenant, {DropCopy(tenant, old.host, old.database, until)});
  if (IsGone(operation)) return;
  Keep(tenant, {.placement = old,
                .replace_time = draft.now(),
                .expire_time = until,
                .clean_up = engine::CleanUpOf(operation),
                .closed_for_growth = tenant.storage.closed});
}

absl::StatusOr<KeptDatabase> TakeOut(Draft& draft, Tenant& tenant, const std::string& database) {
  std::vector<KeptDatabase>& all = tenant.kept_databases;
  const auto found = std::find_if(all.begin(), all.end(), [&](const KeptDatabase& one) {
    return database.empty() || one.placement.database == database;
  });
  if (found == all.end()) return domain::NothingKept(tenant.id, database);
  Operation* clean_up = draft.FindOperation(found->clean_up);
  if (clean_up == nullptr || !Waits(*clean_up) || found->expire_time <= draft.now())
    return domain::NothingKept(tenant.id, found->placement.database);
  clean_up->state = domain::OperationState::kCancelled;
  clean_up->end_time = draft.now();
  KeptDatabase kept = std::move(*found);
  all.erase(found);
  return kept;
}

void PutBack(Draft& draft, const Operation& operation, Tenant& tenant, KeptDatabase kept) {
  ScheduleCleanUp(draft, operation, tenant,
                  {DropCopy(tenant, kept.placement.host, kept.placement.database, kept.expire_time)});
  kept.clean_up = engine::CleanUpOf(operation);
  Keep(tenant, std::move(kept));
}

void ForgetKept(Tenant& tenant, const std::string& host, const std::string& database) {
  std::erase_if(tenant.kept_databases, [&](const KeptDatabase& one) {
    return one.placement.host == host && one.placement.database == database;
  });
}

}  // namespace croft::operations
