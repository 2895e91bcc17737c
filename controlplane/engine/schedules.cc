// Decides what a schedule whose time has come does, and when it is due again.

#include "controlplane/engine/schedules.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/proof_host.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {
namespace {

using domain::Schedule;
using domain::ScheduleKind;

// What a host gets to do for schedules at the same time; its other work is not to wait behind thousands of these.
constexpr int64_t kMostOnHost = 32;

// When it is asked again about one that was put off: after this time and a part of the spread.
struct Delay {
  absl::Duration least;
  absl::Duration spread;
};
constexpr Delay kPutOff{absl::Seconds(15), absl::Seconds(45)};
constexpr Delay kPutOffBackups{absl::Minutes(1), absl::Minutes(4)};
// The most of it for one that recurs, as parts of its interval: so that none misses its turn by waiting for a moment.
constexpr int64_t kLeastPart = 8;
constexpr int64_t kSpreadPart = 4;

// After a refusal; doubles from one to the next.
constexpr absl::Duration kFirstDelay = absl::Seconds(5);
constexpr absl::Duration kLongestDelay = absl::Minutes(10);

// How many rows are forgotten in one transaction, and how soon the next ones are.
constexpr int32_t kPrunedAtOnce = 1000;
constexpr absl::Duration kSoon = absl::Seconds(1);

std::optional<domain::Tenant> TenantOf(const domain::ScheduleKey& key, catalog::Facts& facts) {
  const auto id = ParseTenantName(key.resource, "resource");
  return id.ok() ? facts.FindTenant(*id) : std::nullopt;
}

// Where the tenant's newest usable backup is proven; empty when there is nowhere, or nothing to prove.
std::string HostOfProof(const domain::Tenant& tenant, catalog::Facts& facts) {
  const std::vector<domain::Backup> backups = facts.BackupsOfTenant(tenant.id);
  const auto newest = std::find_if(backups.begin(), backups.end(), domain::Usable);
  if (newest == backups.end()) return "";
  return ProofHost(facts, tenant, *newest, domain::NextProofStore(*newest)).value_or("");
}

// The host that works for the schedule; empty where it is the control plane alone.
std::string HostOf(const domain::ScheduleKey& key, catalog::Facts& facts) {
  const auto tenant = TenantOf(key, facts);
  if (!tenant) return "";
  const bool elsewhere =
      key.kind == ScheduleKind::kProve && !InForce(facts, *tenant).rules.prove_on.empty();
  return elsewhere ? HostOfProof(*tenant, facts) : tenant->placement.host;
}

bool ReadsDatabase(ScheduleKind kind) {
  return kind == ScheduleKind::kBackUp || kind == ScheduleKind::kProve;
}

bool MovesArchives(ScheduleKind kind) { return ReadsDatabase(kind) || kind == ScheduleKind::kCopyBackups; }

// How a schedule goes on, and by what.
struct Course {
  std::optional<domain::Recurrence> recurrence;
  int64_t basis = 0;
};

Course CourseOf(const domain::ScheduleKey& key, catalog::Facts& facts, const Moment& moment) {
  if (!ReadsDatabase(key.kind)) return {domain::RecurrenceOf(key.kind, moment.policy)};
  const auto tenant = TenantOf(key, facts);
  if (!tenant) return {};
  const domain::PolicyInForce policy = InForce(facts, *tenant);
  return {key.kind == ScheduleKind::kProve ? domain::ProofRecurrenceOf(*tenant, policy)
                                           : domain::BackupRecurrenceOf(*tenant, policy),
          domain::BasisOf(key.kind, policy)};
}

// Whether the host may be given one more to do. Backups and proofs read all of a database: few at a time, none beside much
// else. Final backups go first: whoever retires a tenant takes a place, and is not refused one.
bool HasRoom(ScheduleKind kind, const std::string& host, catalog::Facts& facts,
             const domain::SchedulePolicy& policy) {
  if (!MovesArchives(kind)) return facts.CountRunningOnHost(host, kSystem) < kMostOnHost;
  const int64_t running = facts.CountRunningOnHost(host, kSystem, domain::OperationKind::kRetire);
  if (running >= policy.backups_per_host) return false;
  const std::optional<domain::Host> row = facts.FindHost(host);
  if (kind != ScheduleKind::kBackUp || !row || row->report.stores.empty()) return true;
  return facts.CountBackupsBeingMade(row->report.stores.front(), policy.backups_per_store) <
         policy.backups_per_store;
}

Delay DelayOf(ScheduleKind kind, const std::optional<domain::Recurrence>& recurrence) {
  if (!MovesArchives(kind)) return kPutOff;
  if (!recurrence || recurrence->cron) return kPutOffBackups;
  return {std::min(kPutOffBackups.least, recurrence->every / kLeastPart),
          std::min(kPutOffBackups.spread, recurrence->every / kSpreadPart)};
}

// Has the rest of what is to be pruned wait for the next transaction, so that nobody's request waits behind all of it.
void GoOnSoon(Draft& draft, ScheduleKind kind) {
  draft.Record(catalog::PutSchedule{{.key = {kind, ""}, .next_time = draft.now() + kSoon}});
}

void Ensure(Draft& draft, const domain::ScheduleKey& key) {
  const std::optional<Schedule> known = draft.facts().FindSchedule(key);
  const auto recurrence = domain::RecurrenceOf(key.kind, draft.policy());
  if (!recurrence) {
    if (known) draft.Record(catalog::DeleteSchedule{key});
    return;
  }
  const absl::Time next = domain::NextTime(key, *recurrence, draft.now());
  // One that is overdue stays so: it is made up for, once.
  if (!known || known->next_time > next)
    draft.Record(catalog::PutSchedule{{.key = key, .next_time = next}});
}

}  // namespace

