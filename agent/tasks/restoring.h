#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/manifest.h"
#include "agent/backup/part.h"
#include "agent/backup/replay_plan.h"
#include "agent/dump_format/finding.h"
#include "agent/store/store.h"
#include "agent/tasks/backup_job.h"

// What restore and verify share: filling a database that was just made from a backup, and proving it.
namespace croft::agent {

struct RestoreInto {
  // Made and prepared, and closed to everybody.
  std::string database;
  ReplayRoles roles;
  // The tenant's logins there, which take over what ALTER ROLE … SET said of the backup's.
  std::vector<Login> logins;
  // Whether planner statistics are made: for applications, not for a proof.
  bool analyze = false;
  // What of the backup is restored and compared; unset: all.
  std::optional<Part> part;
};

// Restores everything into the database, dumps it again and compares the two dumps, while it is ANALYZEd. Returns what there
// is to say, the gravest first: DIFFERENT when the proof failed.
[[nodiscard]] absl::StatusOr<std::vector<Finding>> FillAndProve(const BackupJob& job,
                                                                ClusterSession& session, Store& store,
                                                                const Manifest& manifest,
                                                                const std::string& key,
                                                                const RestoreInto& into);

// By gravity; what was found first comes first among equals. Twins go.
void SortFindings(std::vector<Finding>& findings);
[[nodiscard]] bool Has(const std::vector<Finding>& findings, Severity severity);

}  // namespace croft::agent
