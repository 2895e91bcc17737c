#include "controlplane/handlers/admin.h"

#include <algorithm>
#include <vector>

#include "common/errors.h"
#include "controlplane/wire/fields.h"

namespace croft::handlers {

Service AdminHandlers::service() {
  Service service("croft.v1.AdminService");
  service.Unary("GetStatus", *this, &AdminHandlers::GetStatus);
  return service;
}

absl::StatusOr<v1::GetStatusResponse> AdminHandlers::GetStatus(const RequestContext& context,
                                                               const v1::GetStatusRequest&) {
  v1::GetStatusResponse response;
  response.set_version(version_);
  *response.mutable_start_time() = wire::ToProto(start_time_);
  const domain::Revision revision = catalog_.revision();
  response.mutable_revision()->set_epoch(revision.epoch);
  response.mutable_revision()->set_revision(revision.revision);
  CROFT_ASSIGN_OR_RETURN(const int64_t tenants, catalog_.CountTenants());
  response.set_tenant_count(tenants);
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog_.ListHosts());
  response.set_host_count(static_cast<int64_t>(hosts.size()));
  response.set_hosts_up(std::count_if(hosts.begin(), hosts.end(), [](const domain::Host& host) {
    return domain::StateOf(host) == domain::HostState::kUp;
  }));
  CROFT_ASSIGN_OR_RETURN(const int64_t running, catalog_.CountRunningOperations());
  response.set_operations_running(running);
  response.set_caller(context.principal.name);
  return response;
}

}  // namespace croft::handlers
