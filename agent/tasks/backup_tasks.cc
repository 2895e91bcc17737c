// Registers the tasks that make, restore, verify, copy and delete backups.

#include "agent/tasks/backup_tasks.h"

#include <utility>

#include "agent/tasks/backup_job.h"
#include "agent/tasks/task_kinds.h"

namespace croft::agent {

void RegisterBackupTasks(TaskRunner& runner, BackupTools tools) {
  ForEachWork([&]<typename W>(WorkType<W>) {
    if constexpr (kRunsAs<W, BackupJob>) {
      runner.Register<W>([tools](const Task& task, const W& work, TaskContext& context) {
        return Run(BackupJob(tools, task, context), work);
      });
    }
  });
}

}  // namespace croft::agent
