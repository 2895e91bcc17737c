#include "controlplane/handlers/tenants.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <google/protobuf/arena.h>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/tenant_requests.h"

namespace croft::handlers {
namespace {

// Reads of the catalog for one page whose caller may not see all that is found.
constexpr int kMostLooks = 16;
// A page ends with the tenant that fills it, so that it takes milliseconds and every client takes it: over 4 MiB most do
// not, and the settings of one tenant may be 64 KiB.
constexpr size_t kPageBytes = 192 << 10;
constexpr int32_t kMostRows = 600;  // read at once; as many as usually fill a page
// Rows looked at for a page, at some 2 us each when every one is refused.
constexpr int64_t kMostRead = 3'000;

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
  service.Unary("RestoreTenant", *this, &TenantHandlers::RestoreTenant);
  service.Unary("RotateCredentials", *this, &TenantHandlers::RotateCredentials);
  return service;
}

absl::StatusOr<std::string> TenantHandlers::UidOf(const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  return tenant && tenant->state != domain::TenantState::kPurged ? tenant->uid : std::string();
}

template <typename Request>
absl::StatusOr<v1::Operation> TenantHandlers::Begin(const Context& context, const Request& request) {
  CROFT_ASSIGN_OR_RETURN(auto body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  return presenter_.ShowOperation(desk_.Ask(context.caller, std::move(body)), context);
}

namespace {

// Whether an answer of this code can hide that the request took effect all the same.
bool LeavesDoubt(absl::StatusCode code) {
  return code == absl::StatusCode::kCancelled || code == absl::StatusCode::kUnavailable ||
         code == absl::StatusCode::kInternal || code == absl::StatusCode::kDataLoss ||
         code == absl::StatusCode::kUnknown || code == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

absl::StatusOr<v1::Operation> TenantHandlers::AskForNewTenant(const Context& context,
                                                              engine::RequestBody body,
                                                              const std::string& operation,
                                                              const domain::Tenant& tenant) {
  const bool needs_key = !context.caller.validate_only;
  if (needs_key) CROFT_RETURN_IF_ERROR(secrets_.CreateDataKey(tenant));
  const absl::StatusOr<engine::Answer> answer = desk_.Ask(context.caller, std::move(body));
  const auto* begun = answer.ok() ? std::get_if<domain::Operation>(&*answer) : nullptr;
  const bool came_to_be =
      answer.ok() ? begun != nullptr && begun->id == operation : LeavesDoubt(answer.status().code());
  if (needs_key && !came_to_be) secrets_.ForgetDataKey(tenant.uid);
  return presenter_.ShowOperation(answer, context);
}

absl::StatusOr<v1::Operation> TenantHandlers::CreateTenant(const Context& context,
                                                           const v1::CreateTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CreateTenant body, wire::Parse(request));
  const std::string operation = body.operation = secrets_.NewOperationId();
  secrets_.Equip(body.tenant);
  const domain::Tenant tenant = body.tenant;
  return AskForNewTenant(context, std::move(body), operation, tenant);
}

absl::StatusOr<v1::Tenant> TenantHandlers::GetTenant(const Context&, const v1::GetTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
  if (!tenant || tenant->state == domain::TenantState::kPurged) return domain::TenantNotFound(id);
  return presenter_.Show(*tenant);
}

absl::StatusOr<grpc::ByteBuffer> TenantHandlers::ListTenants(const Context& context,
                                                             const v1::ListTenantsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(catalog::TenantQuery query, wire::Parse(request, tokens_));
  CROFT_ASSIGN_OR_RETURN(const Presenter::HostsById hosts, presenter_.Hosts());
  const access::Policy policy;
  query.most_read = kMostRead;
  const int32_t wanted = query.limit;
  // A thousand tenants are tens of thousands of pieces of memory, taken and given back at once here.
  google::protobuf::Arena arena;
  auto& response = *google::protobuf::Arena::CreateMessage<v1::ListTenantsResponse>(&arena);
  size_t bytes = 0;
  bool more = true;
  bool gap = true;
  // Rows that the caller may not see leave no gap, for as long as a page may take.
  for (int looks = 0; more && gap && bytes < kPageBytes && looks < kMostLooks; ++looks) {
    const int32_t left = wanted - response.tenants_size();
    query.limit = std::min(left, kMostRows);
    CROFT_ASSIGN_OR_RETURN(catalog::TenantPage found, catalog_.ListTenants(query));
    gap = query.limit < left && found.tenants.size() == static_cast<size_t>(query.limit);
    more = found.next_after.has_value();
    if (more) query.after_id = *std::move(found.next_after);
    for (const domain::Tenant& row : found.tenants) {
      if (!policy.Sees(context.principal, context.caller.method, row.id, &row.labels)) {
        gap = true;
        continue;
      }
      v1::Tenant& shown = *response.add_tenants();
      CROFT_RETURN_IF_ERROR(presenter_.Show(row, hosts, shown));
      bytes += shown.ByteSizeLong();
      if (bytes < kPageBytes) continue;
      more = more || &row != &found.tenants.back();
      query.after_id = row.id;
      break;
    }
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  if (more) response.set_next_page_token(wire::NextPageToken(request, tokens_, query.after_id));
  return Serialize(response);
}

absl::StatusOr<v1::Tenant> TenantHandlers::UpdateTenant(const Context& context,
                                                        const v1::UpdateTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::UpdateTenant body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  const std::string id = body.tenant;
  return presenter_.ShowTenant(desk_.Ask(context.caller, std::move(body)), id);
}

absl::StatusOr<v1::Operation> TenantHandlers::SuspendTenant(const Context& context,
                                                            const v1::SuspendTenantRequest& request) {
  return Begin(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::ResumeTenant(const Context& context,
                                                           const v1::ResumeTenantRequest& request) {
  return Begin(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::RetireTenant(const Context& context,
                                                           const v1::RetireTenantRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RetireTenant body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  CROFT_ASSIGN_OR_RETURN(const std::string uid, UidOf(body.tenant));
  if (!uid.empty()) {
    CROFT_ASSIGN_OR_RETURN(body.final_backup, secrets_.PrepareBackup(uid));
  }
  return presenter_.ShowOperation(desk_.Ask(context.caller, std::move(body)), context);
}

absl::StatusOr<v1::Operation> TenantHandlers::UndeleteTenant(const Context& context,
                                                             const v1::UndeleteTenantRequest& request) {
  return Begin(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::PurgeTenant(const Context& context,
                                                          const v1::PurgeTenantRequest& request) {
  return Begin(context, request);
}

absl::StatusOr<v1::Operation> TenantHandlers::RestoreTenant(const Context& context,
                                                            const v1::RestoreTenantRequest& request) {
  if (request.new_tenant_id().empty()) return Begin(context, request);
  CROFT_ASSIGN_OR_RETURN(engine::RestoreTenant body, wire::Parse(request));
  const std::string operation = body.operation = secrets_.NewOperationId();
  secrets_.Equip(*body.as_new);
  const domain::Tenant tenant = *body.as_new;
  return AskForNewTenant(context, std::move(body), operation, tenant);
}

absl::StatusOr<v1::Operation> TenantHandlers::RotateCredentials(
    const Context& context, const v1::RotateCredentialsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RotateCredentials body, wire::Parse(request));
  body.operation = secrets_.NewOperationId();
  CROFT_ASSIGN_OR_RETURN(const std::string uid, UidOf(body.tenant));
  body.credentials = secrets_.NewCredentials(uid);
  return presenter_.ShowOperation(desk_.Ask(context.caller, std::move(body)), context);
}

}  // namespace croft::handlers
