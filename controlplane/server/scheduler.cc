// Hands schedules whose time has come to the engine.

#include "controlplane/server/scheduler.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/log.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/handlers/campaigns.h"

namespace croft::server {
namespace {

constexpr int32_t kRowsInACut = 1000;

// Said at the first try after a refusal, so that what is only busy for a moment is not.
void SayWhyItWaits(const domain::Schedule& schedule) {
  if (schedule.refusals != 1) return;
  log::Warning("what is due has to wait", {{"schedule", std::string(NameOf(schedule.key.kind))},
                                           {"resource", schedule.key.resource},
                                           {"error", schedule.refusal_message}});
}

}  // namespace

Scheduler::Scheduler(catalog::Catalog& catalog, engine::EventQueue& event_queue,
                     const handlers::SecretMaker& secrets, const Clock& clock,
                     const domain::SchedulePolicy& policy, Sign sign, catalog::IsSigned is_signed)
    : catalog_(catalog),
      event_queue_(event_queue),
      secrets_(secrets),
      clock_(clock),
      sign_(std::move(sign)),
      is_signed_(std::move(is_signed)),
      policy_(policy) {}

Scheduler::~Scheduler() { Stop(); }

void Scheduler::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Scheduler::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Scheduler::SetPolicy(const domain::SchedulePolicy& policy) {
  const MutexLock lock(mutex_);
  policy_ = policy;
}

void Scheduler::Run() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, kInterval);
      if (stopping_) return;
    }
    LookOnce();
  }
}

void Scheduler::LookOnce() {
  const auto due = catalog_.DueSchedules(clock_.Now(), kAtOnce);
  if (!due.ok()) {
    log::Error("the schedules that are due cannot be read", {{"error", log::Text(due.status())}});
    return;
  }
  std::vector<engine::Event> events;
  for (const domain::Schedule& schedule : *due) {
    SayWhyItWaits(schedule);
    events.push_back(engine::ScheduleDue{.key = schedule.key, .request = RequestOf(schedule.key)});
  }
  event_queue_.PostAll(std::move(events));
}

absl::StatusOr<engine::RequestBody> Scheduler::RequestOf(const domain::ScheduleKey& key) {
  switch (key.kind) {
    case domain::ScheduleKind::kExpire: return Retirement(key.resource);
    case domain::ScheduleKind::kPurge: return Purge(key.resource);
    case domain::ScheduleKind::kBackUp: return Backup(key.resource);
    case domain::ScheduleKind::kProve: return Proof(key.resource);
    case domain::ScheduleKind::kPruneBackups: return Pruning(key.resource);
    case domain::ScheduleKind::kCopyBackups: return Copying(key.resource);
    case domain::ScheduleKind::kCompare: return Comparison(key.resource);
    case domain::ScheduleKind::kPruneOperations: return engine::PruneOperations();
    case domain::ScheduleKind::kPruneRequests: return engine::PruneRequests();
    case domain::ScheduleKind::kPruneAudit: return Cut();
    case domain::ScheduleKind::kPruneEvents: return engine::PruneEvents();
    case domain::ScheduleKind::kContinue: return NextChildren(key.resource);
    case domain::ScheduleKind::kFollowPolicies: return engine::FollowPolicies();
  }
  return absl::InternalError("this kind of schedule has no request");
}

absl::StatusOr<engine::RequestBody> Scheduler::Retirement(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseTenantName(resource, "resource"));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  if (!tenant) return domain::TenantNotFound(id);
  engine::RetireTenant request{.operation = secrets_.NewOperationId(), .tenant = id};
  CROFT_ASSIGN_OR_RETURN(request.final_backup, secrets_.PrepareBackup(tenant->uid));
  return request;
}

absl::StatusOr<engine::RequestBody> Scheduler::Purge(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseTenantName(resource, "resource"));
  return engine::PurgeTenant{.operation = secrets_.NewOperationId(), .tenant = id, .confirmed = true};
}

