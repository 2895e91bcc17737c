// Foretells what retention and purge will do to a tenant's backups.

#include "controlplane/domain/backup_plan.h"

#include <algorithm>

namespace croft::domain {
namespace {

// When scheduled backups begin from now on.
class ComingBackups {
 public:
  ComingBackups(const Tenant& tenant, const BackupSchedules& schedules)
      : next_(schedules.backup), recurrence_(BackupRecurrenceOf(tenant)) {}

  bool Any() const { return next_.has_value() && recurrence_.has_value(); }
  // Of the one after `more` others. There is any.
  absl::Time TimeOf(size_t more) {
    if (times_.empty()) times_.push_back(next_->next_time);
    while (times_.size() <= more)
      times_.push_back(NextTime(next_->key, *recurrence_, times_.back() + recurrence_->every / 2));
    return times_[more];
  }
  // Of the first at or after `time`.
  absl::Time FirstAt(absl::Time time) {
    return std::max(TimeOf(0), time <= TimeOf(0) ? TimeOf(0) : NextTime(next_->key, *recurrence_, time));
  }

 private:
  const std::optional<Schedule>& next_;
  const std::optional<Recurrence> recurrence_;
  std::vector<absl::Time> times_;
};

bool CountsAsNewer(const Backup& backup) {
  return backup.origin == BackupOrigin::kScheduled &&
         (Usable(backup) || backup.state == BackupState::kCreating);
}

// The same of all scheduled ones as SurplusBackups says when their time has come.
class Retention {
 public:
  Retention(const Tenant& tenant, const std::vector<Backup>& backups, const BackupSchedules& schedules)
      : kept_(static_cast<size_t>(tenant.backups_kept > 0 ? tenant.backups_kept : kDefaultBackupsKept)),
        schedules_(schedules),
        coming_(tenant, schedules) {
    const auto proven = std::find_if(backups.begin(), backups.end(), Proven);
    if (proven != backups.end()) newest_proven_ = proven->id;
  }

  // Of `backup`, which has `newer` usable scheduled ones above it.
  void Foretell(const Backup& backup, size_t newer, PlannedBackup& planned) {
    std::optional<absl::Time> time = TimeOf(newer);
    planned.fate = time ? BackupFate::kDeletedByRetention : BackupFate::kKeptNoSuccessor;
    if (time && backup.id == newest_proven_) {
      // Until the next proof, of a newer one, has made room for it.
      if (schedules_.proof && coming_.Any()) {
        time = std::max(*time, coming_.FirstAt(schedules_.proof->next_time));
      } else {
        planned.fate = BackupFate::kKeptNewestProven;
        time.reset();
      }
    }
    planned.delete_time = time;
  }

 private:
  // Retention runs after each scheduled backup, and goes on until nothing is left to it.
  std::optional<absl::Time> TimeOf(size_t newer) {
    if (newer >= kept_ && schedules_.pruning) return schedules_.pruning->next_time;
    if (!coming_.Any()) return std::nullopt;
    return coming_.TimeOf(newer >= kept_ ? 0 : kept_ - newer - 1);
  }

  const size_t kept_;
  const BackupSchedules& schedules_;
  ComingBackups coming_;
  std::string newest_proven_;
};

// What does not depend on other backups; nullopt for one that retention decides.
std::optional<BackupFate> FateOf(const Tenant& tenant, const Backup& backup) {
  if (backup.state == BackupState::kDeleting) return BackupFate::kBeingDeleted;
  if (backup.state == BackupState::kCreating) return BackupFate::kBeingMade;
  if (Held(backup)) return BackupFate::kKeptHeld;
  if (tenant.state == TenantState::kRetired) return BackupFate::kDeletedByPurge;
  if (!backup.given_name.empty()) return BackupFate::kKeptNamed;
  if (backup.origin != BackupOrigin::kScheduled) return BackupFate::kKeptManual;
  return std::nullopt;
}

}  // namespace

BackupPlan PlanOf(const Tenant& tenant, const std::vector<Backup>& backups,
                  const BackupSchedules& schedules) {
  BackupPlan plan{.schedules = schedules,
                  .kept = tenant.backups_kept > 0 ? tenant.backups_kept : kDefaultBackupsKept};
  Retention retention(tenant, backups, schedules);
  const bool any_held = std::any_of(backups.begin(), backups.end(), Held);
  size_t newer = 0;
  for (const Backup& backup : backups) {
    PlannedBackup& planned =
        plan.backups.emplace_back(PlannedBackup{.backup = backup.id, .given_name = backup.given_name});
    if (const std::optional<BackupFate> fate = FateOf(tenant, backup)) {
      planned.fate = *fate;
      if (*fate == BackupFate::kDeletedByPurge && !any_held) planned.delete_time = tenant.purge_time;
    } else {
      retention.Foretell(backup, newer, planned);
    }
    if (CountsAsNewer(backup)) ++newer;
  }
  const auto usable = std::find_if(backups.begin(), backups.end(), Usable);
  if (usable == backups.end()) return plan;
  plan.newest_usable = usable->id;
  // A backup that a retired tenant has since its retirement began was made after its fence, and nobody has written since.
  const bool holds_all =
      tenant.fence_time && tenant.delete_time && usable->create_time >= *tenant.delete_time;
  if (!holds_all) plan.unprotected_since = usable->create_time;
  return plan;
}

}  // namespace croft::domain
