#pragma once

#include <map>
#include <set>
#include <string>
#include <thread>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/inventories.h"

namespace croft::server {

// After the catalog was restored, a standby has taken over behind a host's address, or another cluster was accepted there:
// asks each host that is unconfirmed, or whose tenants are, what it holds, as soon as it is there and now and then until
// all is confirmed, and tells the engine.
class Confirmer {
 public:
  // All outlive it, and the last answers of `agents`.
  Confirmer(catalog::Catalog& catalog, fleet::InventorySource& agents, engine::EventQueue& event_queue,
            const Clock& clock);
  ~Confirmer();
  Confirmer(const Confirmer&) = delete;
  Confirmer& operator=(const Confirmer&) = delete;

  void Start();
  void Stop();
  // One look: asks every host that there is something to ask. False when nothing is left to confirm. Not while started.
  absl::StatusOr<bool> LookOnce();

 private:
  // Hosts to ask, by id.
  absl::StatusOr<std::set<std::string>> HostsToAsk();
  bool IsTimeFor(const std::string& host);
  void RequestInventory(const std::string& host);
  void PostConfirmation(const domain::Inventory& inventory);
  void Run();

  catalog::Catalog& catalog_;
  fleet::InventorySource& agents_;
  engine::EventQueue& event_queue_;
  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::string> asked_ ABSL_GUARDED_BY(mutex_);  // and not answered yet
  std::map<std::string, absl::Time> answered_ ABSL_GUARDED_BY(mutex_);
  // Of the one thread that looks. Only a catalog that is restored brings unconfirmed tenants.
  bool tenants_confirmed_ = false;
  std::thread thread_;
};

}  // namespace croft::server
