// When a schedule recurs.

#include "controlplane/domain/schedule.h"

#include <absl/strings/str_cat.h>

#include "common/names.h"

namespace croft::domain {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kPruneEvery = absl::Hours(1);

absl::Duration TimeOfDay(absl::Time time) {
  absl::Duration rest;
  absl::IDivDuration(time - absl::UnixEpoch(), kDay, &rest);
  return rest < absl::ZeroDuration() ? rest + kDay : rest;
}

// Since the window last opened.
absl::Duration SinceOpening(const DailyWindow& window, absl::Time time) {
  const absl::Duration since = TimeOfDay(time) - window.start;
  return since < absl::ZeroDuration() ? since + kDay : since;
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

// A retired tenant has been proven by its retirement.
std::optional<Recurrence> WhileOpen(const Tenant& tenant, absl::Duration every) {
  const bool open = tenant.state == TenantState::kReady || tenant.state == TenantState::kSuspended;
  if (!open || tenant.unconfirmed || every <= absl::ZeroDuration()) return std::nullopt;
  return Recurrence{every, std::nullopt};
}

}  // namespace

std::optional<Recurrence> RecurrenceOf(ScheduleKind kind, const SchedulePolicy& policy) {
  switch (kind) {
    case ScheduleKind::kExpire:
    case ScheduleKind::kPurge:
    case ScheduleKind::kBackUp:
    case ScheduleKind::kProve:
    case ScheduleKind::kPruneBackups:
    case ScheduleKind::kContinue: return std::nullopt;
    case ScheduleKind::kCompare: return Recurrence{policy.compare_every, std::nullopt};
    case ScheduleKind::kPruneOperations: return PruneRecurrence(policy.keep_operations, policy);
    case ScheduleKind::kPruneRequests: return PruneRecurrence(policy.keep_requests, policy);
    case ScheduleKind::kPruneAudit: return PruneRecurrence(policy.keep_audit, policy);
    case ScheduleKind::kPruneEvents: return PruneRecurrence(policy.keep_events, policy);
  }
  return std::nullopt;
}

std::optional<Recurrence> BackupRecurrenceOf(const Tenant& tenant) {
  return WhileOpen(tenant, tenant.backup_every);
}

std::optional<Recurrence> ProofRecurrenceOf(const Tenant& tenant) {
  return WhileOpen(tenant, tenant.prove_every);
}

bool IsOpen(const DailyWindow& window, absl::Time time) {
  return SinceOpening(window, time) < window.length;
}

absl::Duration SpreadOf(const ScheduleKey& key, absl::Duration most) {
  const auto parts = static_cast<uint64_t>(absl::ToInt64Nanoseconds(most));
  return absl::Nanoseconds(
      static_cast<int64_t>(HashOf(absl::StrCat(NameOf(key.kind), " ", key.resource)) % parts));
}

absl::Time NextTime(const ScheduleKey& key, const Recurrence& recurrence, absl::Time from) {
  const absl::Time moment = NextOnGrid(recurrence.every, SpreadOf(key, recurrence.every), from);
  if (!recurrence.window || IsOpen(*recurrence.window, moment)) return moment;
  const DailyWindow& window = *recurrence.window;
  const absl::Time opening = NextOnGrid(kDay, window.start, moment);
  const absl::Time inside = NextOnGrid(recurrence.every, SpreadOf(key, recurrence.every), opening);
  // A window may be shorter than the interval.
  return IsOpen(window, inside) ? inside : opening + SpreadOf(key, window.length);
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
