#pragma once

#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/fleet_check.h"
#include "controlplane/fleet/inventories.h"
#include "controlplane/handlers/fleet_findings.h"

namespace croft::handlers {

// Asks agents what there is and holds it against the catalog. Thread-safe.
class FleetChecker {
 public:
  // How long agents get to answer; one that takes longer is told as silent.
  static constexpr absl::Duration kTimeout = absl::Seconds(30);

  // All outlive it. What is found on a host is noted in `findings` too.
  FleetChecker(catalog::Catalog& catalog, fleet::InventorySource& agents, const Clock& clock,
               FleetFindings& findings)
      : catalog_(catalog), agents_(agents), clock_(clock), findings_(findings) {}

  struct HostCheck {
    std::vector<domain::FleetFinding> findings;
    std::vector<std::string> busy;                 // ids of tenants that nothing is said of
    std::vector<domain::LookedInto> stores;        // nothing was compared with what lies in them
    std::vector<domain::FoundDatabase> databases;  // that findings are about
  };
  // Compares one host's databases and roles, and has its agent look into the stores of `ask`. Holds the tenants of this
  // host alone in memory. Blocks until it has answered, for kTimeout, or until the deadline of `ask`. UNAVAILABLE for one
  // that does not.
  absl::StatusOr<HostCheck> CheckHost(const domain::Host& host, const fleet::InventoryAsk& ask);

  struct FleetReport {
    std::vector<domain::FleetFinding> findings;  // by host or store, then by kind and object
    std::vector<std::string> busy;               // ids, in order
    int64_t hosts_checked = 0;
    int64_t stores_checked = 0;
    int64_t tenants_checked = 0;
    absl::Time time;
    std::vector<domain::Host> hosts;
    // What the hosts said, as far as findings are about it: databases alone.
    domain::FleetView fleet;
  };
  // Compares every host, some at a time, then what lies in the stores with the backups of some tenants at a time. Holds
  // the tenants of those hosts in memory; what was found in the stores goes to a temporary file. RESOURCE_EXHAUSTED,
  // OVERLOADED, while several others are at it.
  absl::StatusOr<FleetReport> CheckAll(absl::Time deadline);

  struct RepairView {
    domain::FleetCheck check;
    domain::CatalogView catalog;
    domain::FleetView fleet;
  };
  // CheckAll, and of what it found that which repairs are planned by: tenants that findings are about and that did not
  // change meanwhile, their databases, and hosts. Blocks and refuses like CheckAll.
  absl::StatusOr<RepairView> CheckForRepairs(absl::Time deadline);

 private:
  class Slot;
  struct Stores;

  absl::StatusOr<std::unique_ptr<Slot>> TakeSlot();
  absl::StatusOr<domain::Inventory> AskOne(const std::string& host, fleet::InventoryAsk ask) const;
  absl::StatusOr<std::vector<domain::Operation>> ReadRunning() const;
  // The host's tenants and those whose objects were found on it.
  absl::StatusOr<domain::CatalogView> ReadFor(const domain::Inventory& inventory) const;
  // What an inventory shows against the catalog, as of when it was asked for.
  absl::StatusOr<HostCheck> Compare(const domain::Host& host, absl::Time asked,
                                    std::vector<domain::Operation> running, domain::Inventory inventory);
  absl::Status AddHost(const domain::Host& host, const std::vector<std::string>& stores,
                       absl::Time deadline, FleetReport& report, Stores& found);
  absl::Status CompareStores(absl::Time asked, const std::vector<domain::Operation>& running,
                             const std::vector<domain::Host>& hosts, Stores& found,
                             FleetReport& report) const;
  absl::StatusOr<domain::CatalogView> ReadUnchanged(const FleetReport& report, absl::Time asked) const;

  // Many hosts are waited for at a time, and the tenants of few are in memory.
  static constexpr int kComparedAtATime = 8;

  catalog::Catalog& catalog_;
  fleet::InventorySource& agents_;
  const Clock& clock_;
  std::counting_semaphore<kComparedAtATime> comparing_{kComparedAtATime};
  FleetFindings& findings_;

  Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace croft::handlers
