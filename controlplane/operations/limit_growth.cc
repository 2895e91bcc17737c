// LIMIT_GROWTH: closes a tenant at its storage quota for growth, and opens it again. Begun by Croft itself, when a look at the
// size of the tenant's database calls for it.
//
// Lookups say that the tenant is closed from the intent on, since rows may be refused from then on, and until it is proven
// open. What fails is put back; the next look begins it again. A look that finds a closed database larger than before begins
// it once more: the tenant has made tables since, or has given itself back what was taken.

#include <optional>
#include <utility>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/storage.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"

namespace croft::operations {
namespace {

using domain::LimitGrowthDetails;
using domain::LimitGrowthTask;
using domain::Operation;
using domain::Step;
using domain::Storage;
using domain::Tenant;

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport&) {
  draft.FindTenant(operation.tenant)->storage.closed = std::get<LimitGrowthTask>(step.task).closed;
}

std::optional<Step> Undo(const Operation& operation, const Step& step, const Tenant& tenant) {
  const bool before = domain::Details<LimitGrowthDetails>(operation).previously_closed;
  if (std::get<LimitGrowthTask>(step.task).closed == before) return std::nullopt;
  return LimitGrowth(tenant, before);
}

void Revert(Draft& draft, Operation& operation) {
  draft.FindTenant(operation.tenant)->storage.closed =
      domain::Details<LimitGrowthDetails>(std::as_const(operation)).previously_closed;
}

// A host that is away would only hold the tenant, and an agent of an earlier version cannot do it.
bool CanBegin(Draft& draft, const Tenant& tenant) {
  const domain::Host* host = draft.FindHost(tenant.placement.host);
  return host != nullptr && domain::StateOf(*host) == domain::HostState::kUp && host->report.postgres_up &&
         domain::Knows(*host, {std::string(NameOf(domain::TaskKind::kLimitGrowth))}) &&
         engine::CheckFree(draft, tenant, kLimitGrowth.id).ok();
}

}  // namespace

constinit const Kind kLimitGrowth = {.id = domain::OperationKind::kLimitGrowth,
                                     .timeout = absl::Minutes(10),
                                     .apply = Apply,
                                     .undo = Undo,
                                     .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::JudgeStorage& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant, ""));
  const Subject subject = TenantName(tenant->id);
  // The size is that of a database which it has no more.
  if (tenant->placement.generation != request.generation) return subject;
  Storage& storage = tenant->storage;
  const int64_t quota = tenant->quota.storage_bytes;
  const domain::StorageLevel level = domain::StorageLevelAfter(storage.level, request.size_bytes, quota);
  const bool moved = domain::HasMoved(storage, request.size_bytes, quota);
  const bool has_grown = moved && request.size_bytes > storage.size_bytes;
  // By which it has grown is kept until it was seen to.
  if (level != storage.level || (moved && !has_grown)) storage.size_bytes = request.size_bytes;
  storage.level = level;
  const bool close = domain::IsToBeClosed(storage, draft.now());
  if (close == storage.closed && !(close && has_grown)) return subject;
  // Nobody gets into a tenant in another state to make it grow; what has to wait is begun by a later look.
  if (tenant->state != domain::TenantState::kReady || !CanBegin(draft, *tenant)) return subject;
  Operation operation = engine::NewOperation(draft, caller, request.operation, kLimitGrowth.id, *tenant);
  operation.details = LimitGrowthDetails{.previously_closed = storage.closed};
  operation.steps = {LimitGrowth(*tenant, close)};
  storage.size_bytes = request.size_bytes;
  storage.closed = true;
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
