#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/inventory.h"
#include "croft/v1/agent.pb.h"

// Collects inventories that agents send in parts.
namespace croft::fleet {

// Takes a part of what lies in the stores. Called on any thread.
using StoredCallback =
    std::function<void(std::vector<domain::FoundBackup> backups, std::vector<domain::FoundKey> keys)>;

struct InventoryAsk {
  std::vector<std::string> stores;  // ids of those to look into
  bool manifests = false;           // what each backup says of itself, too
  absl::Time deadline = absl::InfiniteFuture();
  // Gets what lies in the stores as it arrives, all of it before the inventory, which then has no backups and no keys:
  // for whoever does not want to hold all of it. May still run when the inventory fails.
  StoredCallback on_stored;
};

using InventoryCallback = std::function<void(absl::StatusOr<domain::Inventory>)>;

// Whether the host's agent is there to answer.
[[nodiscard]] bool CanBeAsked(const domain::Host& host);

// Who can be asked what there is.
class InventorySource {
 public:
  virtual ~InventorySource() = default;
  // Asks the host's agent and calls `told` once, on any thread: UNAVAILABLE, HOST_UNREACHABLE, when it is away or goes
  // before it has answered; or the agent's own error. Does not wait, and keeps no watch on the deadline: the agent
  // does.
  virtual void AskInventory(const std::string& host, const InventoryAsk& ask, InventoryCallback told) = 0;
};

// Inventories that are on their way, part by part. Thread-safe; callbacks are called without a lock.
class Inventories {
 public:
  // Returns the name of the task that asks, never given out before.
  std::string Begin(const std::string& host, StoredCallback on_stored, InventoryCallback told);
  void OnPart(const std::string& host, const v1::Inventory& part);
  // False when the result is not an inventory's.
  bool OnResult(const std::string& host, const v1::TaskResult& result);
  // What the host was asked will not be answered.
  void Fail(const std::string& host, const absl::Status& why);

 private:
  struct Pending {
    domain::Inventory found;
    StoredCallback on_stored;  // may be empty
    InventoryCallback told;
  };

  Mutex mutex_;
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Pending> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::fleet
