// Implements TenantService.

#include "controlplane/handlers/tenants.h"

#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/restore_estimate.h"
#include "controlplane/handlers/tenant_page.h"
#include "controlplane/wire/backup_policy.h"
#include "controlplane/wire/operation.h"
#include "controlplane/wire/tenant.h"
#include "controlplane/wire/tenant_requests.h"

namespace croft::handlers {
namespace {

// Reads of the catalog for one page whose caller may not see all that is found.
constexpr int kMaxCatalogReadsPerPage = 16;
// Rows looked at for a page, at some 2 us each when every one is refused.
constexpr int64_t kMaxRowsScanned = 3'000;

}  // namespace

Service TenantHandlers::service() {
  Service service("croft.v1.TenantService");
  service.Unary("CreateTenant", *this, &TenantHandlers::CreateTenant);
  service.Unary("GetTenant", *this, &TenantHandlers::GetTenant);
  service.Unary("ListTenants", *this, &TenantHandlers::ListTenants);
  service.Unary("UpdateTenant", *this, &TenantHandlers::UpdateTenant);
  service.Unary("SuspendTenant", *this, &TenantHandlers::SuspendTenant);
  service.Unary("ResumeTenant", *this, &TenantHandlers::ResumeTenant);
  service.Unary("RetireTenant", *this, &TenantHandlers::RetireTenant);
  service.Unary("UndeleteTenant", *this, &TenantHandlers::UndeleteTenant);
  service.Unary("PurgeTenant", *this, &TenantHandlers::PurgeTenant);
  service.Unary("GetErasure", *this, &TenantHandlers::GetErasure);
  service.Unary("RestoreTenant", *this, &TenantHandlers::RestoreTenant);
  service.Unary("UndoRestore", *this, &TenantHandlers::UndoRestore);
  service.Unary("RotateCredentials", *this, &TenantHandlers::RotateCredentials);
  return service;
}

absl::StatusOr<std::string> TenantHandlers::UidOf(const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  return tenant && tenant->state != domain::TenantState::kPurged ? tenant->uid : std::string();
}

template <typename Request>
absl::StatusOr<v1::Operation> TenantHandlers::Submit(const Context& context, const Request& request) {
  CROFT_ASSIGN_OR_RETURN(auto body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

namespace {

// Whether the request may have taken effect although it ended with this code.
bool OutcomeIsUnknown(absl::StatusCode code) {
  return code == absl::StatusCode::kCancelled || code == absl::StatusCode::kUnavailable ||
         code == absl::StatusCode::kInternal || code == absl::StatusCode::kDataLoss ||
         code == absl::StatusCode::kUnknown || code == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

absl::StatusOr<v1::Operation> TenantHandlers::SubmitNewTenant(const Context& context,
                                                              engine::RequestBody body,
                                                              const std::string& operation,
                                                              const domain::Tenant& tenant) {
  const bool needs_key = !context.caller.validate_only;
  if (needs_key) CROFT_RETURN_IF_ERROR(secrets_.CreateDataKey(tenant));
  const absl::StatusOr<engine::Answer> answer = event_queue_.Call(context.caller, std::move(body));
  const auto* begun = answer.ok() ? std::get_if<domain::Operation>(&*answer) : nullptr;
  const bool tenant_may_exist =
      answer.ok() ? begun != nullptr && begun->id == operation : OutcomeIsUnknown(answer.status().code());
  if (needs_key && !tenant_may_exist) secrets_.ForgetDataKey(tenant.uid);
  return presenter_.ShowOperation(answer, context);
}

absl::StatusOr<v1::Operation> TenantHandlers::CreateTenant(const Context& context,
                                                           const v1::CreateTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CreateTenant body, wire::Parse(request));
  const std::string operation = body.operation = secrets_.NewOperationId();
  secrets_.AssignUidAndLogins(body.tenant);
  const domain::Tenant tenant = body.tenant;
  return SubmitNewTenant(context, std::move(body), operation, tenant);
}

absl::StatusOr<v1::Tenant> TenantHandlers::GetTenant(const Context&, const v1::GetTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  if (!tenant || tenant->state == domain::TenantState::kPurged) return domain::TenantNotFound(id);
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::BackupPolicy> policies, catalog_.ListBackupPolicies());
  CROFT_ASSIGN_OR_RETURN(v1::Tenant shown, presenter_.Show(*tenant));
  *shown.mutable_backup_policy_in_force() = wire::ToProto(domain::InForce(*tenant, policies));
  return shown;
}

absl::StatusOr<v1::Erasure> TenantHandlers::GetErasure(const Context&,
                                                       const v1::GetErasureRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string tenant, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Erasure> erasure, catalog_.GetErasure(tenant));
  if (!erasure) return domain::ErasureNotFound(tenant);
  return wire::ToProto(*erasure);
}

absl::StatusOr<grpc::ByteBuffer> TenantHandlers::ListTenants(const Context& context,
                                                             const v1::ListTenantsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(catalog::TenantQuery query, wire::Parse(request, tokens_));
  CROFT_ASSIGN_OR_RETURN(Presenter::HostsById hosts, presenter_.Hosts());
  TenantPage page(context, presenter_, std::move(hosts), query.limit);
  query.most_read = kMaxRowsScanned;
  for (int reads = 0; !page.complete() && reads < kMaxCatalogReadsPerPage; ++reads) {
    if (page.next_after()) query.after_id = *page.next_after();
    query.limit = page.rows_wanted();
    CROFT_ASSIGN_OR_RETURN(const catalog::TenantPage found, catalog_.ListTenants(query));
    CROFT_RETURN_IF_ERROR(page.Add(found));
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  const std::optional<std::string>& last = page.next_after();
  return page.Finish(last ? wire::NextPageToken(request, tokens_, *last) : "");
}

absl::StatusOr<v1::Tenant> TenantHandlers::UpdateTenant(const Context& context,
                                                        const v1::UpdateTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::UpdateTenant body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  const std::string id = body.tenant;
  return presenter_.ShowTenant(event_queue_.Call(context.caller, std::move(body)), id);
}

absl::StatusOr<v1::Operation> TenantHandlers::SuspendTenant(const Context& context,
                                                            const v1::SuspendTenantRequest& request) {
  return Submit(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::ResumeTenant(const Context& context,
                                                           const v1::ResumeTenantRequest& request) {
  return Submit(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::RetireTenant(const Context& context,
                                                           const v1::RetireTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RetireTenant body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  CROFT_ASSIGN_OR_RETURN(const std::string uid, UidOf(body.tenant));
  if (!uid.empty()) {
    CROFT_ASSIGN_OR_RETURN(body.final_backup, secrets_.PrepareBackup(uid));
  }
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Operation> TenantHandlers::UndeleteTenant(const Context& context,
                                                             const v1::UndeleteTenantRequest& request) {
  return Submit(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::PurgeTenant(const Context& context,
                                                          const v1::PurgeTenantRequest& request) {
  return Submit(context, request);
}

absl::Status TenantHandlers::AddEstimate(const domain::Operation& planned, v1::Operation& shown) {
  const std::string& tenant = planned.source_tenant.empty() ? planned.tenant : planned.source_tenant;
  const std::string& host_id = planned.steps.front().host;
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Backup> backup,
                         catalog_.GetBackup(tenant, planned.backup));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(host_id));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog_.ListBackups(tenant, {}, std::numeric_limits<int32_t>::max()));
  // Deleted or removed a moment ago.
  if (!backup) return domain::BackupNotFound(BackupName(tenant, planned.backup));
  if (!host) return domain::HostNotFound(host_id);
  *shown.mutable_estimate() = wire::ToProto(domain::EstimateOf(*backup, backups, *host));
  return absl::OkStatus();
}

absl::StatusOr<v1::Operation> TenantHandlers::RestoreTenant(const Context& context,
                                                            const v1::RestoreTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RestoreTenant body, wire::Parse(request));
  if (context.caller.validate_only) {
    body.operation = secrets_.NewOperationId();
    if (body.as_new) secrets_.AssignUidAndLogins(*body.as_new);
    const absl::StatusOr<engine::Answer> answer = event_queue_.Call(context.caller, std::move(body));
    CROFT_ASSIGN_OR_RETURN(v1::Operation shown, presenter_.ShowOperation(answer, context));
    if (const auto* planned = std::get_if<domain::Operation>(&*answer))
      CROFT_RETURN_IF_ERROR(AddEstimate(*planned, shown));
    return shown;
  }
  if (!body.as_new) return Submit(context, request);
  const std::string operation = body.operation = secrets_.NewOperationId();
  secrets_.AssignUidAndLogins(*body.as_new);
  const domain::Tenant tenant = *body.as_new;
  return SubmitNewTenant(context, std::move(body), operation, tenant);
}

absl::StatusOr<v1::Operation> TenantHandlers::UndoRestore(const Context& context,
                                                          const v1::UndoRestoreRequest& request) {
  return Submit(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::RotateCredentials(
    const Context& context, const v1::RotateCredentialsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RotateCredentials body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  CROFT_ASSIGN_OR_RETURN(const std::string uid, UidOf(body.tenant));
  body.credentials = secrets_.NewCredentials(uid);
  return presenter_.ShowOperation(event_queue_.Call(context.caller, std::move(body)), context);
}

}  // namespace croft::handlers
