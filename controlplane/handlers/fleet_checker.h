#pragma once

#include <cstdint>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/fleet_check.h"
#include "controlplane/fleet/inventories.h"

namespace croft::handlers {

// Asks every agent what there is and holds it against the catalog. Thread-safe.
class FleetChecker {
 public:
  // How long agents get to answer; one that takes longer is told as silent.
  static constexpr absl::Duration kPatience = absl::Seconds(30);

  // All outlive it.
  FleetChecker(catalog::Catalog& catalog, fleet::InventorySource& agents, const Clock& clock)
      : catalog_(catalog), agents_(agents), clock_(clock) {}

  struct Checked {
    domain::FleetCheck check;
    domain::CatalogView catalog;  // as it was compared
    domain::FleetView fleet;
    absl::Time time;
  };
  // Blocks until all have answered, for kPatience, or until `deadline`. RESOURCE_EXHAUSTED, OVERLOADED, while several
  // others are at it.
  absl::StatusOr<Checked> Check(absl::Time deadline);

 private:
  absl::StatusOr<domain::CatalogView> Read() const;
  // The answers of all hosts that can be asked.
  domain::FleetView Ask(const domain::CatalogView& view, absl::Time deadline) const;
  absl::Status FindTombstones(const domain::FleetView& fleet, domain::CatalogView& view) const;

  catalog::Catalog& catalog_;
  fleet::InventorySource& agents_;
  const Clock& clock_;

  Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace croft::handlers
