// CAMPAIGN: does the same to many tenants, by an operation for each, its child.
//
// A schedule asks for the next children as long as its width has room for some. Which these are is looked up, and their
// secrets are made, before the event; here they are held against what is true by then. So a commit makes a few children
// however many tenants there are, and a restarted control plane goes on from the last commit.
//
// Tenants are taken in the order of ids, and the id that was reached is stored with the children that were made: none is
// taken twice. A tenant that is busy waits aside and is tried again until the campaign's time is over. One that cannot have
// a child for another reason counts as failed. A cancel begins no more and leaves the children that run alone: a backup that
// is nearly done is worth more than none, and each can be cancelled by itself.

#include <algorithm>
#include <string>
#include <variant>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "common/utf8.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/audit_rows.h"
#include "controlplane/operations/kinds.h"

namespace croft::operations {
namespace {

using domain::CampaignDetails;
using domain::Operation;
using domain::OperationState;

// So many busy tenants are remembered; more of them fail.
constexpr size_t kMostWaiting = 100;
constexpr absl::Duration kUntilBusyOnesAreTriedAgain = absl::Seconds(15);
// A look for the case that nothing else moves it on.
constexpr absl::Duration kLatestLook = absl::Minutes(10);
// Of a reason that is kept with the campaign.
constexpr size_t kLongestReason = 500;

domain::ScheduleKey ScheduleOf(const std::string& operation) {
  return {domain::ScheduleKind::kContinue, OperationName(operation)};
}

CampaignDetails& DetailsOf(Operation& campaign) { return domain::Details<CampaignDetails>(campaign); }

bool HasSpentItsBudget(const CampaignDetails& details) { return details.failed >= details.max_failures; }

bool BeginsNoMore(const Draft& draft, Operation& campaign) {
  return domain::Ended(campaign) || campaign.cancel_requested || HasSpentItsBudget(DetailsOf(campaign)) ||
         draft.now() >= campaign.deadline;
}

bool HasTenantsLeft(const CampaignDetails& details) {
  return !details.all_taken || !details.waiting.empty();
}

bool MayBeginOne(const Draft& draft, Operation& campaign) {
  const CampaignDetails& details = DetailsOf(campaign);
  return details.running < details.width && !BeginsNoMore(draft, campaign);
}

domain::OperationError WhyItStopped(const CampaignDetails& details) {
  const std::string counts = absl::StrCat(details.failed, " of ", details.total, " tenants failed");
  if (!HasTenantsLeft(details)) return {absl::StatusCode::kAborted, "CHILDREN_FAILED", counts};
  const std::string left = absl::StrCat("; ", domain::NotBegun(details), " were not begun");
  if (HasSpentItsBudget(details)) return {absl::StatusCode::kAborted, "TOO_MANY_FAILURES", counts + left};
  return {absl::StatusCode::kDeadlineExceeded, "OPERATION_DEADLINE_EXCEEDED",
          absl::StrCat("not done in time; ", counts, left)};
}

void End(Draft& draft, Operation& campaign) {
  const CampaignDetails& details = DetailsOf(campaign);
  campaign.end_time = draft.now();
  if (campaign.cancel_requested) {
    campaign.state = OperationState::kCancelled;
    campaign.error = {absl::StatusCode::kCancelled, "CANCELLED",
                      absl::StrCat("cancelled by request; ", domain::NotBegun(details), " were not begun")};
  } else if (details.failed > 0 || HasTenantsLeft(details)) {
    campaign.state = OperationState::kFailed;
    campaign.error = WhyItStopped(details);
  } else {
    campaign.state = OperationState::kSucceeded;
  }
  draft.Record(catalog::DeleteSchedule{ScheduleOf(campaign.id)});
}

absl::Time NextLook(const Draft& draft, Operation& campaign) {
  const CampaignDetails& details = DetailsOf(campaign);
  if (MayBeginOne(draft, campaign)) {
    if (!details.all_taken) return draft.now();
    if (!details.waiting.empty()) return draft.now() + kUntilBusyOnesAreTriedAgain;
  }
  return std::max(campaign.deadline, draft.now() + kLatestLook);
}

// Ends it when there is nothing left to do or to wait for, or says when it is to be looked at.
void GoOn(Draft& draft, Operation& campaign) {
  if (domain::Ended(campaign)) return;
  const CampaignDetails& details = DetailsOf(campaign);
  if (details.running == 0 && (!HasTenantsLeft(details) || BeginsNoMore(draft, campaign)))
    return End(draft, campaign);
  draft.Record(
      catalog::PutSchedule{{.key = ScheduleOf(campaign.id), .next_time = NextLook(draft, campaign)}});
}

void CountFailure(Operation& campaign, const std::string& tenant, const std::string& reason,
                  const std::string& message) {
  DetailsOf(campaign).failed += 1;
  campaign.warnings = domain::Together(campaign.warnings,
                                       domain::Bounded({{.reason = reason,
                                                         .object = TenantName(tenant),
                                                         .message = Presentable(message, kLongestReason)}},
                                                       1));
}

void OnChildEnded(Draft& draft, Operation& campaign, const Operation& child) {
  CampaignDetails& details = DetailsOf(campaign);
  details.running -= 1;
  if (child.state == OperationState::kSucceeded) {
    details.succeeded += 1;
  } else {
    const domain::OperationError error = child.error.value_or(domain::OperationError());
    CountFailure(campaign, child.tenant, error.reason,
                 absl::StrCat(OperationName(child.id), ": ", error.message));
  }
  GoOn(draft, campaign);
}

const char* MethodOf(const engine::CreateBackup&) { return "BackupService/CreateBackup"; }
const char* MethodOf(const engine::ProveNewestBackup&) { return "BackupService/VerifyBackup"; }
const char* MethodOf(const engine::RotateCredentials&) { return "TenantService/RotateCredentials"; }

// As the campaign's caller would have begun it, and recorded like that.
absl::Status BeginChild(Draft& draft, const Operation& campaign, const engine::ChildRequest& request) {
  const Caller caller{.name = campaign.caller,
                      .peer = "local",
                      .method = std::visit([](const auto& one) { return MethodOf(one); }, request),
                      .traceparent = campaign.traceparent,
                      .parent = campaign.id};
  const engine::RequestBody body =
      std::visit([](const auto& one) { return engine::RequestBody(one); }, request);
  CROFT_ASSIGN_OR_RETURN(const Subject subject, draft.rules().Handle(draft, caller, body));
  if (subject.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "it has no backup that can be proven",
                     {.reason = "BACKUP_NOT_FOUND"});
  }
  for (catalog::AppendAudit& row : engine::AuditRows(draft, caller, body, subject, {}))
    draft.Record(std::move(row));
  return absl::OkStatus();
}

void OnRefusal(Operation& campaign, const std::string& tenant, const absl::Status& why) {
  CampaignDetails& details = DetailsOf(campaign);
  const std::string reason = croft::DetailsOf(why).reason;
  // Purged since it was selected.
  if (reason == "TENANT_NOT_FOUND") {
    details.total -= 1;
  } else if (reason == "TENANT_BUSY" && details.waiting.size() < kMostWaiting) {
    details.waiting.push_back(tenant);
  } else {
    CountFailure(campaign, tenant, reason, std::string(why.message()));
  }
}

void Take(Draft& draft, Operation& campaign, const engine::CampaignChild& child) {
  // Before it begins, since it may end at once.
  DetailsOf(campaign).running += 1;
  const absl::Status begun =
      child.request.ok() ? BeginChild(draft, campaign, *child.request) : child.request.status();
  if (!begun.ok()) {
    DetailsOf(campaign).running -= 1;
    OnRefusal(campaign, child.tenant, begun);
  }
  // Tenants can come into a selection by a new label after they were counted.
  CampaignDetails& details = DetailsOf(campaign);
  details.total -= std::min(domain::NotBegun(details), 0);
}

void TakeWaiting(Draft& draft, Operation& campaign, const std::vector<engine::CampaignChild>& children) {
  for (const engine::CampaignChild& child : children) {
    if (!MayBeginOne(draft, campaign)) return;
    // One that is busy still comes last.
    if (std::erase(DetailsOf(campaign).waiting, child.tenant) > 0) Take(draft, campaign, child);
  }
}

void TakeNext(Draft& draft, Operation& campaign, const engine::ContinueCampaign& request) {
  if (request.taken_up_to != DetailsOf(campaign).taken_up_to || DetailsOf(campaign).all_taken) return;
  for (const engine::CampaignChild& child : request.next) {
    if (!MayBeginOne(draft, campaign)) return;
    DetailsOf(campaign).taken_up_to = child.tenant;
    Take(draft, campaign, child);
  }
  DetailsOf(campaign).taken_up_to = request.looked_up_to;
  DetailsOf(campaign).all_taken = request.all;
}

std::string Target(const Operation& campaign) {
  return campaign.host.empty() ? "fleet" : HostName(campaign.host);
}

}  // namespace

