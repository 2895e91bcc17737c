// Implements BackupPolicyService.

#include "controlplane/handlers/backup_policies.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/backup_policy.h"

namespace croft::handlers {

Service BackupPolicyHandlers::service() {
  Service service("croft.v1.BackupPolicyService");
  service.Unary("SetBackupPolicy", *this, &BackupPolicyHandlers::SetBackupPolicy);
  service.Unary("GetBackupPolicy", *this, &BackupPolicyHandlers::GetBackupPolicy);
  service.Unary("ListBackupPolicies", *this, &BackupPolicyHandlers::ListBackupPolicies);
  service.Unary("DeleteBackupPolicy", *this, &BackupPolicyHandlers::DeleteBackupPolicy);
  return service;
}

template <typename Request>
BackupPolicyHandlers::Policy BackupPolicyHandlers::Change(const RequestContext& context,
                                                          const Request& request) {
  CROFT_ASSIGN_OR_RETURN(auto body, wire::Parse(request));
  const std::string id = body.policy;
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* policy = std::get_if<domain::BackupPolicy>(&answer);
  // Gone since a call of this request id changed it.
  if (policy == nullptr) return domain::BackupPolicyNotFound(id);
  CROFT_ASSIGN_OR_RETURN(const int64_t tenants, catalog_.CountTenants());
  return wire::ToProto(*policy, tenants);
}

BackupPolicyHandlers::Policy BackupPolicyHandlers::SetBackupPolicy(
    const RequestContext& context, const v1::SetBackupPolicyRequest& request) {
  return Change(context, request);
}

BackupPolicyHandlers::Policy BackupPolicyHandlers::DeleteBackupPolicy(
    const RequestContext& context, const v1::DeleteBackupPolicyRequest& request) {
  return Change(context, request);
}

BackupPolicyHandlers::Policy BackupPolicyHandlers::GetBackupPolicy(
    const RequestContext&, const v1::GetBackupPolicyRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::BackupPolicy> policies, catalog_.ListBackupPolicies());
  CROFT_ASSIGN_OR_RETURN(const int64_t tenants, catalog_.CountTenants());
  for (const domain::BackupPolicy& policy : policies) {
    if (policy.id == id) return wire::ToProto(policy, tenants);
  }
  return domain::BackupPolicyNotFound(id);
}

absl::StatusOr<v1::ListBackupPoliciesResponse> BackupPolicyHandlers::ListBackupPolicies(
    const RequestContext&, const v1::ListBackupPoliciesRequest&) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::BackupPolicy> policies, catalog_.ListBackupPolicies());
  CROFT_ASSIGN_OR_RETURN(const int64_t tenants, catalog_.CountTenants());
  v1::ListBackupPoliciesResponse response;
  for (const domain::BackupPolicy& policy : policies)
    *response.add_policies() = wire::ToProto(policy, tenants);
  return response;
}

}  // namespace croft::handlers
