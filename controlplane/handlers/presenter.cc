// Builds the resources that callers see.

#include "controlplane/handlers/presenter.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/host.h"
#include "controlplane/wire/operation.h"
#include "controlplane/wire/tenant.h"

namespace croft::handlers {
namespace {

const domain::Host* Find(const Presenter::HostsById& hosts, const std::string& id) {
  const auto found = hosts.find(id);
  return found == hosts.end() ? nullptr : &found->second;
}

}  // namespace

absl::StatusOr<v1::Operation> Presenter::Show(const domain::Operation& operation) const {
  const std::string id = wire::HostOfCurrentStep(operation);
  std::optional<domain::Host> host;
  if (!id.empty()) {
    CROFT_ASSIGN_OR_RETURN(host, catalog_.GetHost(id));
  }
  return wire::ToProto(operation, host ? &*host : nullptr, clock_.Now());
}

absl::StatusOr<std::vector<v1::Operation>> Presenter::Show(
    const std::vector<domain::Operation>& operations) const {
  CROFT_ASSIGN_OR_RETURN(const HostsById hosts, Hosts());
  std::vector<v1::Operation> shown;
  for (const domain::Operation& operation : operations) {
    shown.push_back(
        wire::ToProto(operation, Find(hosts, wire::HostOfCurrentStep(operation)), clock_.Now()));
  }
  return shown;
}

absl::StatusOr<v1::Tenant> Presenter::Show(const domain::Tenant& tenant) const {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(tenant.placement.host));
  v1::Tenant shown;
  CROFT_RETURN_IF_ERROR(Show(tenant, host ? &*host : nullptr, shown));
  return shown;
}

absl::StatusOr<Presenter::HostsById> Presenter::Hosts() const {
  CROFT_ASSIGN_OR_RETURN(std::vector<domain::Host> listed, catalog_.ListHosts());
  HostsById hosts;
  for (domain::Host& host : listed) {
    std::string id = host.id;
    hosts.emplace(std::move(id), std::move(host));
  }
  return hosts;
}

absl::Status Presenter::Show(const domain::Tenant& tenant, const HostsById& hosts,
                             v1::Tenant& shown) const {
  return Show(tenant, Find(hosts, tenant.placement.host), shown);
}

absl::Status Presenter::Show(const domain::Tenant& tenant, const domain::Host* host,
                             v1::Tenant& shown) const {
  const absl::Time now = clock_.Now();
  bool proven = false;
  if (wire::PurgeIsDue(tenant, now)) {
    CROFT_ASSIGN_OR_RETURN(proven, HasProvenBackup(tenant));
  }
  wire::WriteProto(tenant,
                   {.host = host,
                    .proven_backup = proven,
                    .fleet_problem = findings_.ProblemOf(tenant.id, tenant.update_time),
                    .now = now},
                   shown);
  return absl::OkStatus();
}

v1::Host Presenter::Show(const domain::Host& host) const {
  v1::Host shown = wire::ToProto(host);
  const std::optional<absl::Time> heard = last_heard_(host.id);
  if (heard && (!host.last_seen_time || *heard > *host.last_seen_time)) {
    *shown.mutable_last_seen_time() = wire::ToProto(*heard);
  }
  return shown;
}

// As the engine judges whether a purge may begin.
absl::StatusOr<bool> Presenter::HasProvenBackup(const domain::Tenant& tenant) const {
  if (!tenant.fence_time || !tenant.delete_time) return false;
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                         catalog_.ListBackups(tenant.id, {}, std::numeric_limits<int32_t>::max()));
  return domain::HasProof(tenant, backups);
}

absl::StatusOr<v1::Operation> Presenter::ShowOperation(const absl::StatusOr<engine::Answer>& answer,
                                                       const RequestContext& context) const {
  CROFT_RETURN_IF_ERROR(answer.status());
  const auto* operation = std::get_if<domain::Operation>(&*answer);
  if (operation == nullptr) return domain::OperationNotFound("of the first call");
  CROFT_ASSIGN_OR_RETURN(v1::Operation shown, Show(*operation));
  if (context.caller.validate_only) {
    shown.clear_name();
    shown.clear_uid();
  }
  return shown;
}

absl::StatusOr<v1::Tenant> Presenter::ShowTenant(const absl::StatusOr<engine::Answer>& answer,
                                                 const std::string& id) const {
  CROFT_RETURN_IF_ERROR(answer.status());
  const auto* tenant = std::get_if<domain::Tenant>(&*answer);
  if (tenant == nullptr) return domain::TenantNotFound(id);
  return Show(*tenant);
}

absl::StatusOr<v1::Host> Presenter::ShowHost(const absl::StatusOr<engine::Answer>& answer,
                                             const std::string& id) const {
  CROFT_RETURN_IF_ERROR(answer.status());
  const auto* host = std::get_if<domain::Host>(&*answer);
  if (host == nullptr) return domain::HostNotFound(id);
  return Show(*host);
}

}  // namespace croft::handlers
