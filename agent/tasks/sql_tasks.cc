// Registers the tasks that change databases, roles and grants.

#include "agent/tasks/sql_tasks.h"

#include <utility>

#include "agent/tasks/sql_task.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// Runs `run` under the tenant's lock.
template <typename W>
TaskRunner::Handler<W> Locked(Cluster& cluster, Random& random, const TenantDefaults& defaults,
                              absl::StatusOr<Outcome> (*run)(const SqlTask&, const W&)) {
  return [&cluster, &random, defaults, run](const Task& task, const W& work,
                                            TaskContext& context) -> absl::StatusOr<Outcome> {
    CROFT_ASSIGN_OR_RETURN(const SqlTask begun, SqlTask::Begin(cluster, random, defaults, task, context));
    return run(begun, work);
  };
}

}  // namespace

void RegisterSqlTasks(TaskRunner& runner, Cluster& cluster, Random& random, TenantDefaults defaults) {
  runner.Register<CreateWork>(Locked(cluster, random, defaults, RunCreate));
  runner.Register<ConfigureWork>(Locked(cluster, random, defaults, RunConfigure));
  runner.Register<FenceWork>(Locked(cluster, random, defaults, RunFence));
  runner.Register<UnfenceWork>(Locked(cluster, random, defaults, RunUnfence));
  runner.Register<DropWork>(Locked(cluster, random, defaults, RunDrop));
  runner.Register<LimitGrowthWork>(Locked(cluster, random, defaults, RunLimitGrowth));
  runner.Register<RotateWork>(Locked(cluster, random, defaults, RunRotate));
}

}  // namespace croft::agent
