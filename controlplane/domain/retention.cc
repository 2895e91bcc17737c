// Decides which scheduled backups are kept.

#include "controlplane/domain/retention.h"

#include <algorithm>
#include <set>

#include "controlplane/domain/cron.h"

namespace croft::domain {
namespace {

bool IsFinished(const Backup& backup) {
  return backup.origin == BackupOrigin::kScheduled && backup.state != BackupState::kCreating &&
         backup.state != BackupState::kDeleting;
}

// Counts periods that have a backup, from the newest on.
class Periods {
 public:
  Periods(const PeriodRule& rule, const absl::TimeZone& zone) : rule_(rule), zone_(zone) {}

  KeepRule rule() const { return rule_.rule; }
  // Whether the rule keeps the usable backup of this time; those that are newer were asked about before.
  bool Keeps(absl::Time time) {
    if (seen_.size() >= static_cast<size_t>(rule_.count)) return false;
    return seen_.insert(PeriodOf(rule_.rule, time, zone_)).second;
  }

 private:
  const PeriodRule rule_;
  const absl::TimeZone zone_;
  std::set<absl::CivilDay> seen_;
};

}  // namespace

int32_t NewestKept(const PolicyInForce& policy) {
  if (policy.rules.backups_kept > 0) return policy.rules.backups_kept;
  return policy.rules.keep == KeepRules() ? kDefaultBackupsKept : 1;
}

std::vector<PeriodRule> PeriodRulesOf(const PolicyInForce& policy) {
  const KeepRules& keep = policy.rules.keep;
  std::vector<PeriodRule> rules;
  const auto add = [&](KeepRule rule, int32_t count) {
    if (count > 0) rules.push_back({rule, count});
  };
  add(KeepRule::kDaily, keep.daily);
  add(KeepRule::kWeekly, keep.weekly);
  add(KeepRule::kMonthly, keep.monthly);
  add(KeepRule::kYearly, keep.yearly);
  return rules;
}

absl::CivilDay PeriodOf(KeepRule rule, absl::Time time, const absl::TimeZone& zone) {
  const absl::CivilDay day = absl::ToCivilDay(time, zone);
  switch (rule) {
    case KeepRule::kWeekly: return absl::PrevWeekday(day + 1, absl::Weekday::monday);
    case KeepRule::kMonthly: return absl::CivilDay(absl::CivilMonth(day));
    case KeepRule::kYearly: return absl::CivilDay(absl::CivilYear(day));
    case KeepRule::kNewest:
    case KeepRule::kWithin:
    case KeepRule::kDaily: break;
  }
  return day;
}

absl::Time EndOfPeriod(KeepRule rule, absl::CivilDay day, const absl::TimeZone& zone) {
  switch (rule) {
    case KeepRule::kWeekly: return absl::FromCivil(day + 7, zone);
    case KeepRule::kMonthly: return absl::FromCivil(absl::CivilMonth(day) + 1, zone);
    case KeepRule::kYearly: return absl::FromCivil(absl::CivilYear(day) + 1, zone);
    case KeepRule::kNewest:
    case KeepRule::kWithin:
    case KeepRule::kDaily: break;
  }
  return absl::FromCivil(day + 1, zone);
}

std::vector<std::vector<KeepRule>> RulesThatKeep(const PolicyInForce& policy,
                                                 const std::vector<Backup>& backups) {
  std::vector<std::vector<KeepRule>> kept(backups.size());
  const absl::TimeZone zone = ZoneOf(policy.rules.backup_times.time_zone);
  std::vector<Periods> periods;
  for (const PeriodRule& rule : PeriodRulesOf(policy)) periods.emplace_back(rule, zone);
  const absl::Duration within = policy.rules.keep.within;
  int32_t newest_left = NewestKept(policy);
  std::optional<absl::Time> newest_time;
  for (size_t i = 0; i < backups.size(); ++i) {
    const Backup& backup = backups[i];
    if (!IsFinished(backup)) continue;
    const bool usable = Usable(backup);
    if (usable && !newest_time) newest_time = backup.create_time;
    if (newest_left > 0) kept[i].push_back(KeepRule::kNewest);
    const bool young = !newest_time || backup.create_time >= *newest_time - within;
    if (young && within > absl::ZeroDuration()) kept[i].push_back(KeepRule::kWithin);
    if (!usable) continue;
    --newest_left;
    for (Periods& rule : periods) {
      if (rule.Keeps(backup.create_time)) kept[i].push_back(rule.rule());
    }
  }
  return kept;
}

std::vector<Backup> SurplusBackups(const PolicyInForce& policy, const std::vector<Backup>& backups) {
  const std::vector<std::vector<KeepRule>> kept = RulesThatKeep(policy, backups);
  const auto newest_proven = std::find_if(backups.begin(), backups.end(), Proven);
  std::vector<Backup> surplus;
  for (size_t i = backups.size(); i-- > 0;) {
    const Backup& backup = backups[i];
    const bool stays = !kept[i].empty() || backups.begin() + static_cast<ptrdiff_t>(i) == newest_proven ||
                       !backup.given_name.empty() || Held(backup);
    if (IsFinished(backup) && !stays) surplus.push_back(backup);
  }
  return surplus;
}

}  // namespace croft::domain
