#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/attention.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/catalog_copy.h"
#include "controlplane/handlers/fleet_checker.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/admin.pb.h"

namespace croft::handlers {

// croft.v1.AdminService. Thread-safe.
class AdminHandlers {
 public:
  // Returns what an operator should look at; thread-safe.
  using Examine = std::function<std::vector<domain::Attention>()>;

  // The references outlive it.
  AdminHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog, const SecretMaker& secrets,
                FleetChecker& checker, const FleetFindings& findings, CatalogCopier& copier,
                std::string version, absl::Time start_time, Examine examine)
      : event_queue_(event_queue),
        catalog_(catalog),
        secrets_(secrets),
        checker_(checker),
        findings_(findings),
        copier_(copier),
        version_(std::move(version)),
        start_time_(start_time),
        examine_(std::move(examine)) {}

  Service service();

 private:
  absl::StatusOr<v1::GetStatusResponse> GetStatus(const RequestContext& context,
                                                  const v1::GetStatusRequest& request);
  absl::StatusOr<v1::CheckFleetResponse> CheckFleet(const RequestContext& context,
                                                    const v1::CheckFleetRequest& request);
  absl::StatusOr<v1::RepairFleetResponse> RepairFleet(const RequestContext& context,
                                                      const v1::RepairFleetRequest& request);
  absl::StatusOr<std::unique_ptr<Feed<v1::BackupCatalogResponse>>> BackupCatalog(
      const RequestContext& context, const v1::BackupCatalogRequest& request, Wake wake);

  // Begins the repair, or with validate_only finds out whether it could be begun.
  void Repair(const engine::Caller& caller, const domain::FleetRepair& repair, v1::FleetRepair& result);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const SecretMaker& secrets_;
  FleetChecker& checker_;
  const FleetFindings& findings_;
  CatalogCopier& copier_;
  const std::string version_;
  const absl::Time start_time_;
  const Examine examine_;
};

}  // namespace croft::handlers
