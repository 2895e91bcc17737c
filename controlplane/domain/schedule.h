#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/cron.h"
#include "controlplane/domain/tenant.h"

// What happens by itself, and when. A schedule is a row that says when something is next to be done to a resource. How
// often it recurs is not in it: that follows from the kind and from what the operator chose (SchedulePolicy).
namespace croft::domain {

enum class ScheduleKind {
  kExpire,           // retires a tenant whose expire_time has come
  kPurge,            // purges a tenant whose grace is over, or that failed to be made and has expired
  kBackUp,           // backs up a tenant as often as its policy says
  kProve,            // proves a tenant's newest backup as often as its policy says
  kPruneBackups,     // deletes a tenant's scheduled backups beyond those that its policy keeps
  kCopyBackups,      // copies a tenant's backups to the further stores that its policy names
  kCompare,          // compares what a host holds with the catalog
  kPruneOperations,  // forgets operations that ended long ago
  kPruneRequests,    // forgets answers to request ids
  kPruneAudit,       // cuts off the oldest rows of the audit
  kPruneEvents,      // forgets the oldest events
  kContinue,         // begins an operation's next children
  kFollowPolicies,   // has tenants' schedules follow backup policies that were changed
};

constexpr absl::string_view NameOf(ScheduleKind value) {
  switch (value) {
    case ScheduleKind::kExpire: return "EXPIRE";
    case ScheduleKind::kPurge: return "PURGE";
    case ScheduleKind::kBackUp: return "BACK_UP";
    case ScheduleKind::kProve: return "PROVE";
    case ScheduleKind::kPruneBackups: return "PRUNE_BACKUPS";
    case ScheduleKind::kCopyBackups: return "COPY_BACKUPS";
    case ScheduleKind::kCompare: return "COMPARE";
    case ScheduleKind::kPruneOperations: return "PRUNE_OPERATIONS";
    case ScheduleKind::kPruneRequests: return "PRUNE_REQUESTS";
    case ScheduleKind::kPruneAudit: return "PRUNE_AUDIT";
    case ScheduleKind::kPruneEvents: return "PRUNE_EVENTS";
    case ScheduleKind::kContinue: return "CONTINUE";
    case ScheduleKind::kFollowPolicies: return "FOLLOW_POLICIES";
  }
  return "";
}

struct ScheduleKey {
  ScheduleKind kind = ScheduleKind::kExpire;
  std::string resource;  // name, such as `tenants/acme`; empty: the whole fleet

  friend auto operator<=>(const ScheduleKey&, const ScheduleKey&) = default;
};

struct Schedule {
  ScheduleKey key;
  absl::Time next_time;
  // How often in a row it was refused for one reason, and with which words the last time.
  int32_t refusals = 0;
  std::string refusal_reason;
  std::string refusal_message;
  // Stands for what an operator chose and `next_time` follows from, of backups and proofs (BasisOf); 0: it was stored by a
  // version that did not note it, or follows from nothing of that sort. Another basis calls for another time.
  int64_t basis = 0;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

// A part of each day. May reach over midnight.
struct DailyWindow {
  absl::Duration start;                       // since midnight by the clock, less than a day
  absl::Duration length;                      // by the clock; more than nothing, at most a day
  absl::TimeZone zone = absl::UTCTimeZone();  // of the clock

  friend bool operator==(const DailyWindow&, const DailyWindow&) = default;
};

// `HH:MM-HH:MM`, such as `22:00-05:00`; all day when both ends are the same. nullopt for anything else.
std::optional<DailyWindow> ParseWindow(absl::string_view text,
                                       const absl::TimeZone& zone = absl::UTCTimeZone());

// The times of a cron line, each tenant its own part of `jitter` later.
struct CronTimes {
  Cron line;
  absl::TimeZone zone;
  absl::Duration jitter;
};

// How a kind of schedule recurs.
struct Recurrence {
  absl::Duration every;                          // meaningless with `cron`
  std::optional<DailyWindow> window;             // only then; what is due outside waits for it
  std::optional<CronTimes> cron = std::nullopt;  // at these times
};

// What an operator chooses. Infinite times switch off what they are for.
struct SchedulePolicy {
  absl::Duration compare_every = absl::Minutes(5);
  // How long what ended, was answered or was recorded is kept. Operations are kept at least as long as requests, which
  // are answered with them.
  absl::Duration keep_operations = absl::Hours(24 * 90);
  absl::Duration keep_requests = absl::Hours(25);
  absl::Duration keep_audit = absl::Hours(24 * 400);
  absl::Duration keep_events = absl::Hours(24 * 30);
  std::optional<DailyWindow> prune_window;
  // Scheduled backups and proofs begin only while less than so many operations of schedules and retirements run on their
  // host, and backups only while less than so many are made into their store, final ones and all others among them.
  int64_t backups_per_host = 2;
  int64_t backups_per_store = 16;
};

// How schedules of this kind recur; nullopt for those that are done once, that follow their tenant, or that the policy
// switches off.
std::optional<Recurrence> RecurrenceOf(ScheduleKind kind, const SchedulePolicy& policy);

// How a tenant's backups recur, with the policy that is in force for it; nullopt for a tenant that makes none by itself, or
// not in its present state.
std::optional<Recurrence> BackupRecurrenceOf(const Tenant& tenant, const PolicyInForce& policy);
// The same of its proofs.
std::optional<Recurrence> ProofRecurrenceOf(const Tenant& tenant, const PolicyInForce& policy);
// Schedule::basis of a schedule of `kind`, which is one of these two.
[[nodiscard]] int64_t BasisOf(ScheduleKind kind, const PolicyInForce& policy);

[[nodiscard]] bool IsOpen(const DailyWindow& window, absl::Time time);

// The first moment of the schedule's own at or after `from`: a hash of its key says where in the interval or in the
// jitter it lies, so that a thousand schedules are a trickle, and each process finds the same one. Within the window, if
// there is one.
absl::Time NextTime(const ScheduleKey& key, const Recurrence& recurrence, absl::Time from);

// The one after a run at `ran`, however late that was: what was missed before `ran` was made up for by it.
absl::Time TimeAfterRun(const ScheduleKey& key, const Recurrence& recurrence, absl::Time ran);

// When a run that is due at `time` may begin: at once, or where the window is closed, once it has opened.
absl::Time TimeInWindow(const ScheduleKey& key, const Recurrence& recurrence, absl::Time time);

// A part of `most`, by the same hash.
absl::Duration SpreadOf(const ScheduleKey& key, absl::Duration most);

// How the tenant is to end by itself; nothing while an operation is at it, or when it must not.
std::optional<Schedule> ScheduleOf(const Tenant& tenant);

}  // namespace croft::domain
