// Inventory: everything of Croft's on the server, from one look. It changes nothing, so it takes no tenant's
// lock and has no order.

#include "agent/tasks/inventory.h"

#include <utility>

#include "common/errors.h"

namespace croft::agent {

absl::StatusOr<InventoryTaken> TakeInventory(Cluster& cluster, const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(ClusterListing listing, cluster.List(patience));
  InventoryTaken inventory;
  for (ListedDatabase& database : listing.databases) {
    inventory.databases.push_back({.name = std::move(database.name),
                                   .uid = database.tag ? database.tag->uid : "",
                                   .generation = database.tag ? database.tag->generation : 0,
                                   .allows_connections = database.allows_connections,
                                   .invalid = database.invalid,
                                   .size_bytes = database.size_bytes});
  }
  for (ListedRole& role : listing.roles) {
    inventory.roles.push_back({.name = std::move(role.name), .can_login = role.can_login});
  }
  return inventory;
}

}  // namespace croft::agent