Caller CallerOf(ScheduleKind kind) {
  const auto system = [](const char* method) {
    return Caller{.name = kSystem, .peer = "local", .method = method};
  };
  switch (kind) {
    case ScheduleKind::kExpire: return system("TenantService/RetireTenant");
    case ScheduleKind::kPurge: return system("TenantService/PurgeTenant");
    case ScheduleKind::kBackUp: return system("BackupService/CreateBackup");
    case ScheduleKind::kProve: return system("BackupService/VerifyBackup");
    case ScheduleKind::kPruneBackups: return system("BackupService/DeleteBackup");
    case ScheduleKind::kCopyBackups: return system("BackupService/CopyBackup");
    case ScheduleKind::kCompare: return system("Schedule/CompareHost");
    case ScheduleKind::kPruneOperations: return system("Schedule/PruneOperations");
    case ScheduleKind::kPruneRequests: return system("Schedule/PruneRequests");
    case ScheduleKind::kPruneAudit: return system("Schedule/PruneAudit");
    case ScheduleKind::kPruneEvents: return system("Schedule/PruneEvents");
    case ScheduleKind::kContinue: return system("Schedule/ContinueCampaign");
    case ScheduleKind::kFollowPolicies: return system("Schedule/FollowPolicies");
  }
  return system("");
}

std::optional<Schedule> PutOff(const Schedule& due, catalog::Facts& facts, const Moment& moment) {
  Schedule later = due;
  const auto recurrence = CourseOf(due.key, facts, moment).recurrence;
  if (recurrence && recurrence->window && !domain::IsOpen(*recurrence->window, moment.now)) {
    later.next_time = domain::TimeInWindow(due.key, *recurrence, moment.now);
    return later;
  }
  const std::string host = HostOf(due.key, facts);
  if (host.empty() || HasRoom(due.key.kind, host, facts, moment.policy)) return std::nullopt;
  const Delay delay = DelayOf(due.key.kind, recurrence);
  later.next_time = moment.now + delay.least + domain::SpreadOf(due.key, delay.spread);
  return later;
}

Schedule AfterRun(const Schedule& ran, catalog::Facts& facts, const Moment& moment) {
  const auto [recurrence, basis] = CourseOf(ran.key, facts, moment);
  Schedule next{.key = ran.key, .basis = basis};
  // However many were missed, they were made up for by this one. One that is not to recur is gone with the change that
  // it made to its tenant; if that made none, it comes back.
  next.next_time =
      recurrence ? domain::TimeAfterRun(ran.key, *recurrence, moment.now) : moment.now + kLongestDelay;
  return next;
}

Schedule AfterRefusal(const Schedule& refused, const absl::Status& why, const Moment& moment) {
  Schedule later = refused;
  const std::string reason = DetailsOf(why).reason;
  later.refusals = refused.refusal_reason == reason ? refused.refusals + 1 : 1;
  later.refusal_reason = reason;
  later.refusal_message = std::string(why.message());
  later.next_time =
      moment.now + std::min(kLongestDelay, kFirstDelay * (int64_t{1} << std::min(later.refusals - 1, 10)));
  return later;
}

