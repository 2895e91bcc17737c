// Moves operations from step to step, through retries and undo to their end.

#include "controlplane/engine/progress.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/engine/verdict.h"

namespace croft::engine {
namespace {

using domain::Operation;
using domain::OperationState;
using domain::Step;
using domain::StepState;

// What ends a step that is refused: this many refusals in a row for one reason, or that many for any. While a tenant's
// code can run every error is a refusal, and the tenant can choose its words. Nobody waits for a clean-up.
constexpr int32_t kMostSameRefusals = 3;
constexpr int32_t kMostRefusals = 8;
// Time for what refused to pass: a lock is let go, an administrator's command ends.
constexpr absl::Duration kAfterFirstRefusal = absl::Seconds(2);
constexpr absl::Duration kAfterLaterRefusals = absl::Seconds(10);
// How long disk, memory, locks or connections may be short. Outages alone are waited for, however long.
constexpr absl::Duration kLongestShortage = absl::Minutes(15);

constexpr absl::Duration kFirstDelay = absl::Milliseconds(500);
constexpr absl::Duration kLongestDelay = absl::Seconds(60);

// Doubles from attempt to attempt; spread by a quarter, by a hash of who retries, so that many which failed
// together do not come back together.
absl::Duration RetryDelay(const Operation& operation, int32_t attempt) {
  const absl::Duration delay =
      std::min(kLongestDelay, kFirstDelay * (int64_t{1} << std::min(attempt - 1, 10)));
  uint64_t hash = 1469598103934665603u + static_cast<uint64_t>(attempt);
  for (const char c : operation.id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return delay * static_cast<int64_t>(875 + hash % 250) / 1000;
}

Fencing FencingOf(const Draft& draft, const Operation& operation, size_t index) {
  return {.epoch = draft.epoch(),
          .order = operation.order,
          .operation = operation.id,
          .step = static_cast<int32_t>(index),
          .attempt = operation.steps[index].attempt};
}

// Steps before the point of no return can be given up. All others must be done in the end, so their deadline is
// not the operation's.
bool CanBeTakenBack(const Operation& operation, size_t index) {
  return operation.state == OperationState::kRunning &&
         static_cast<int32_t>(index) < operation.point_of_no_return;
}

void EmitTask(Draft& draft, const Operation& operation, size_t index) {
  const Step& step = operation.steps[index];
  const domain::Tenant* tenant = draft.FindTenant(operation.tenant);
  if (IsOwnTask(step)) {
    const auto account = draft.KindOf(operation).account;
    draft.Emit(EraseKey{.uid = tenant->uid,
                        .fencing = FencingOf(draft, operation, index),
                        .tenant = tenant->id,
                        .account = account == nullptr ? "" : account(draft, operation)});
    return;
  }
  SendTask send{.host = step.host,
                .fencing = FencingOf(draft, operation, index),
                .step = step,
                .kind = operation.kind,
                .deadline = CanBeTakenBack(operation, index) ? operation.deadline : absl::InfiniteFuture(),
                .traceparent = operation.traceparent,
                .tenant = *tenant};
  if (const domain::BackupRef* about = domain::BackupOf(step.task)) {
    if (const domain::Backup* backup = draft.FindBackup(about->tenant, about->id)) send.backup = *backup;
    const domain::Tenant* source = draft.FindTenant(about->tenant);
    send.backup_owner_role = source->owner_role;
    send.backup_reader_role = source->reader_role;
  }
  draft.Emit(std::move(send));
}

void Dispatch(Draft& draft, Operation& operation, size_t index) {
  Step& step = operation.steps[index];
  step.state = StepState::kDispatched;
  step.attempt += 1;
  step.not_before.reset();
  step.message.clear();
  if (!step.start_time) step.start_time = draft.now();
  EmitTask(draft, operation, index);
}

bool WaitsForItsTurn(Draft& draft, const Operation& operation, const Step& step) {
  const Kind& kind = draft.KindOf(operation);
  return kind.yields != nullptr && kind.yields(step) &&
         !draft.FindTenant(operation.tenant)->current_operation.empty();
}

// Those of Croft's own may wait for the tenant to be free; the one that this operation left behind may be new.
void ResumeOwnWork(Draft& draft, const Operation& ended) {
  for (const Operation& running : draft.facts().RunningOperationsOfTenant(ended.tenant)) {
    if (draft.KindOf(running).hold == Hold::kNone) Advance(draft, *draft.FindOperation(running.id));
  }
  if (Operation* own = draft.FindOperation(CleanUpOf(ended))) Advance(draft, *own);
}

void TellParent(Draft& draft, const Operation& child) {
  if (child.parent.empty()) return;
  Operation* parent = draft.FindOperation(child.parent);
  if (parent == nullptr || domain::Ended(*parent)) return;
  if (const auto child_ended = draft.KindOf(*parent).child_ended) child_ended(draft, *parent, child);
}

void Conclude(Draft& draft, Operation& operation) {
  if (operation.state == OperationState::kRunning) {
    operation.state = OperationState::kSucceeded;
  } else {
    operation.state = operation.error->code == absl::StatusCode::kCancelled ? OperationState::kCancelled
                                                                            : OperationState::kFailed;
    if (const auto revert = draft.KindOf(operation).revert) revert(draft, operation);
  }
  TellParent(draft, operation);
  operation.end_time = draft.now();
  domain::Tenant* tenant = draft.FindTenant(operation.tenant);
  if (tenant->current_operation != operation.id) return;
  tenant->current_operation.clear();
  ResumeOwnWork(draft, operation);
}

// A step that cannot be done. An undo is left behind, and that is said.
void GiveUp(Draft& draft, Operation& operation, Step& step, const domain::OperationError& error) {
  step.state = StepState::kFailed;
  step.end_time = draft.now();
  step.message = error.message;
  if (operation.state == OperationState::kUndoing) {
    absl::StrAppend(&operation.error->message, "; left behind on ", HostName(step.host), ": ",
                    error.message);
    Advance(draft, operation);
    return;
  }
  Fail(draft, operation, error);
}

void Retry(Draft& draft, Operation& operation, Step& step, const std::string& message,
           absl::Duration least = absl::ZeroDuration()) {
  step.state = StepState::kPending;
  step.message = message;
  step.not_before = draft.now() + std::max(least, RetryDelay(operation, step.attempt));
  Advance(draft, operation);
}

// Counts the refusal; says whether the step has been refused often enough.
bool RefusedForGood(const Kind& kind, Step& step, const std::string& reason) {
  step.refusals += 1;
  step.same_refusals = step.refusal_reason == reason ? step.same_refusals + 1 : 1;
  step.refusal_reason = reason;
  const bool nobody_waits = kind.hold == Hold::kNone;
  return step.refusals >= kMostRefusals || (!nobody_waits && step.same_refusals >= kMostSameRefusals);
}

// Notes the shortage; says whether it has lasted long enough.
bool ShortForGood(Step& step, absl::Time now) {
  if (!step.short_since) step.short_since = now;
  return now - *step.short_since >= kLongestShortage;
}

void OnRefusal(Draft& draft, Operation& operation, size_t index, const TaskError& error,
               const domain::OperationError& reported) {
  Step& step = operation.steps[index];
  const bool for_good = RefusedForGood(draft.KindOf(operation), step, error.reason);
  const bool at_once = CanBeTakenBack(operation, index) && !error.retryable;
  if (for_good || at_once || domain::IsVerdict(error.reason))
    return GiveUp(draft, operation, step, reported);
  Retry(draft, operation, step, error.message,
        step.same_refusals == 1 ? kAfterFirstRefusal : kAfterLaterRefusals);
}

void OnError(Draft& draft, Operation& operation, size_t index, const TaskError& error) {
  Step& step = operation.steps[index];
  const domain::OperationError reported{absl::StatusCode::kAborted, error.reason, error.message};
  const bool gives_up_in_time = CanBeTakenBack(operation, index);
  // Advance undoes a cancelled one instead.
  if (gives_up_in_time && operation.cancel_requested) return Retry(draft, operation, step, error.message);
  // A newer operation of the tenant pushed it aside; its turn comes again, under the newer order.
  const bool overtaken = draft.KindOf(operation).hold == Hold::kNone &&
                         (error.reason == "CANCELLED" || error.reason == "STALE_COMMAND");
  if (overtaken) return Retry(draft, operation, step, error.message);
  if (error.cause == Cause::kRefusal) return OnRefusal(draft, operation, index, error, reported);
  const bool too_long = (gives_up_in_time && draft.now() >= operation.deadline) ||
                        (error.cause == Cause::kResource && ShortForGood(step, draft.now()));
  if (too_long) return GiveUp(draft, operation, step, reported);
  Retry(draft, operation, step, error.message);
}

// The operation and the index of the step that `fencing` names, when that step waits for a report.
std::optional<size_t> Awaited(const Operation* operation, const Fencing& fencing) {
  if (operation == nullptr) return std::nullopt;
  const std::optional<size_t> current = domain::CurrentStep(*operation);
  if (!current || static_cast<int32_t>(*current) != fencing.step) return std::nullopt;
  const Step& step = operation->steps[*current];
  if (step.state != StepState::kDispatched || step.attempt != fencing.attempt) return std::nullopt;
  return current;
}

void OnDone(Draft& draft, Operation& operation, size_t index, const TaskReport& report) {
  Step& step = operation.steps[index];
  if (const auto bad = TakeFindings(draft, operation, step, report)) {
    return GiveUp(draft, operation, step, *bad);
  }
  step.state = StepState::kDone;
  step.end_time = draft.now();
  step.message.clear();
  if (const auto* done = std::get_if<TaskDone>(&report.outcome)) step.message = done->message;
  if (std::holds_alternative<Restored>(report.outcome)) step.message = "restored and compared";
  const auto apply = draft.KindOf(operation).apply;
  if (apply != nullptr && !step.undo) apply(draft, operation, step, report);
  Advance(draft, operation);
}

// What makes the error as good as success, when something does.
std::optional<std::string> Excuse(Draft& draft, const Operation& operation, const Step& step,
                                  const TaskError& error) {
  const auto excuses = draft.KindOf(operation).excuses;
  return excuses == nullptr || step.undo ? std::nullopt : excuses(step, error);
}

bool EndsWithItsHost(Draft& draft, const Operation& operation, const Step& step) {
  const auto ends_with_host = draft.KindOf(operation).ends_with_host;
  return ends_with_host != nullptr && ends_with_host(step);
}

TaskReport HostIsGone() { return {.outcome = TaskDone{std::string(kHostIsGone)}}; }

// The kind says in which order: a restore's new database is dropped before the old one opens again, so that never two
// take writes.
void AppendUndo(Draft& draft, Operation& operation) {
  const Kind& kind = draft.KindOf(operation);
  if (kind.undo == nullptr) return;
  const domain::Tenant& tenant = *draft.FindTenant(operation.tenant);
  std::vector<Step> steps;
  for (const Step& step : operation.steps) {
    if (step.undo || step.attempt == 0) continue;
    std::optional<Step> back = kind.undo(operation, step, tenant);
    if (!back) continue;
    back->undo = true;
    steps.push_back(*std::move(back));
  }
  if (kind.last_step_back_first) std::reverse(steps.begin(), steps.end());
  for (Step& step : steps) operation.steps.push_back(std::move(step));
}

}  // namespace

bool IsOwnTask(const Step& step) { return std::holds_alternative<domain::EraseKeyTask>(step.task); }

std::string CleanUpOf(const Operation& cause) { return cause.id + "-clean"; }

void Advance(Draft& draft, Operation& operation) {
  if (domain::Ended(operation) || draft.plan_only()) return;
  if (const auto go_on = draft.KindOf(operation).go_on) return go_on(draft, operation);
  const std::optional<size_t> index = domain::CurrentStep(operation);
  if (!index) return Conclude(draft, operation);
  Step& step = operation.steps[*index];
  if (step.state == StepState::kDispatched) return;
  if (operation.cancel_requested && CanBeTakenBack(operation, *index)) {
    return Fail(draft, operation, {absl::StatusCode::kCancelled, "CANCELLED", "cancelled by request"});
  }
  if (step.not_before && *step.not_before > draft.now()) {
    draft.Emit(SetTimer{.operation = operation.id, .time = *step.not_before});
    return;
  }
  if (WaitsForItsTurn(draft, operation, step)) return;
  if (const auto prepare = draft.KindOf(operation).prepare) prepare(draft, operation, step);
  if (IsOwnTask(step)) return Dispatch(draft, operation, *index);
  const domain::Host* host = draft.FindHost(step.host);
  if (host == nullptr || host->missing) {
    if (EndsWithItsHost(draft, operation, step)) return OnDone(draft, operation, *index, HostIsGone());
    return GiveUp(draft, operation, step,
                  {absl::StatusCode::kFailedPrecondition, "HOST_MISSING",
                   absl::StrCat("host ", step.host, " was declared missing")});
  }
  if (CanBeTakenBack(operation, *index) && draft.now() >= operation.deadline) {
    return Fail(
        draft, operation,
        {absl::StatusCode::kDeadlineExceeded, "OPERATION_DEADLINE_EXCEEDED",
         absl::StrCat("not done in time; last: ", step.message.empty() ? "host was away" : step.message)});
  }
  if (domain::StateOf(*host) == domain::HostState::kUp) return Dispatch(draft, operation, *index);
  // Waits for HostSeen, but not for ever.
  if (draft.now() < operation.deadline) {
    draft.Emit(SetTimer{.operation = operation.id, .time = operation.deadline});
  }
}

void SendAgain(Draft& draft, Operation& operation) {
  const std::optional<size_t> index = domain::CurrentStep(operation);
  if (!index || operation.steps[*index].state != StepState::kDispatched) return;
  EmitTask(draft, operation, *index);
  if (operation.cancel_requested && CanBeTakenBack(operation, *index)) {
    draft.Emit(
        CancelTask{.host = operation.steps[*index].host, .fencing = FencingOf(draft, operation, *index)});
  }
}

void ResumeHost(Draft& draft, const std::string& host) {
  for (const Operation& running : draft.facts().RunningOperationsOnHost(host)) {
    Operation& operation = *draft.FindOperation(running.id);
    SendAgain(draft, operation);
    Advance(draft, operation);
  }
}

void Fail(Draft& draft, Operation& operation, domain::OperationError error) {
  const bool can_undo = operation.point_of_no_return > 0;
  operation.error = std::move(error);
  operation.state = OperationState::kUndoing;
  if (const auto fail = draft.KindOf(operation).fail) fail(draft, operation);
  if (can_undo) AppendUndo(draft, operation);
  Advance(draft, operation);
}

namespace {

// What can neither be done nor taken back ends here, with the tenant in a state that every verb works from. The order
// is raised so that whatever comes next pushes aside what the agent still does, also when the cancel is lost.
void Park(Draft& draft, Operation& operation, size_t index) {
  Step& step = operation.steps[index];
  if (draft.KindOf(operation).hold == Hold::kExclusive) draft.FindTenant(operation.tenant)->order += 1;
  GiveUp(draft, operation, step,
         {absl::StatusCode::kAborted, "CANCELLED",
          absl::StrCat("cancelled by request at step ", index + 1, " of ", operation.steps.size(), ", ",
                       domain::NameOf(domain::KindOf(step.task)),
                       ", which is not taken back; ask for the same again to go on")});
}

}  // namespace

void Cancel(Draft& draft, Operation& operation) {
  operation.cancel_requested = true;
  if (domain::HasChildren(operation)) return Advance(draft, operation);
  const size_t index = *domain::CurrentStep(operation);
  const Step& step = operation.steps[index];
  const bool sent = step.state == StepState::kDispatched;
  // The control plane's own, done in a moment.
  if (sent && IsOwnTask(step)) return;
  if (sent) draft.Emit(CancelTask{.host = step.host, .fencing = FencingOf(draft, operation, index)});
  if (!CanBeTakenBack(operation, index)) return Park(draft, operation, index);
  if (!sent) Advance(draft, operation);
}

void OnReport(Draft& draft, const TaskReport& report) {
  // Whatever becomes of it, the agent need not keep it: a report that nobody awaits never will be.
  draft.Emit(AcknowledgeTask{.host = report.host, .fencing = report.fencing});
  Operation* operation = draft.FindOperation(report.fencing.operation);
  const std::optional<size_t> index = Awaited(operation, report.fencing);
  if (!index || operation->steps[*index].host != report.host) return;
  const auto* error = std::get_if<TaskError>(&report.outcome);
  if (error == nullptr) return OnDone(draft, *operation, *index, report);
  if (const auto excuse = Excuse(draft, *operation, operation->steps[*index], *error)) {
    return OnDone(draft, *operation, *index, {.outcome = TaskDone{*excuse}});
  }
  TakeFindings(draft, *operation, operation->steps[*index], report);
  OnError(draft, *operation, *index, *error);
}

void OnProgress(Draft& draft, const TaskProgress& progress) {
  Operation* operation = draft.FindOperation(progress.fencing.operation);
  const std::optional<size_t> index = Awaited(operation, progress.fencing);
  if (index && operation->steps[*index].host == progress.host)
    operation->steps[*index].message = progress.message;
}

void OnKeyErased(Draft& draft, const KeyErased& erased) {
  Operation* operation = draft.FindOperation(erased.fencing.operation);
  if (const std::optional<size_t> index = Awaited(operation, erased.fencing)) {
    draft.Record(catalog::PutErasure{erased.record});
    OnDone(draft, *operation, *index, TaskReport{.fencing = erased.fencing});
  }
}

}  // namespace croft::engine
