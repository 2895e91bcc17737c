#pragma once

#include <memory>
#include <vector>

#include <absl/status/statusor.h>

#include "agent/postgres/cluster.h"
#include "agent/store/store.h"
#include "agent/tasks/task.h"
#include "agent/tasks/task_runner.h"

namespace croft::agent {

// Registers inventory: everything of Croft's on the server, and what lies in those of `stores` that the task names.
// A store that cannot be looked into is part of the answer; a server that cannot is an error. All outlive `runner`.
void RegisterInventoryTask(TaskRunner& runner, Cluster& cluster,
                           const std::vector<std::unique_ptr<Store>>& stores);

}  // namespace croft::agent
