#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/catalog/catalog.h"

namespace croft::handlers {

// Notifies those who wait for operations of changes, and when their time is up. Their callbacks run on a thread of
// its own, one after another, and read the catalog themselves: a commit only sets a flag.
// Thread-safe.
class OperationWatcher {
 public:
  enum class WakeReason { kChanged, kTimeIsUp };
  // Returns whether to be called again. What it uses must outlive this object.
  using OnWake = std::function<bool(WakeReason)>;
  using Ticket = uint64_t;

  OperationWatcher();
  // No callback runs from then on.
  ~OperationWatcher();
  OperationWatcher(const OperationWatcher&) = delete;
  OperationWatcher& operator=(const OperationWatcher&) = delete;

  // What a commit changed; never blocks for long.
  void Announce(const std::vector<catalog::Change>& changes);

  // Calls `on_wake` after every change of `operation` that is announced from now on, and once at `deadline`,
  // which ends the subscription.
  Ticket Subscribe(std::string operation, absl::Time deadline, OnWake on_wake);
  // Changes of this host count from now on too; empty for none.
  void AlsoOfHost(Ticket ticket, std::string host);
  // `on_wake` may still be running, or about to, when this returns. Harmless for a ticket that has ended.
  void Unsubscribe(Ticket ticket);

 private:
  struct Subscription {
    std::string operation;
    std::string host;
    absl::Time deadline;
    OnWake on_wake;
  };

  struct PendingCallback {
    Ticket ticket;
    OnWake on_wake;
    WakeReason reason;
  };

  void Run();
  // The callbacks to run now, waiting until there are some; empty at the end.
  std::vector<PendingCallback> Take();
  void Mark(const std::string& topic) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Erase(Ticket ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Ticket next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<Ticket, Subscription> subscriptions_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<std::string, Ticket>> by_topic_ ABSL_GUARDED_BY(mutex_);  // resource name, ticket
  std::set<std::pair<absl::Time, Ticket>> by_deadline_ ABSL_GUARDED_BY(mutex_);
  std::set<Ticket> marked_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::handlers