namespace {

std::optional<Schedule> FirstOf(ScheduleKind kind, const domain::Tenant& tenant,
                                const std::optional<domain::Recurrence>& recurrence,
                                const domain::PolicyInForce& policy, const Moment& moment) {
  if (!recurrence) return std::nullopt;
  const domain::ScheduleKey key{kind, TenantName(tenant.id)};
  return Schedule{.key = key,
                  .next_time = domain::NextTime(key, *recurrence, moment.now),
                  .basis = domain::BasisOf(kind, policy)};
}

}  // namespace

std::optional<Schedule> BackupOf(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                                 const Moment& moment) {
  return FirstOf(ScheduleKind::kBackUp, tenant, domain::BackupRecurrenceOf(tenant, policy), policy, moment);
}

std::optional<Schedule> ProofOf(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                                const Moment& moment) {
  return FirstOf(ScheduleKind::kProve, tenant, domain::ProofRecurrenceOf(tenant, policy), policy, moment);
}

domain::ScheduleKey PruningOf(const std::string& tenant) {
  return {ScheduleKind::kPruneBackups, TenantName(tenant)};
}

domain::ScheduleKey CopyingOf(const std::string& tenant) {
  return {ScheduleKind::kCopyBackups, TenantName(tenant)};
}

std::optional<Schedule> ComparisonOf(const domain::Host& host, const Moment& moment) {
  if (host.missing) return std::nullopt;
  const domain::ScheduleKey key{ScheduleKind::kCompare, HostName(host.id)};
  const auto recurrence = domain::RecurrenceOf(key.kind, moment.policy);
  return Schedule{.key = key, .next_time = domain::NextTime(key, *recurrence, moment.now)};
}

void EnsureSchedules(Draft& draft) {
  for (const ScheduleKind kind : {ScheduleKind::kPruneOperations, ScheduleKind::kPruneRequests,
                                  ScheduleKind::kPruneAudit, ScheduleKind::kPruneEvents}) {
    Ensure(draft, {kind, ""});
  }
  for (const domain::Host& host : draft.facts().Hosts()) {
    if (!host.missing) Ensure(draft, {ScheduleKind::kCompare, HostName(host.id)});
  }
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CompareHost& request) {
  const domain::Host* host = draft.FindHost(request.host);
  if (host != nullptr && host->up) draft.Emit(CompareInventory{.host = request.host});
  return Subject();
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const PruneOperations&) {
  const std::vector<std::string> ended =
      draft.facts().OperationsEndedBefore(draft.now() - draft.policy().keep_operations, kPrunedAtOnce);
  for (const std::string& id : ended) draft.Record(catalog::DeleteOperation{id});
  if (ended.size() == kPrunedAtOnce) GoOnSoon(draft, ScheduleKind::kPruneOperations);
  return Subject();
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const PruneRequests&) {
  const std::vector<catalog::RequestRecord> old =
      draft.facts().RequestsBefore(draft.now() - draft.policy().keep_requests, kPrunedAtOnce);
  for (const catalog::RequestRecord& record : old)
    draft.Record(catalog::DeleteRequest{record.caller, record.request_id});
  if (old.size() == kPrunedAtOnce) GoOnSoon(draft, ScheduleKind::kPruneRequests);
  return Subject();
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const PruneEvents&) {
  const catalog::EventRun old =
      draft.facts().OldestEvents(draft.now() - draft.policy().keep_events, kPrunedAtOnce);
  if (old.count > 0) draft.Record(catalog::CutEvents{old.last});
  if (old.count == kPrunedAtOnce) GoOnSoon(draft, ScheduleKind::kPruneEvents);
  return Subject();
}

// The cut was chosen and signed outside; here it is held against the rows themselves.
absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const PruneAudit& request) {
  if (!request.cut) return Subject();
  const domain::AuditCheckpoint& cut = *request.cut;
  const std::optional<domain::AuditRow> row = draft.facts().FindAuditRow(cut.head.sequence);
  if (!row || row->hash != cut.head.hash || row->event.time != cut.time ||
      cut.time >= draft.now() - draft.policy().keep_audit) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "the audit cannot be cut there: the row is another one, or too new",
                     {.reason = "CUT_REFUSED"});
  }
  draft.Record(catalog::CutAudit{cut});
  GoOnSoon(draft, ScheduleKind::kPruneAudit);
  return Subject();
}

}  // namespace croft::engine
