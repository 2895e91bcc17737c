// Converts operations to the API, with a sentence on their progress.

#include "controlplane/wire/operation.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/operations/rules.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/finding.h"
#include "controlplane/wire/status.h"

namespace croft::wire {
namespace {

using domain::Operation;
using domain::OperationState;
using domain::Step;
using domain::StepState;

// The day is named only where it is not today.
std::string ClockTime(absl::Time time, absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const bool today = absl::ToCivilDay(time, utc) == absl::ToCivilDay(now, utc);
  return absl::FormatTime(today ? "%H:%M" : "%Y-%m-%d %H:%M", time, utc);
}

// Why nothing can be sent to the host now; empty when something can.
std::string WaitsForHost(const std::string& id, const domain::Host* host, absl::Time now) {
  if (host == nullptr) return absl::StrCat("waiting for ", HostName(id), ", which is unknown");
  const std::string waiting = absl::StrCat("waiting for ", HostName(id), ", ");
  switch (domain::StateOf(*host)) {
    case domain::HostState::kUp: break;
    case domain::HostState::kExpected: return waiting + "whose agent has not joined yet";
    case domain::HostState::kAway:
      return host->last_seen_time
                 ? absl::StrCat(waiting, "away since ", ClockTime(*host->last_seen_time, now))
                 : waiting + "away";
    case domain::HostState::kIdentityChanged:
      return waiting + "whose PostgreSQL is another cluster than before; accept its identity first";
    case domain::HostState::kMissing: return waiting + "which was declared missing";
    case domain::HostState::kAwaited: return waiting + "not heard yet since the control plane started";
    case domain::HostState::kUnconfirmed:
      return waiting + "which has yet to show what it holds, since the catalog was restored";
  }
  return "";
}

// "step 2 of 3: fence on hosts/h1", counted among the steps of its direction.
std::string Position(const Operation& operation, size_t current) {
  const Step& step = operation.steps[current];
  size_t number = 0;
  size_t count = 0;
  for (size_t i = 0; i < operation.steps.size(); ++i) {
    if (operation.steps[i].undo != step.undo) continue;
    ++count;
    if (i <= current) ++number;
  }
  return absl::StrCat(step.undo ? "undo " : "", "step ", number, " of ", count, ": ",
                      domain::NameOf(domain::KindOf(step.task)),
                      step.host.empty() ? "" : absl::StrCat(" on ", HostName(step.host)));
}

std::string StepLine(const Operation& operation, size_t current, const domain::Host* host, absl::Time now) {
  const Step& step = operation.steps[current];
  if (!step.host.empty()) {
    std::string waits = WaitsForHost(step.host, host, now);
    if (!waits.empty()) return waits;
  }
  const std::string position = Position(operation, current);
  const std::string message = step.message.empty() ? "" : absl::StrCat(": ", step.message);
  if (step.state == StepState::kPending && step.not_before && *step.not_before > now) {
    const std::string when = absl::FormatTime("%H:%M:%S", *step.not_before, absl::UTCTimeZone());
    return absl::StrCat(position, step.attempt > 0 ? ", trying again at " : ", not before ", when, message);
  }
  return absl::StrCat(position, step.state == StepState::kPending ? ", about to be sent" : "", message);
}

v1::Step StepToProto(const Step& step) {
  v1::Step proto;
  proto.set_task(std::string(domain::NameOf(domain::KindOf(step.task))));
  if (!step.host.empty()) proto.set_host(HostName(step.host));
  proto.set_state(ToProto(step.state));
  proto.set_attempt(step.attempt);
  if (step.start_time) *proto.mutable_start_time() = ToProto(*step.start_time);
  if (step.end_time) *proto.mutable_end_time() = ToProto(*step.end_time);
  proto.set_message(step.message);
  return proto;
}

std::string CampaignLine(const domain::CampaignDetails& campaign, bool stopping) {
  return absl::StrCat(stopping ? "stopping; " : "", campaign.succeeded, " of ", campaign.total,
                      " succeeded, ", campaign.running, " running, ", campaign.failed, " failed, ",
                      domain::NotBegun(campaign), " not begun",
                      campaign.waiting.empty() ? "" : absl::StrCat(", ", campaign.waiting.size(), " busy"));
}

v1::Campaign CampaignToProto(const domain::CampaignDetails& campaign) {
  v1::Campaign proto;
  proto.set_child_kind(ToProto(campaign.child_kind));
  proto.set_filter(campaign.filter);
  proto.set_width(campaign.width);
  proto.set_max_failures(campaign.max_failures);
  proto.set_total(campaign.total);
  proto.set_running(campaign.running);
  proto.set_succeeded(campaign.succeeded);
  proto.set_failed(campaign.failed);
  proto.set_not_begun(domain::NotBegun(campaign));
  return proto;
}

}  // namespace

std::string HostOfCurrentStep(const Operation& operation) {
  const std::optional<size_t> current = domain::CurrentStep(operation);
  return current ? operation.steps[*current].host : "";
}

std::string ProgressLine(const Operation& operation, const domain::Host* host, absl::Time now) {
  const bool has_children = domain::HasChildren(operation);
  switch (operation.state) {
    case OperationState::kSucceeded: return "done";
    case OperationState::kCancelled:
      return has_children ? operation.error->message : "cancelled and undone";
    case OperationState::kFailed: return operation.error ? operation.error->message : "failed";
    case OperationState::kRunning:
    case OperationState::kUndoing: break;
  }
  const bool stopping = operation.cancel_requested && operation.state == OperationState::kRunning;
  if (has_children) return CampaignLine(domain::Details<domain::CampaignDetails>(operation), stopping);
  const std::optional<size_t> current = domain::CurrentStep(operation);
  if (!current) return "ending";
  return absl::StrCat(stopping ? "stopping; " : "", StepLine(operation, *current, host, now));
}

std::string TargetOf(const Operation& operation) {
  const auto target = operations::KindOf(operation.kind).target;
  return target == nullptr ? TenantName(operation.tenant) : target(operation);
}

std::string ResultOf(const Operation& operation) {
  const auto result = operations::KindOf(operation.kind).result;
  return result == nullptr ? "" : result(operation);
}

v1::Operation ToProto(const Operation& operation, const domain::Host* host, absl::Time now) {
  v1::Operation proto;
  proto.set_name(OperationName(operation.id));
  proto.set_uid(operation.id);
  *proto.mutable_create_time() = ToProto(operation.create_time);
  *proto.mutable_update_time() = ToProto(operation.update_time);
  proto.set_etag(EtagOf(operation.version));
  proto.set_kind(ToProto(operation.kind));
  proto.set_target(TargetOf(operation));
  proto.set_result(ResultOf(operation));
  proto.set_state(ToProto(operation.state));
  proto.set_done(domain::Ended(operation));
  if (operation.error && domain::Ended(operation)) {
    *proto.mutable_error() = ToProto(
        MakeError(operation.error->code, operation.error->message, {.reason = operation.error->reason}));
  } else if (operation.state == OperationState::kCancelled) {
    *proto.mutable_error() = ToProto(MakeError(absl::StatusCode::kCancelled, "it was cancelled and undone",
                                               {.reason = "OPERATION_CANCELLED"}));
  }
  for (const Step& step : operation.steps) *proto.add_steps() = StepToProto(step);
  proto.set_progress(ProgressLine(operation, host, now));
  if (operation.end_time) *proto.mutable_end_time() = ToProto(*operation.end_time);
  proto.set_caller(operation.caller);
  for (const domain::Finding& finding : operation.warnings.listed) *proto.add_warnings() = ToProto(finding);
  proto.set_warning_count(operation.warnings.count);
  if (!operation.parent.empty()) proto.set_parent(OperationName(operation.parent));
  if (domain::HasChildren(operation))
    *proto.mutable_campaign() = CampaignToProto(domain::Details<domain::CampaignDetails>(operation));
  return proto;
}

v1::RestoreEstimate ToProto(const domain::RestoreEstimate& estimate) {
  v1::RestoreEstimate proto;
  proto.set_backup(BackupName(estimate.tenant, estimate.backup));
  *proto.mutable_backup_time() = ToProto(estimate.backup_time);
  proto.set_archive_bytes(estimate.archive_bytes);
  proto.set_database_bytes(estimate.database_bytes);
  proto.set_host(HostName(estimate.host));
  if (estimate.free_bytes) proto.set_free_bytes(*estimate.free_bytes);
  if (estimate.duration) *proto.mutable_duration() = ToProto(*estimate.duration);
  if (!estimate.measured_with.empty())
    proto.set_measured_with(BackupName(estimate.tenant, estimate.measured_with));
  return proto;
}

}  // namespace croft::wire
