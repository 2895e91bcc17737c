#pragma once

#include "agent/tasks/task_runner.h"
#include "tests/sim/world.h"

namespace croft::sim {

struct BackupTools {
  World& world;
  SimHost& host;
  agent::Cluster& cluster;
};

// Back up, verify, restore, copy and delete, modelled: the shipped ones drive client programs, which no virtual time can
// hold. What is kept of them is their order: a maintenance role, one snapshot, the archive, the manifest last;
// VERIFIED only after the rows were compared; a restore into a database that is made anew, closed to everybody, and
// compared before it is called done. Archives hold the rows themselves, and can be damaged. Roles, doors and
// databases go through the shipped shapes (tenant_shape.h) and the model of the server, call by call. No scratch
// database is made to verify.
void RegisterModelledBackups(agent::TaskRunner& runner, BackupTools tools);

}  // namespace croft::sim
