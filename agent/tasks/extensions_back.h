#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/catalog_facts.h"
#include "agent/backup/replay_plan.h"
#include "agent/dump_format/finding.h"
#include "agent/tasks/backup_job.h"

// How a backup's extensions come back: at the version that they had where the host has it, and those that the server does
// not trust tenants with made by the agent, where its host is set up for that.
namespace croft::agent {

// Asks the server what it has.
[[nodiscard]] absl::StatusOr<std::map<std::string, ExtensionPlan>> PlanExtensions(
    const BackupJob& job, const std::vector<ExtensionFact>& extensions);

// Makes, as the agent, those that are planned as kMade, in a database that holds no tenant's code yet. `owner` gets the
// schemas that they lie in. One that fails is then planned as kNotPossible.
[[nodiscard]] absl::Status MakeExtensions(const BackupJob& job, const std::string& database,
                                          const std::string& owner,
                                          const std::vector<ExtensionFact>& extensions,
                                          std::map<std::string, ExtensionPlan>& plans);

// What the extensions had as members at the backup and lack now: MISSING, with what brings it into the next dump.
[[nodiscard]] std::vector<Finding> CompareMembers(const std::vector<ExtensionFact>& expected,
                                                  const std::vector<ExtensionFact>& found);

}  // namespace croft::agent
