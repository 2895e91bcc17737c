// Registers the tasks that change databases, roles and grants.

#include "agent/tasks/sql_tasks.h"

#include "agent/tasks/sql_task.h"
#include "agent/tasks/task_kinds.h"
#include "common/errors.h"

namespace croft::agent {

void RegisterSqlTasks(TaskRunner& runner, Cluster& cluster, Random& random, TenantDefaults defaults) {
  ForEachWork([&]<typename W>(WorkType<W>) {
    if constexpr (kRunsAs<W, SqlTask>) {
      // Under the tenant's lock.
      runner.Register<W>([&cluster, &random, defaults](const Task& task, const W& work,
                                                       TaskContext& context) -> absl::StatusOr<Outcome> {
        CROFT_ASSIGN_OR_RETURN(const SqlTask begun,
                               SqlTask::Begin(cluster, random, defaults, task, context));
        return Run(begun, work);
      });
    }
  });
}

}  // namespace croft::agent
