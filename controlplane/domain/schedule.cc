// When a schedule recurs.

#include "controlplane/domain/schedule.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/civil_time.h>

#include "common/names.h"

namespace croft::domain {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kPruneEvery = absl::Hours(1);

// Since midnight; nullopt for what is no time of the day.
std::optional<absl::Duration> ParseTimeOfDay(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  int hours = 0, minutes = 0;
  const bool parsed = parts.size() == 2 && absl::SimpleAtoi(parts[0], &hours) &&
                      absl::SimpleAtoi(parts[1], &minutes) && hours >= 0 && hours < 24 && minutes >= 0 &&
                      minutes < 60;
  return parsed ? std::optional(absl::Hours(hours) + absl::Minutes(minutes)) : std::nullopt;
}

struct Opening {
  absl::Time from;
  absl::Time until;
};

Opening OpeningOn(const DailyWindow& window, absl::CivilDay day) {
  const absl::CivilSecond start = absl::CivilSecond(day) + absl::ToInt64Seconds(window.start);
  const absl::Time from = FirstMomentOf(start, window.zone);
  const absl::Time until = FirstMomentOf(start + absl::ToInt64Seconds(window.length), window.zone);
  // Where the clock skips all of it, it is as long as on other days.
  return {from, until > from ? until : from + window.length};
}

// The one that `time` is in, or else the next.
Opening OpeningAt(const DailyWindow& window, absl::Time time) {
  absl::CivilDay day = absl::ToCivilDay(time, window.zone) - 2;
  Opening opening = OpeningOn(window, day);
  while (opening.until <= time) opening = OpeningOn(window, ++day);
  return opening;
}

// The first at or after `from` of the moments that lie `offset` after a multiple of `every`.
absl::Time NextOnGrid(absl::Duration every, absl::Duration offset, absl::Time from) {
  absl::Duration rest;
  const int64_t rounds = absl::IDivDuration(from - absl::UnixEpoch() - offset, every, &rest);
  const absl::Time moment = absl::UnixEpoch() + offset + rounds * every;
  return moment < from ? moment + every : moment;
}

// The same in every process, and even for names that differ by one character.
uint64_t HashOf(absl::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
  return hash ^ hash >> 33;
}

std::optional<Recurrence> PruneRecurrence(absl::Duration kept, const SchedulePolicy& policy) {
  if (kept == absl::InfiniteDuration()) return std::nullopt;
  return Recurrence{kPruneEvery, policy.prune_window};
}

// In what the catalog keeps of a time: a run at the stored time is not before its slot, which would come again.
absl::Duration CronSpread(const ScheduleKey& key, absl::Duration most) {
  return absl::Trunc(SpreadOf(key, most), absl::Microseconds(1));
}

// A retired tenant has been proven by its retirement.
bool RecursNow(const Tenant& tenant) {
  const bool open = tenant.state == TenantState::kReady || tenant.state == TenantState::kSuspended;
  return open && !tenant.unconfirmed;
}

}  // namespace

std::optional<Recurrence> RecurrenceOf(ScheduleKind kind, const SchedulePolicy& policy) {
  switch (kind) {
    case ScheduleKind::kExpire:
    case ScheduleKind::kPurge:
    case ScheduleKind::kBackUp:
    case ScheduleKind::kProve:
    case ScheduleKind::kPruneBackups:
    case ScheduleKind::kContinue:
    case ScheduleKind::kFollowPolicies:
    case ScheduleKind::kCopyBackups: return std::nullopt;
    case ScheduleKind::kCompare: return Recurrence{policy.compare_every, std::nullopt};
    case ScheduleKind::kPruneOperations: return PruneRecurrence(policy.keep_operations, policy);
    case ScheduleKind::kPruneRequests: return PruneRecurrence(policy.keep_requests, policy);
    case ScheduleKind::kPruneAudit: return PruneRecurrence(policy.keep_audit, policy);
    case ScheduleKind::kPruneEvents: return PruneRecurrence(policy.keep_events, policy);
  }
  return std::nullopt;
}

std::optional<Recurrence> BackupRecurrenceOf(const Tenant& tenant, const PolicyInForce& policy) {
  const BackupTimes& times = policy.rules.backup_times;
  const absl::Duration every = policy.rules.backup_every;
  const bool by_cron = !times.cron.empty();
  if (!RecursNow(tenant) || (!by_cron && every <= absl::ZeroDuration())) return std::nullopt;
  const absl::TimeZone zone = ZoneOf(times.time_zone);
  Recurrence recurrence{every, std::nullopt};
  if (!times.window.empty()) recurrence.window = ParseWindow(times.window, zone);
  if (!by_cron) return recurrence;
  // It was parsed when it was accepted.
  absl::StatusOr<Cron> line = Cron::Parse(times.cron);
  if (!line.ok()) return std::nullopt;
  recurrence.cron = CronTimes{*std::move(line), zone, times.jitter};
  return recurrence;
}

