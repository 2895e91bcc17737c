#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/postgres/access.h"
#include "agent/postgres/client_programs.h"
#include "agent/postgres/cluster.h"
#include "agent/store/store.h"
#include "agent/tasks/task_runner.h"
#include "common/clock.h"
#include "common/random.h"

// The tasks that make, restore, verify, copy and delete backups.
namespace croft::agent {

// What backups are made with. All outlive the runner that the tasks are registered with.
struct BackupTools {
  Cluster& cluster;
  std::function<ServerAccess()> access;
  const ClientProgramFinder& programs;
  // Those this agent reaches; the one to use is named by each task.
  const std::vector<std::unique_ptr<Store>>& stores;
  Random& random;
  const Clock& clock;
  // For short-lived private files: password files. Emptied when a task begins and ends.
  std::string scratch_directory;
};

// Registers every kind of task that is run as a BackupJob.
void RegisterBackupTasks(TaskRunner& runner, BackupTools tools);

}  // namespace croft::agent