absl::StatusOr<engine::RequestBody> Scheduler::Backup(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseTenantName(resource, "resource"));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  if (!tenant) return domain::TenantNotFound(id);
  engine::CreateBackup request{
      .operation = secrets_.NewOperationId(), .tenant = id, .origin = domain::BackupOrigin::kScheduled};
  CROFT_ASSIGN_OR_RETURN(request.backup, secrets_.PrepareBackup(tenant->uid));
  return request;
}

absl::StatusOr<engine::RequestBody> Scheduler::Pruning(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseTenantName(resource, "resource"));
  return engine::PruneBackups{.operation = secrets_.NewOperationId(), .tenant = id};
}

absl::StatusOr<engine::RequestBody> Scheduler::Copying(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseTenantName(resource, "resource"));
  return engine::CopyBackups{.operation = secrets_.NewOperationId(), .tenant = id};
}

absl::StatusOr<engine::RequestBody> Scheduler::Proof(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(std::string id, ParseTenantName(resource, "resource"));
  return engine::ProveNewestBackup{.operation = secrets_.NewOperationId(), .tenant = std::move(id)};
}

absl::StatusOr<engine::RequestBody> Scheduler::Comparison(const std::string& resource) const {
  CROFT_ASSIGN_OR_RETURN(const std::string id, ParseHostName(resource, "resource"));
  return engine::CompareHost{.host = id};
}

absl::StatusOr<engine::RequestBody> Scheduler::NextChildren(const std::string& resource) const {
  return handlers::ChooseChildren(catalog_, resource, [this](const auto& campaign, const auto& tenant) {
    return ChildOf(campaign, tenant);
  });
}

absl::StatusOr<engine::ChildRequest> Scheduler::ChildOf(const domain::CampaignDetails& campaign,
                                                        const domain::Tenant& tenant) const {
  const std::string id = secrets_.NewOperationId();
  switch (campaign.child_kind) {
    case domain::OperationKind::kVerify:
      return engine::ProveNewestBackup{.operation = id, .tenant = tenant.id};
    case domain::OperationKind::kRotate:
      return engine::RotateCredentials{.operation = id,
                                       .tenant = tenant.id,
                                       .overlap = campaign.overlap,
                                       .credentials = secrets_.NewCredentials(tenant.uid)};
    case domain::OperationKind::kBackUp: {
      engine::CreateBackup request{.operation = id, .tenant = tenant.id};
      CROFT_ASSIGN_OR_RETURN(request.backup, secrets_.PrepareBackup(tenant.uid));
      return request;
    }
    default: break;
  }
  return absl::InternalError(absl::StrCat("a campaign asks for ", domain::NameOf(campaign.child_kind),
                                          ", which it cannot ask of tenants"));
}

// The oldest rows that are old enough, as many as one transaction takes. What was changed from outside is not cut: it would
// be signed for, and nobody could see it any more.
absl::StatusOr<engine::RequestBody> Scheduler::Cut() {
  CROFT_ASSIGN_OR_RETURN(catalog::ProvenAudit proven, catalog::BeginningOfAudit(catalog_, is_signed_));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::AuditRow> rows,
                         catalog_.ListAudit(proven.head.sequence, kRowsInACut));
  const absl::Time now = clock_.Now();
  absl::Duration kept;
  {
    const MutexLock lock(mutex_);
    kept = policy_.keep_audit;
  }
  engine::PruneAudit request;
  for (const domain::AuditRow& row : rows) {
    if (row.event.time >= now - kept) break;
    CROFT_RETURN_IF_ERROR(catalog::CheckAuditRow(proven.head, row));
    proven.head = {row.sequence, row.hash};
    request.cut = {.head = proven.head,
                   .time = row.event.time,
                   .cut_time = absl::FromUnixMicros(absl::ToUnixMicros(now))};
  }
  if (!request.cut) return request;
  CROFT_ASSIGN_OR_RETURN(request.cut->signature, sign_(catalog::TextOf(*request.cut)));
  return request;
}

}  // namespace croft::server
