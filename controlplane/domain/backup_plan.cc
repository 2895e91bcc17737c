// Foretells what retention and purge will do to a tenant's backups.

#include "controlplane/domain/backup_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "controlplane/domain/cron.h"

namespace croft::domain {
namespace {

constexpr size_t kLaterBackups = 3;

// When scheduled backups begin from now on.
class ComingBackups {
 public:
  ComingBackups(const Tenant& tenant, const PolicyInForce& policy, const BackupSchedules& schedules)
      : next_(schedules.backup), recurrence_(BackupRecurrenceOf(tenant, policy)) {}

  bool Any() const { return next_.has_value() && recurrence_.has_value(); }
  // Of the one after `more` others. There is any.
  absl::Time TimeOf(size_t more) {
    if (times_.empty()) times_.push_back(next_->next_time);
    while (times_.size() <= more) times_.push_back(TimeAfterRun(next_->key, *recurrence_, times_.back()));
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

bool Counts(const Backup& backup) { return backup.origin == BackupOrigin::kScheduled && Usable(backup); }

// As they are if those that are being made succeed.
std::vector<Backup> IfMade(std::vector<Backup> backups) {
  for (Backup& backup : backups) {
    if (backup.state == BackupState::kCreating) backup.state = BackupState::kAvailable;
  }
  return backups;
}

// How one of the rules for days, weeks, months and years goes on. Backups are added newest first.
class ComingPeriods {
 public:
  ComingPeriods(const PeriodRule& rule, const absl::TimeZone& zone, ComingBackups& coming)
      : rule_(rule), zone_(zone), coming_(coming) {}

  // Adds a backup that counts, and says with which of those to come the rule lets go of it; nullopt where it does not keep
  // it now. There are backups to come.
  std::optional<absl::Time> Add(absl::Time create_time) {
    const absl::CivilDay period = PeriodOf(rule_.rule, create_time, zone_);
    if (!seen_.insert(period).second || seen_.size() > static_cast<size_t>(rule_.count))
      return std::nullopt;
    // A newer one of the same period takes its place, or as many periods follow as the rule counts.
    const absl::Time first = coming_.TimeOf(0);
    if (PeriodOf(rule_.rule, first, zone_) == period) return first;
    return StartOf(static_cast<size_t>(rule_.count) - seen_.size());
  }

 private:
  // Of the first backup to come in the period after `more` others that have none yet.
  absl::Time StartOf(size_t more) {
    if (starts_.empty()) {
      absl::Time first = coming_.TimeOf(0);
      while (seen_.contains(PeriodOf(rule_.rule, first, zone_))) first = AfterPeriodOf(first);
      starts_.push_back(first);
    }
    while (starts_.size() <= more) starts_.push_back(AfterPeriodOf(starts_.back()));
    return starts_[more];
  }
  absl::Time AfterPeriodOf(absl::Time time) {
    return coming_.FirstAt(EndOfPeriod(rule_.rule, PeriodOf(rule_.rule, time, zone_), zone_));
  }

  const PeriodRule rule_;
  const absl::TimeZone zone_;
  ComingBackups& coming_;
  std::set<absl::CivilDay> seen_;
  std::vector<absl::Time> starts_;
};

// The same of all scheduled ones as SurplusBackups says when their time has come. Each backup is asked about, newest first.
class Retention {
 public:
  Retention(const Tenant& tenant, const PolicyInForce& policy, const std::vector<Backup>& backups,
            const BackupSchedules& schedules)
      : policy_(policy), schedules_(schedules), coming_(tenant, policy, schedules) {
    const absl::TimeZone zone = ZoneOf(policy.rules.backup_times.time_zone);
    for (const PeriodRule& rule : PeriodRulesOf(policy)) periods_.emplace_back(rule, zone, coming_);
    const auto proven = std::find_if(backups.begin(), backups.end(), Proven);
    if (proven != backups.end()) newest_proven_ = proven->id;
  }

  std::vector<absl::Time> LaterBackups() {
    std::vector<absl::Time> times;
    for (size_t i = 1; i <= kLaterBackups && coming_.Any(); ++i) times.push_back(coming_.TimeOf(i));
    return times;
  }

  // Counts `backup`, which the rules of `planned` keep now, and foretells its end where `decides`.
  void Add(const Backup& backup, bool decides, PlannedBackup& planned) {
    std::optional<absl::Time> time = EndOf(backup, planned.kept_by);
    if (Counts(backup)) ++newer_;
    if (!decides) return;
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
  // When the last rule lets go of it. Retention runs after each scheduled backup, and goes on until nothing is left to it.
  std::optional<absl::Time> EndOf(const Backup& backup, const std::vector<KeepRule>& kept_by) {
    if (kept_by.empty() && schedules_.pruning) return schedules_.pruning->next_time;
    if (!coming_.Any()) return std::nullopt;
    absl::Time end = coming_.TimeOf(0);
    for (const KeepRule rule : kept_by) {
      if (rule == KeepRule::kNewest)
        end = std::max(end, coming_.TimeOf(static_cast<size_t>(NewestKept(policy_)) - newer_ - 1));
      if (rule == KeepRule::kWithin) {
        const absl::Time last = backup.create_time + policy_.rules.keep.within;
        end = std::max(end, coming_.FirstAt(last + absl::Nanoseconds(1)));
      }
    }
    if (!Counts(backup)) return end;
    for (ComingPeriods& periods : periods_)
      end = std::max(end, periods.Add(backup.create_time).value_or(end));
    return end;
  }

  const PolicyInForce& policy_;
  const BackupSchedules& schedules_;
  ComingBackups coming_;
  std::vector<ComingPeriods> periods_;
  std::string newest_proven_;
  size_t newer_ = 0;  // that count, of those that were added
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

BackupPlan PlanOf(const Tenant& tenant, const PolicyInForce& policy, const std::vector<Backup>& backups,
                  const BackupSchedules& schedules) {
  BackupPlan plan{.schedules = schedules, .kept = NewestKept(policy)};
  const std::vector<Backup> if_made = IfMade(backups);
  std::vector<std::vector<KeepRule>> kept_by = RulesThatKeep(policy, if_made);
  Retention retention(tenant, policy, backups, schedules);
  plan.later_backups = retention.LaterBackups();
  const bool any_held = std::any_of(backups.begin(), backups.end(), Held);
  for (size_t i = 0; i < backups.size(); ++i) {
    const Backup& backup = backups[i];
    PlannedBackup& planned =
        plan.backups.emplace_back(PlannedBackup{.backup = backup.id, .given_name = backup.given_name});
    planned.kept_by = std::move(kept_by[i]);
    const std::optional<BackupFate> fate = FateOf(tenant, backup);
    retention.Add(if_made[i], !fate.has_value(), planned);
    if (!fate) continue;
    planned.fate = *fate;
    planned.kept_by.clear();
    if (*fate == BackupFate::kDeletedByPurge && !any_held) planned.delete_time = tenant.purge_time;
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
