#pragma once

#include "agent/postgres/cluster.h"
#include "agent/tasks/task_runner.h"
#include "common/random.h"

// The tasks that change databases, roles and grants.
namespace croft::agent {

// What every tenant's database gets besides its own limits.
struct TenantDefaults {
  absl::Duration idle_in_transaction_timeout = absl::Minutes(10);
  // Over all of a session's temporary files; set where the server lets the agent.
  int64_t temp_file_limit_kb = 4 * 1024 * 1024;
};

// Registers every kind of task that is run as a SqlTask. `cluster` and `random` outlive `runner`.
void RegisterSqlTasks(TaskRunner& runner, Cluster& cluster, Random& random, TenantDefaults defaults = {});

}  // namespace croft::agent
