// Implements BackupService.

#include "controlplane/handlers/backups.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/handlers/backup_report.h"
#include "controlplane/wire/backup.h"
#include "controlplane/wire/backup_plan.h"
#include "controlplane/wire/requests.h"

namespace croft::handlers {
namespace {

// Plans in a page, each of which costs some looks into the catalog and may name a thousand backups.
constexpr int32_t kMostPlans = 100;
constexpr int64_t kTenantsLookedAt = 3'000;

}  // namespace

Service BackupHandlers::service() {
  Service service("croft.v1.BackupService");
  service.Unary("CreateBackup", *this, &BackupHandlers::CreateBackup);
  service.Unary("GetBackup", *this, &BackupHandlers::GetBackup);
  service.Unary("ListBackups", *this, &BackupHandlers::ListBackups);
  service.Unary("VerifyBackup", *this, &BackupHandlers::VerifyBackup);
  service.Unary("CopyBackup", *this, &BackupHandlers::CopyBackup);
  service.Unary("DeleteBackup", *this, &BackupHandlers::DeleteBackup);
  service.Unary("HoldBackup", *this, &BackupHandlers::HoldBackup);
  service.Unary("ReleaseBackup", *this, &BackupHandlers::ReleaseBackup);
  service.Unary("ListBackupPlans", *this, &BackupHandlers::ListBackupPlans);
  service.ServerStream("ReportBackups", *this, &BackupHandlers::ReportBackups);
  service.ServerStream("ExportBackup", exporter_, &BackupExporter::ExportBackup);
  return service;
}

absl::StatusOr<v1::Operation> BackupHandlers::CreateBackup(const RequestContext& context,
                                                           const v1::CreateBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CreateBackup body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(body.tenant));
  // Without a tenant there is nothing to prepare; the engine says what that means.
  if (tenant && tenant->state != domain::TenantState::kPurged) {
    CROFT_ASSIGN_OR_RETURN(body.backup, secrets_.PrepareBackup(tenant->uid));
  }
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Backup> BackupHandlers::GetBackup(const RequestContext&,
                                                     const v1::GetBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const BackupId name, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(std::optional<domain::Backup> backup,
                         catalog_.GetBackup(name.tenant, name.backup));
  if (!backup) {
    CROFT_ASSIGN_OR_RETURN(backup, FindByGivenName(name.tenant, name.backup));
  }
  if (!backup) return domain::BackupNotFound(BackupName(name.tenant, name.backup));
  return wire::ToProto(*backup);
}

absl::StatusOr<std::optional<domain::Backup>> BackupHandlers::FindByGivenName(
    const std::string& tenant, const std::string& given_name) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog_.ListBackups(tenant, {}, std::numeric_limits<int32_t>::max()));
  const domain::Backup* found = domain::FindByGivenName(given_name, backups);
  return found == nullptr ? std::optional<domain::Backup>() : *found;
}

namespace {

// Which tenants' rows the caller may see, each asked once.
class Visibility {
 public:
  Visibility(catalog::Catalog& catalog, const RequestContext& context)
      : catalog_(catalog), context_(context) {}

  absl::StatusOr<bool> Sees(const std::string& id) {
    const auto known = seen_.find(id);
    if (known != seen_.end()) return known->second;
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
    const bool sees =
        policy_.Sees(context_.principal, context_.caller.method, id, tenant ? &tenant->labels : nullptr);
    seen_.emplace(id, sees);
    return sees;
  }

 private:
  catalog::Catalog& catalog_;
  const RequestContext& context_;
  const access::Policy policy_{};
  std::map<std::string, bool> seen_;
};

}  // namespace

absl::StatusOr<v1::ListBackupsResponse> BackupHandlers::ListBackups(const RequestContext& context,
                                                                    const v1::ListBackupsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::BackupQuery query, wire::Parse(request, tokens_));
  if (!query.tenant.empty()) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(query.tenant));
    if (!tenant || tenant->state == domain::TenantState::kPurged)
      return domain::TenantNotFound(query.tenant);
  }
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> rows,
                         catalog_.ListBackups(query.tenant, query.after, query.limit));
  v1::ListBackupsResponse response;
  Visibility sight(catalog_, context);
  for (const domain::Backup& row : rows) {
    CROFT_ASSIGN_OR_RETURN(const bool sees, sight.Sees(row.tenant));
    if (sees) *response.add_backups() = wire::ToProto(row);
  }
  if (rows.size() == static_cast<size_t>(query.limit)) {
    response.set_next_page_token(
        wire::NextPageToken(request, tokens_, {rows.back().id, rows.back().tenant}));
  }
  return response;
}

