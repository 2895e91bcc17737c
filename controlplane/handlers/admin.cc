// Implements AdminService.

#include "controlplane/handlers/admin.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/fleet_repair.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/fleet_check.h"

namespace croft::handlers {
namespace {

absl::Status CheckRepairIds(const v1::RepairFleetRequest& request) {
  for (int i = 0; i < request.repairs_size(); ++i) {
    if (!domain::CanBeRepairId(request.repairs(i))) {
      return InvalidField(absl::StrCat("repairs[", i, "]"),
                          "must be the id of a repair as RepairFleet shows it with validate_only");
    }
  }
  return absl::OkStatus();
}

void Tell(const domain::Attention& attention, v1::GetStatusResponse& response) {
  v1::Attention& added = *response.add_attention();
  added.set_subject(attention.subject);
  added.set_message(attention.message);
  added.set_remedy(attention.remedy);
}

}  // namespace

Service AdminHandlers::service() {
  Service service("croft.v1.AdminService");
  service.Unary("GetStatus", *this, &AdminHandlers::GetStatus);
  service.Unary("CheckFleet", *this, &AdminHandlers::CheckFleet);
  service.Unary("RepairFleet", *this, &AdminHandlers::RepairFleet);
  service.ServerStream("BackupCatalog", *this, &AdminHandlers::BackupCatalog);
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
  const FleetFindings::Summary fleet = findings_.Summarize();
  if (fleet.time) *response.mutable_fleet_check_time() = wire::ToProto(*fleet.time);
  response.set_fleet_problem_count(fleet.problems);
  if (fleet.problems > 0) {
    Tell({"fleet", absl::StrCat("hosts differ from the catalog in ", fleet.problems, " places"),
          "croftctl admin check-fleet names each, and what helps"},
         response);
  }
  for (const domain::Attention& one : examine_()) Tell(one, response);
  return response;
}

absl::StatusOr<v1::CheckFleetResponse> AdminHandlers::CheckFleet(const RequestContext& context,
                                                                 const v1::CheckFleetRequest&) {
  CROFT_ASSIGN_OR_RETURN(const FleetChecker::FleetReport report, checker_.CheckAll(context.deadline));
  v1::CheckFleetResponse response;
  for (const domain::FleetFinding& finding : report.findings) {
    *response.add_findings() = wire::ToProto(finding);
  }
  *response.mutable_check_time() = wire::ToProto(report.time);
  response.set_hosts_checked(report.hosts_checked);
  response.set_stores_checked(report.stores_checked);
  response.set_tenants_checked(report.tenants_checked);
  for (const std::string& tenant : report.busy) response.add_tenants_busy(TenantName(tenant));
  return response;
}

// Each repair is a request of its own: one that is refused does not keep the others back. A repeat of the whole finds
// nothing left to fix, so the request's id is not theirs.
absl::StatusOr<v1::RepairFleetResponse> AdminHandlers::RepairFleet(const RequestContext& context,
                                                                   const v1::RepairFleetRequest& request) {
  CROFT_RETURN_IF_ERROR(CheckRepairIds(request));
  CROFT_ASSIGN_OR_RETURN(const FleetChecker::RepairView checked,
                         checker_.CheckForRepairs(context.deadline));
  const domain::RepairPlan plan = domain::PlanRepairs(checked.check, checked.catalog, checked.fleet);
  const std::set<std::string> wanted(request.repairs().begin(), request.repairs().end());
  engine::Caller caller = context.caller;
  caller.request_id.clear();
  v1::RepairFleetResponse response;
  for (const domain::FleetRepair& repair : plan.repairs) {
    if (!wanted.empty() && wanted.count(repair.Id()) == 0) continue;
    Repair(caller, repair, *response.add_repairs());
  }
  for (const domain::FleetFinding& finding : plan.left) *response.add_left() = wire::ToProto(finding);
  return response;
}

void AdminHandlers::Repair(const engine::Caller& caller, const domain::FleetRepair& repair,
                           v1::FleetRepair& result) {
  result.set_id(repair.Id());
  result.set_tenant(TenantName(repair.tenant));
  if (!repair.host.empty()) result.set_host(HostName(repair.host));
  result.set_description(repair.description);
  const absl::StatusOr<engine::Answer> answer = event_queue_.Call(
      caller, engine::RepairTenant{.operation = secrets_.NewOperationId(), .repair = repair});
  if (!answer.ok()) {
    result.set_problem(std::string(answer.status().message()));
  } else if (const auto* operation = std::get_if<domain::Operation>(&*answer);
             operation != nullptr && !caller.validate_only) {
    result.set_operation(OperationName(operation->id));
  }
}

absl::StatusOr<std::unique_ptr<Feed<v1::BackupCatalogResponse>>> AdminHandlers::BackupCatalog(
    const RequestContext&, const v1::BackupCatalogRequest&, Wake) {
  CROFT_ASSIGN_OR_RETURN(std::shared_ptr<const CatalogCopy> copy, copier_.Copy());
  return NewCopyFeed(std::move(copy));
}

}  // namespace croft::handlers
