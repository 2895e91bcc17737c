// Decides what follows from one event.

#include "controlplane/engine/engine.h"

#include <algorithm>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/strip.h>

#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/audit_rows.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/confirmation.h"
#include "controlplane/engine/draft.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {
namespace {

// `principals/ID` or `principals/ID/tokens/ID`.
Answer AnswerForPrincipal(Draft& draft, absl::string_view name) {
  if (const auto token = ParseAccessTokenName(name, "name"); token.ok()) {
    const auto* user = draft.FindUser(token->principal);
    return user == nullptr ? Answer() : Answer(TokenMade{*user, token->token});
  }
  const auto principal = ParsePrincipalName(name, "name");
  const auto* user = principal.ok() ? draft.FindUser(*principal) : nullptr;
  return user == nullptr ? Answer() : Answer(*user);
}

// The resource called `subject`, as the draft has it.
Answer AnswerFor(Draft& draft, absl::string_view subject) {
  if (absl::StartsWith(subject, "principals/")) return AnswerForPrincipal(draft, subject);
  if (const auto id = ParseBackupPolicyName(subject, "name"); id.ok()) {
    const auto* policy = draft.FindBackupPolicy(*id);
    return policy == nullptr ? Answer() : Answer(*policy);
  }
  if (const auto name = ParseBackupName(subject, "name"); name.ok()) {
    const auto* backup = draft.FindBackup(name->tenant, name->backup);
    return backup == nullptr ? Answer() : Answer(*backup);
  }
  if (absl::ConsumePrefix(&subject, "operations/")) {
    if (const auto* operation = draft.FindOperation(std::string(subject))) return *operation;
  } else if (absl::ConsumePrefix(&subject, "tenants/")) {
    if (const auto* tenant = draft.FindTenant(std::string(subject))) return *tenant;
  } else if (absl::ConsumePrefix(&subject, "hosts/")) {
    if (const auto* host = draft.FindHost(std::string(subject))) return *host;
  }
  return std::monostate();
}

// The answer to a request id that was answered before, or nullopt for one that is new.
std::optional<absl::StatusOr<Answer>> AnswerOnceMore(Draft& draft, const Caller& caller) {
  if (caller.request_id.empty()) return std::nullopt;
  const std::optional<catalog::RequestRecord> prior =
      draft.facts().FindRequest(caller.name, caller.request_id);
  if (!prior) return std::nullopt;
  if (prior->method != caller.method || prior->payload_hash != caller.payload_hash) {
    return domain::RequestIdReused(caller.request_id);
  }
  return AnswerFor(draft, prior->answer);
}

void RecordSuccess(Draft& draft, const Request& request, const Subject& subject, Outcome& outcome) {
  const Caller& caller = request.caller;
  for (catalog::AppendAudit& row : AuditRows(draft, caller, request.body, subject, outcome.changes)) {
    outcome.changes.push_back(std::move(row));
  }
  if (caller.request_id.empty()) return;
  outcome.changes.push_back(catalog::PutRequest{{.caller = caller.name,
                                                 .request_id = caller.request_id,
                                                 .method = caller.method,
                                                 .payload_hash = caller.payload_hash,
                                                 .answer = subject,
                                                 .time = draft.now()}});
}

// A schedule's own row, which is no change that anybody asked for.
bool IsSchedule(const catalog::Change& change) {
  return std::holds_alternative<catalog::PutSchedule>(change) ||
         std::holds_alternative<catalog::DeleteSchedule>(change);
}

// RecordCalls is not itself audited, a campaign has a row for each child that it begins, what follows a policy is its
// setter's doing, and what schedules ask for has none as long as it changes nothing else.
bool IsAudited(const RequestBody& body, const Outcome& outcome) {
  if (std::holds_alternative<RecordCalls>(body) || std::holds_alternative<ContinueCampaign>(body) ||
      std::holds_alternative<FollowPolicies>(body))
    return false;
  const bool by_schedule_alone =
      std::holds_alternative<CompareHost>(body) || std::holds_alternative<ProveNewestBackup>(body) ||
      std::holds_alternative<PruneBackups>(body) || std::holds_alternative<PruneOperations>(body) ||
      std::holds_alternative<PruneRequests>(body) || std::holds_alternative<PruneAudit>(body) ||
      std::holds_alternative<PruneEvents>(body) || std::holds_alternative<JudgeStorage>(body);
  return !by_schedule_alone || !std::all_of(outcome.changes.begin(), outcome.changes.end(), IsSchedule);
}

Outcome OnRequest(const Request& request, catalog::Facts& facts, const Moment& moment, const Rules& rules) {
  const auto reply = [&](absl::StatusOr<Answer> answer) {
    return Effect(Reply{.ticket = request.ticket, .answer = std::move(answer)});
  };
  Draft draft(facts, moment, rules);
  if (auto again = AnswerOnceMore(draft, request.caller)) return {.effects = {reply(*std::move(again))}};
  if (request.caller.validate_only) draft.PlanOnly();
  const absl::StatusOr<Subject> subject = rules.Handle(draft, request.caller, request.body);
  if (!subject.ok()) return {.effects = {reply(subject.status())}};
  Outcome outcome = draft.Finish();
  if (IsAudited(request.body, outcome)) RecordSuccess(draft, request, *subject, outcome);
  if (request.caller.validate_only) outcome = {};
  outcome.effects.push_back(reply(AnswerFor(draft, *subject)));
  return outcome;
}

// Takes the answer out of the outcome of a request that nobody waits for.
absl::Status TakeAnswer(Outcome& outcome) {
  absl::Status status;
  std::erase_if(outcome.effects, [&](const Effect& effect) {
    const auto* reply = std::get_if<Reply>(&effect);
    if (reply != nullptr) status = reply->answer.status();
    return reply != nullptr;
  });
  return status;
}

Outcome OnDue(const ScheduleDue& due, catalog::Facts& facts, const Moment& moment, const Rules& rules) {
  const std::optional<domain::Schedule> schedule = facts.FindSchedule(due.key);
  // It ran meanwhile, or is not called for any more.
  if (!schedule || schedule->next_time > moment.now) return {};
  if (std::optional<catalog::Change> realigned = Realigned(*schedule, facts, moment))
    return {.changes = {*std::move(realigned)}};
  if (std::optional<domain::Schedule> later = PutOff(*schedule, facts, moment))
    return {.changes = {catalog::PutSchedule{*std::move(later)}}};
  Outcome outcome;
  absl::Status status = due.request.status();
  if (status.ok()) {
    const Request request{.caller = CallerOf(due.key.kind), .body = *due.request};
    outcome = OnRequest(request, facts, moment, rules);
    status = TakeAnswer(outcome);
  }
  // First, so that what the request itself says of the schedule counts.
  outcome.changes.insert(outcome.changes.begin(),
                         catalog::PutSchedule{status.ok() ? AfterRun(*schedule, facts, moment)
                                                          : AfterRefusal(*schedule, status, moment)});
  return outcome;
}

Outcome OnMeasured(const StorageMeasured& measured, catalog::Facts& facts, const Moment& moment,
                   const Rules& rules) {
  const Request request{.caller = {.name = kSystem, .peer = "local", .method = "Storage/JudgeStorage"},
                        .body = measured.request};
  Outcome outcome = OnRequest(request, facts, moment, rules);
  TakeAnswer(outcome).IgnoreError();
  return outcome;
}

void On(Draft& draft, const TaskReport& report) { OnReport(draft, report); }
void On(Draft& draft, const TaskProgress& progress) { OnProgress(draft, progress); }
void On(Draft& draft, const KeyErased& erased) { OnKeyErased(draft, erased); }

// A PostgreSQL that does not answer does not say where applications reach it, nor whether they must use TLS: that
// stays as it was, so that a lookup is never answered with less safety than before.
void TakeReport(Draft& draft, domain::Host& host, const domain::HostReport& report) {
  const domain::HostReport before = std::exchange(host.report, report);
  // Another server has taken over, and what the last one did shortly before may be lost: first its agent shows what is
  // there.
  if (report.timeline != 0 && before.timeline != 0 && report.timeline != before.timeline)
    host.unconfirmed = true;
  host.last_seen_time = draft.now();
  if (!report.postgres_up) {
    if (report.advertise_endpoints.empty()) host.report.advertise_endpoints = before.advertise_endpoints;
    host.report.tls = before.tls || report.tls;
    if (report.root_certificate.empty()) host.report.root_certificate = before.root_certificate;
    // What is not known now was known; a change of it must not be missed.
    if (report.timeline == 0) host.report.timeline = before.timeline;
  }
  if (host.accepted_system_identifier.empty()) {
    host.accepted_system_identifier = report.system_identifier;
  }
}

void On(Draft& draft, const HostSeen& seen) {
  domain::Host* host = draft.FindHost(seen.host);
  if (host == nullptr || host->missing) return;
  host->up = true;
  host->awaited = false;
  TakeReport(draft, *host, seen.report);
  if (domain::StateOf(*host) != domain::HostState::kUp) return;
  ResumeHost(draft, seen.host);
}

void On(Draft& draft, const HostReported& reported) {
  domain::Host* host = draft.FindHost(reported.host);
  if (host == nullptr || !host->up) return;
  const bool was_usable = domain::StateOf(*host) == domain::HostState::kUp;
  TakeReport(draft, *host, reported.report);
  // Its own data folder is back under a server that had another one.
  if (!was_usable && domain::StateOf(*host) == domain::HostState::kUp) ResumeHost(draft, reported.host);
}

void On(Draft& draft, const HostFound& found) { OnFound(draft, found); }

void On(Draft& draft, const HostLost& lost) {
  domain::Host* host = draft.FindHost(lost.host);
  if (host == nullptr) return;
  host->up = false;
  host->awaited = false;
  host->last_seen_time = std::max(host->last_seen_time.value_or(absl::InfinitePast()), lost.last_heard);
}

void On(Draft& draft, const Tick& tick) {
  if (domain::Operation* operation = draft.FindOperation(tick.operation)) Advance(draft, *operation);
}

// Decided before there is a draft.
void On(Draft&, const Request&) {}
void On(Draft&, const ScheduleDue&) {}
void On(Draft&, const StorageMeasured&) {}

void On(Draft& draft, const PolicyChanged&) { EnsureSchedules(draft); }

// Nobody has called yet, and nobody is declared dead for that: who was there counts as seen until now. What waits
// for a host goes on with HostSeen; everything else goes on now.
void On(Draft& draft, const Started&) {
  for (const domain::Host& stored : draft.facts().Hosts()) {
    if (!stored.up && !stored.awaited) continue;
    domain::Host& host = *draft.FindHost(stored.id);
    host.up = false;
    host.awaited = true;
    host.last_seen_time = draft.now();
  }
  for (const domain::Operation& running : draft.facts().RunningOperations()) {
    domain::Operation& operation = *draft.FindOperation(running.id);
    const std::optional<size_t> index = domain::CurrentStep(operation);
    if (index && IsOwnTask(operation.steps[*index])) SendAgain(draft, operation);
    Advance(draft, operation);
  }
  EnsureSchedules(draft);
}

}  // namespace

domain::Erasure RecordOf(const EraseKey& erase, absl::Time time) {
  domain::Erasure record{.uid = erase.uid,
                         .tenant = erase.tenant,
                         .operation = erase.fencing.operation,
                         .time = absl::FromUnixMicros(absl::ToUnixMicros(time))};
  record.statement = domain::StatementOf(record, erase.account);
  return record;
}

Outcome Decide(const Event& event, catalog::Facts& facts, const Moment& moment, const Rules& rules) {
  if (const auto* request = std::get_if<Request>(&event)) return OnRequest(*request, facts, moment, rules);
  if (const auto* due = std::get_if<ScheduleDue>(&event)) return OnDue(*due, facts, moment, rules);
  if (const auto* measured = std::get_if<StorageMeasured>(&event))
    return OnMeasured(*measured, facts, moment, rules);
  Draft draft(facts, moment, rules);
  std::visit([&](const auto& one) { On(draft, one); }, event);
  return draft.Finish();
}

}  // namespace croft::engine
