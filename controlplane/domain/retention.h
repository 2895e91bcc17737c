#pragma once

#include <cstdint>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"

// Which of a tenant's scheduled backups are kept.
namespace croft::domain {

// How many of the newest are kept where nobody says anything about it: this, or one where another rule keeps some.
inline constexpr int32_t kDefaultBackupsKept = 7;

// How many of the newest the policy keeps.
int32_t NewestKept(const PolicyInForce& policy);

// Why a backup is kept.
enum class KeepRule {
  kNewest,  // there are less newer ones than NewestKept()
  kWithin,  // not more than KeepRules::within older than the newest
  kDaily,   // the newest of its day, which is one of the last KeepRules::daily that have one; so the others
  kWeekly,  // weeks begin on Monday
  kMonthly,
  kYearly,
};

constexpr absl::string_view NameOf(KeepRule value) {
  switch (value) {
    case KeepRule::kNewest: return "NEWEST";
    case KeepRule::kWithin: return "WITHIN";
    case KeepRule::kDaily: return "DAILY";
    case KeepRule::kWeekly: return "WEEKLY";
    case KeepRule::kMonthly: return "MONTHLY";
    case KeepRule::kYearly: return "YEARLY";
  }
  return "";
}

// One of the rules that keep the newest of each of `count` periods.
struct PeriodRule {
  KeepRule rule;
  int32_t count;
};
// Those that the policy has.
std::vector<PeriodRule> PeriodRulesOf(const PolicyInForce& policy);

// The first day of the rule's period, by the clock of `zone`, in which `time` lies.
absl::CivilDay PeriodOf(KeepRule rule, absl::Time time, const absl::TimeZone& zone);
// When the period that begins with `day` ends.
absl::Time EndOfPeriod(KeepRule rule, absl::CivilDay day, const absl::TimeZone& zone);

// Of each of `backups`, those of a tenant for which the policy is in force, newest first: the rules that keep it. Only
// scheduled ones are counted and kept by rules. One that cannot be restored fills no place: kNewest and kWithin keep it as
// long as their own, the others not.
[[nodiscard]] std::vector<std::vector<KeepRule>> RulesThatKeep(const PolicyInForce& policy,
                                                               const std::vector<Backup>& backups);

// Scheduled backups that are kept no longer, the oldest first: those that no rule keeps. The newest proven one of all is
// never among them, and neither is one that was given a name, that is held, or that is being made or deleted. `backups`
// are a tenant's, newest first.
[[nodiscard]] std::vector<Backup> SurplusBackups(const PolicyInForce& policy,
                                                 const std::vector<Backup>& backups);

}  // namespace croft::domain