std::optional<Recurrence> ProofRecurrenceOf(const Tenant& tenant, const PolicyInForce& policy) {
  const absl::Duration every = policy.rules.prove_every;
  if (!RecursNow(tenant) || every <= absl::ZeroDuration()) return std::nullopt;
  return Recurrence{every, std::nullopt};
}

int64_t BasisOf(ScheduleKind kind, const PolicyInForce& policy) {
  const BackupRules& rules = policy.rules;
  const BackupTimes& times = rules.backup_times;
  const std::string text = kind == ScheduleKind::kProve
                               ? absl::StrCat(absl::ToInt64Nanoseconds(rules.prove_every))
                               : absl::StrJoin({absl::StrCat(absl::ToInt64Nanoseconds(rules.backup_every)),
                                                times.cron, times.window, times.time_zone,
                                                absl::StrCat(absl::ToInt64Nanoseconds(times.jitter))},
                                               "|");
  // Of 63 bits, and never 0.
  return static_cast<int64_t>(HashOf(text) >> 1 | 1);
}

std::optional<DailyWindow> ParseWindow(absl::string_view text, const absl::TimeZone& zone) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, '-');
  if (ends.size() != 2) return std::nullopt;
  const std::optional<absl::Duration> from = ParseTimeOfDay(ends[0]);
  const std::optional<absl::Duration> to = ParseTimeOfDay(ends[1]);
  if (!from || !to) return std::nullopt;
  const absl::Duration length = *to - *from;
  return DailyWindow{*from, length > absl::ZeroDuration() ? length : length + kDay, zone};
}

bool IsOpen(const DailyWindow& window, absl::Time time) { return OpeningAt(window, time).from <= time; }

absl::Duration SpreadOf(const ScheduleKey& key, absl::Duration most) {
  if (most <= absl::ZeroDuration()) return absl::ZeroDuration();
  const auto parts = static_cast<uint64_t>(absl::ToInt64Nanoseconds(most));
  return absl::Nanoseconds(
      static_cast<int64_t>(HashOf(absl::StrCat(NameOf(key.kind), " ", key.resource)) % parts));
}

absl::Time TimeInWindow(const ScheduleKey& key, const Recurrence& recurrence, absl::Time time) {
  if (!recurrence.window) return time;
  const Opening opening = OpeningAt(*recurrence.window, time);
  if (opening.from <= time) return time;
  const absl::Duration length = opening.until - opening.from;
  if (recurrence.cron) return opening.from + CronSpread(key, std::min(recurrence.cron->jitter, length));
  const absl::Time inside = NextOnGrid(recurrence.every, SpreadOf(key, recurrence.every), opening.from);
  // A window may be shorter than the interval.
  return inside < opening.until ? inside : opening.from + SpreadOf(key, length);
}

absl::Time NextTime(const ScheduleKey& key, const Recurrence& recurrence, absl::Time from) {
  if (!recurrence.cron) {
    const absl::Duration offset = SpreadOf(key, recurrence.every);
    return TimeInWindow(key, recurrence, NextOnGrid(recurrence.every, offset, from));
  }
  const CronTimes& cron = *recurrence.cron;
  const absl::Duration offset = CronSpread(key, cron.jitter);
  const absl::Time time = cron.line.NextAfter(from - offset - absl::Nanoseconds(1), cron.zone);
  return TimeInWindow(key, recurrence, time + offset);
}

absl::Time TimeAfterRun(const ScheduleKey& key, const Recurrence& recurrence, absl::Time ran) {
  const absl::Time next = NextTime(key, recurrence, ran + absl::Nanoseconds(1));
  // On a grid, one that ran late is not to be followed by the next at once.
  const bool soon = !recurrence.cron && next - ran < recurrence.every / 2;
  return soon ? NextTime(key, recurrence, ran + recurrence.every / 2) : next;
}

std::optional<Schedule> ScheduleOf(const Tenant& tenant) {
  const bool held = !tenant.current_operation.empty() || tenant.unconfirmed || tenant.delete_protection;
  if (held) return std::nullopt;
  const auto at = [&](ScheduleKind kind, const std::optional<absl::Time>& time) {
    return time ? std::optional(Schedule{.key = {kind, TenantName(tenant.id)}, .next_time = *time})
                : std::nullopt;
  };
  switch (tenant.state) {
    case TenantState::kReady:
    case TenantState::kSuspended: return at(ScheduleKind::kExpire, tenant.expire_time);
    case TenantState::kRetired: return at(ScheduleKind::kPurge, tenant.purge_time);
    case TenantState::kFailed: return at(ScheduleKind::kPurge, tenant.expire_time);
    case TenantState::kCreating:
    case TenantState::kPurged: break;
  }
  return std::nullopt;
}

}  // namespace croft::domain
