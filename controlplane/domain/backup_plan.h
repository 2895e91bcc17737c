#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/retention.h"
#include "controlplane/domain/schedule.h"
#include "controlplane/domain/tenant.h"

// What will become of a tenant's backups by itself, worked out from the same rules that do it.
namespace croft::domain {

// The names are those of the API without its prefix.
enum class BackupFate {
  kDeletedByRetention,
  kDeletedByPurge,
  kBeingDeleted,
  kKeptManual,
  kKeptNamed,
  kKeptHeld,
  kKeptNewestProven,
  kKeptNoSuccessor,
  kBeingMade,
};

constexpr absl::string_view NameOf(BackupFate value) {
  switch (value) {
    case BackupFate::kDeletedByRetention: return "DELETED_BY_RETENTION";
    case BackupFate::kDeletedByPurge: return "DELETED_BY_PURGE";
    case BackupFate::kBeingDeleted: return "BEING_DELETED";
    case BackupFate::kKeptManual: return "KEPT_MANUAL";
    case BackupFate::kKeptNamed: return "KEPT_NAMED";
    case BackupFate::kKeptHeld: return "KEPT_HELD";
    case BackupFate::kKeptNewestProven: return "KEPT_NEWEST_PROVEN";
    case BackupFate::kKeptNoSuccessor: return "KEPT_NO_SUCCESSOR";
    case BackupFate::kBeingMade: return "BEING_MADE";
  }
  return "";
}

struct PlannedBackup {
  std::string backup;  // id
  std::string given_name;
  BackupFate fate = BackupFate::kKeptManual;
  // Not set for what is kept, and while a held backup stands in the way of the purge.
  std::optional<absl::Time> delete_time;
  // The rules that keep it now, of one that retention decides about.
  std::vector<KeepRule> kept_by;

  friend bool operator==(const PlannedBackup&, const PlannedBackup&) = default;
};

// The tenant's schedules, where it has them.
struct BackupSchedules {
  std::optional<Schedule> backup;
  std::optional<Schedule> proof;
  std::optional<Schedule> pruning;
  std::optional<Schedule> purge;
};

struct BackupPlan {
  BackupSchedules schedules;
  // When backups come after the next one: the first few.
  std::vector<absl::Time> later_backups;
  int32_t kept = 0;  // of the newest scheduled backups
  std::vector<PlannedBackup> backups;
  std::string newest_usable;  // id; empty when there is none
  // What was committed since is in no backup. Not set when nothing was, or all that ever was is in none.
  std::optional<absl::Time> unprotected_since;
};

// `policy` is in force for the tenant, whose `backups` are given newest first. Assumes that scheduled backups succeed, each
// at its time.
[[nodiscard]] BackupPlan PlanOf(const Tenant& tenant, const PolicyInForce& policy,
                                const std::vector<Backup>& backups, const BackupSchedules& schedules);

}  // namespace croft::domain
