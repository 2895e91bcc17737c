#pragma once

#include <absl/status/statusor.h>

#include "agent/postgres/cluster.h"
#include "agent/tasks/task.h"

namespace croft::agent {

// Everything of Croft's on the server, by name. Also what an agent reports unasked when it connects.
[[nodiscard]] absl::StatusOr<InventoryTaken> TakeInventory(Cluster& cluster, const Patience& patience);

}  // namespace croft::agent
