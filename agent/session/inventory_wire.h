#pragma once

#include <vector>

#include "agent/tasks/task.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// What was found as messages that each stay well below the size that a stream takes. At least one. Pure.
[[nodiscard]] std::vector<v1::Inventory> InventoryParts(const Fencing& fencing,
                                                        const InventoryTaken& inventory);

}  // namespace croft::agent