constinit const Kind kCampaign = {.id = domain::OperationKind::kCampaign,
                                  .timeout = absl::Hours(24 * 7),
                                  .go_on = GoOn,
                                  .child_ended = OnChildEnded,
                                  .target = Target};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::StartCampaign& request) {
  if (!request.host.empty() && draft.FindHost(request.host) == nullptr)
    return domain::HostNotFound(request.host);
  Operation campaign;
  campaign.id = request.operation;
  campaign.kind = kCampaign.id;
  campaign.host = request.host;
  campaign.caller = caller.name;
  campaign.traceparent = caller.traceparent;
  campaign.create_time = draft.now();
  campaign.deadline = draft.now() + kCampaign.timeout;
  campaign.details = CampaignDetails{.child_kind = request.child_kind,
                                     .filter = request.filter,
                                     .width = request.width,
                                     .max_failures = request.max_failures,
                                     .overlap = request.overlap,
                                     .total = request.total};
  GoOn(draft, draft.Add(std::move(campaign)));
  return OperationName(request.operation);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const engine::ContinueCampaign& request) {
  Operation* campaign = draft.FindOperation(request.operation);
  if (campaign == nullptr || domain::Ended(*campaign)) {
    draft.Record(catalog::DeleteSchedule{ScheduleOf(request.operation)});
    return Subject();
  }
  TakeWaiting(draft, *campaign, request.waiting);
  TakeNext(draft, *campaign, request);
  GoOn(draft, *campaign);
  return Subject();
}

}  // namespace croft::operations
