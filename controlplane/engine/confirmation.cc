// Confirms hosts and tenants after the catalog was restored, by what hosts show.

#include "controlplane/engine/confirmation.h"

#include <algorithm>

#include "controlplane/domain/fleet_check.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/storage.h"
#include "controlplane/engine/progress.h"

namespace croft::engine {
namespace {

using domain::FoundDatabase;
using domain::Host;
using domain::Inventory;
using domain::Tenant;

void RaiseCounters(const Inventory& inventory, Tenant& tenant) {
  for (const FoundDatabase& database : inventory.databases) {
    if (database.uid == tenant.uid)
      tenant.last_generation = std::max(tenant.last_generation, database.generation);
  }
  for (const domain::ObeyedPosition& position : inventory.positions) {
    if (position.uid == tenant.uid) tenant.order = std::max(tenant.order, position.order);
  }
}

// The tenant's database of the latest generation, if it stands open under its own name: what was closed there was
// closed since it was replaced, or by a fence that an older catalog knows nothing of.
const FoundDatabase* NewestOpen(const Inventory& inventory, const Tenant& tenant) {
  const FoundDatabase* newest = nullptr;
  for (const FoundDatabase& database : inventory.databases) {
    if (database.uid != tenant.uid || database.invalid || !database.allows_connections) continue;
    if (domain::IsScratch(database.name) || domain::WithoutSeal(database.name) != database.name) continue;
    if (newest == nullptr || database.generation > newest->generation) newest = &database;
  }
  return newest;
}

// The copy that the catalog was restored from is older than the tenant's last move.
void FollowMove(Draft& draft, const Inventory& inventory, Tenant& tenant) {
  const FoundDatabase* newest = NewestOpen(inventory, tenant);
  if (newest == nullptr || newest->generation <= tenant.placement.generation) return;
  if (Host* old_host = draft.FindHost(tenant.placement.host))
    domain::ChangeConnections(*old_host, tenant.quota.connections, 0);
  domain::TakeRoom(*draft.FindHost(inventory.host), tenant.quota.connections);
  tenant.placement = {inventory.host, newest->name, newest->generation};
}

// The copy may be older than its closing for growth, or than its opening.
void FollowGrowth(const Inventory& inventory, Tenant& tenant) {
  for (const FoundDatabase& database : inventory.databases) {
    if (database.uid == tenant.uid && database.name == tenant.placement.database)
      tenant.storage.closed = domain::ShowsClosed(database, tenant.owner_role);
  }
}

// Who is kept out gets the password anew when it is let in.
bool HasDrifted(const Tenant& tenant, const std::set<std::string>& drifted) {
  const domain::Door door = domain::DoorOf(tenant);
  return std::any_of(tenant.credentials.begin(), tenant.credentials.end(),
                     [&](const domain::Credential& one) {
                       return domain::LetsIn(door, one.role) && drifted.count(one.login) > 0;
                     });
}

}  // namespace

void OnFound(Draft& draft, const HostFound& found) {
  const Inventory& inventory = found.inventory;
  Host* host = draft.FindHost(inventory.host);
  if (host == nullptr || host->missing || !host->up) return;
  for (const auto& [uid, id] : found.tenants) {
    Tenant* tenant = draft.FindTenant(id);
    if (tenant == nullptr || tenant->uid != uid) continue;
    if (!tenant->unconfirmed && !host->unconfirmed) continue;
    RaiseCounters(inventory, *tenant);
    if (!tenant->unconfirmed) continue;
    FollowMove(draft, inventory, *tenant);
    if (tenant->placement.host == inventory.host) FollowGrowth(inventory, *tenant);
    if (domain::ShowsAsSaid(inventory, *tenant) && !HasDrifted(*tenant, found.drifted))
      tenant->unconfirmed = false;
  }
  host->unconfirmed = false;
  if (domain::StateOf(*host) == domain::HostState::kUp) ResumeHost(draft, host->id);
}

}  // namespace croft::engine