absl::StatusOr<v1::Operation> BackupHandlers::VerifyBackup(const RequestContext& context,
                                                           const v1::VerifyBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::VerifyBackup body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Operation> BackupHandlers::CopyBackup(const RequestContext& context,
                                                         const v1::CopyBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CopyBackup body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Operation> BackupHandlers::DeleteBackup(const RequestContext& context,
                                                           const v1::DeleteBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::DeleteBackup body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

template <typename Request>
absl::StatusOr<v1::Backup> BackupHandlers::Change(const RequestContext& context, const Request& request) {
  CROFT_ASSIGN_OR_RETURN(auto body, wire::Parse(request));
  const std::string name = BackupName(body.tenant, body.backup);
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* backup = std::get_if<domain::Backup>(&answer);
  // Deleted since a call of this request id changed it.
  return backup == nullptr ? absl::StatusOr<v1::Backup>(domain::BackupNotFound(name))
                           : wire::ToProto(*backup);
}

absl::StatusOr<v1::Backup> BackupHandlers::HoldBackup(const RequestContext& context,
                                                      const v1::HoldBackupRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::Backup> BackupHandlers::ReleaseBackup(const RequestContext& context,
                                                         const v1::ReleaseBackupRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::BackupPlan> BackupHandlers::PlanOf(const domain::Tenant& tenant,
                                                      const std::vector<domain::BackupPolicy>& policies) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog_.ListBackups(tenant.id, {}, std::numeric_limits<int32_t>::max()));
  domain::BackupSchedules schedules;
  const auto read = [&](domain::ScheduleKind kind, std::optional<domain::Schedule>& into) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(into, catalog_.GetSchedule({kind, TenantName(tenant.id)}));
    return absl::OkStatus();
  };
  CROFT_RETURN_IF_ERROR(read(domain::ScheduleKind::kBackUp, schedules.backup));
  CROFT_RETURN_IF_ERROR(read(domain::ScheduleKind::kProve, schedules.proof));
  CROFT_RETURN_IF_ERROR(read(domain::ScheduleKind::kPruneBackups, schedules.pruning));
  CROFT_RETURN_IF_ERROR(read(domain::ScheduleKind::kPurge, schedules.purge));
  const domain::PolicyInForce policy = domain::InForce(tenant, policies);
  return wire::ToProto(tenant, policy, domain::PlanOf(tenant, policy, backups, schedules));
}

absl::StatusOr<v1::ListBackupPlansResponse> BackupHandlers::ListBackupPlans(
    const RequestContext& context, const v1::ListBackupPlansRequest& request) {
  CROFT_ASSIGN_OR_RETURN(wire::BackupPlanQuery query, wire::Parse(request, tokens_));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::BackupPolicy> policies, catalog_.ListBackupPolicies());
  v1::ListBackupPlansResponse response;
  if (!query.tenant.empty()) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(query.tenant));
    if (!tenant || tenant->state == domain::TenantState::kPurged)
      return domain::TenantNotFound(query.tenant);
    CROFT_ASSIGN_OR_RETURN(*response.add_plans(), PlanOf(*tenant, policies));
    return response;
  }
  query.tenants.limit = std::min(query.tenants.limit, kMostPlans);
  query.tenants.most_read = kTenantsLookedAt;
  CROFT_ASSIGN_OR_RETURN(const catalog::TenantPage page, catalog_.ListTenants(query.tenants));
  const access::Policy policy;
  for (const domain::Tenant& tenant : page.tenants) {
    if (!policy.Sees(context.principal, context.caller.method, tenant.id, &tenant.labels)) continue;
    CROFT_ASSIGN_OR_RETURN(*response.add_plans(), PlanOf(tenant, policies));
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  if (page.next_after)
    response.set_next_page_token(wire::NextPageToken(request, tokens_, *page.next_after));
  return response;
}

absl::StatusOr<std::unique_ptr<Feed<v1::ReportBackupsResponse>>> BackupHandlers::ReportBackups(
    const RequestContext& context, const v1::ReportBackupsRequest& request, Wake) {
  return ReportOnBackups(context, request, catalog_, authority_, clock_);
}

}  // namespace croft::handlers
