// Implements BackupService.

#include "controlplane/handlers/backups.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/backup.h"
#include "controlplane/wire/requests.h"

namespace croft::handlers {

Service BackupHandlers::service() {
  Service service("croft.v1.BackupService");
  service.Unary("CreateBackup", *this, &BackupHandlers::CreateBackup);
  service.Unary("GetBackup", *this, &BackupHandlers::GetBackup);
  service.Unary("ListBackups", *this, &BackupHandlers::ListBackups);
  service.Unary("VerifyBackup", *this, &BackupHandlers::VerifyBackup);
  service.Unary("DeleteBackup", *this, &BackupHandlers::DeleteBackup);
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
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Backup> backup,
                         catalog_.GetBackup(name.tenant, name.backup));
  if (!backup) return domain::BackupNotFound(BackupName(name.tenant, name.backup));
  return wire::ToProto(*backup);
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

absl::StatusOr<v1::Operation> BackupHandlers::DeleteBackup(const RequestContext& context,
                                                           const v1::DeleteBackupRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::DeleteBackup body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

}  // namespace croft::handlers
