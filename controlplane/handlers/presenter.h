#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event.h"
#include "controlplane/handlers/context.h"
#include "controlplane/handlers/fleet_findings.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

namespace croft::handlers {

// Resources as callers see them, with what is true of them now beside what is stored. Thread-safe.
class Presenter {
 public:
  // When a host's agent was last heard, which the catalog is told only now and then; nullopt for never.
  using LastHeard = std::function<std::optional<absl::Time>(const std::string& host)>;

  // All outlive it.
  Presenter(catalog::Catalog& catalog, const Clock& clock, const FleetFindings& findings,
            LastHeard last_heard)
      : catalog_(catalog), clock_(clock), findings_(findings), last_heard_(std::move(last_heard)) {}

  absl::StatusOr<v1::Operation> Show(const domain::Operation& operation) const;
  absl::StatusOr<std::vector<v1::Operation>> Show(const std::vector<domain::Operation>& operations) const;
  absl::StatusOr<v1::Tenant> Show(const domain::Tenant& tenant) const;
  v1::Host Show(const domain::Host& host) const;

  // For many tenants: all hosts, read once, and each tenant into an empty message.
  using HostsById = std::map<std::string, domain::Host>;
  absl::StatusOr<HostsById> Hosts() const;
  absl::Status Show(const domain::Tenant& tenant, const HostsById& hosts, v1::Tenant& shown) const;

  // The engine's answers. One that was only validated has no name. A repeat can find the resource gone:
  // NOT_FOUND.
  absl::StatusOr<v1::Operation> ShowOperation(const absl::StatusOr<engine::Answer>& answer,
                                              const RequestContext& context) const;
  absl::StatusOr<v1::Tenant> ShowTenant(const absl::StatusOr<engine::Answer>& answer,
                                        const std::string& id) const;
  absl::StatusOr<v1::Host> ShowHost(const absl::StatusOr<engine::Answer>& answer,
                                    const std::string& id) const;

 private:
  absl::StatusOr<bool> HasProvenBackup(const domain::Tenant& tenant) const;
  absl::Status Show(const domain::Tenant& tenant, const domain::Host* host, v1::Tenant& shown) const;

  catalog::Catalog& catalog_;
  const Clock& clock_;
  const FleetFindings& findings_;
  const LastHeard last_heard_;
};

}  // namespace croft::handlers
