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

// Tells those who wait for operations that there is something new, and when their time is up. Their callbacks
// run on a thread of its own, one after another, and read the catalog themselves: a commit only leaves word.
// Thread-safe.
class OperationWatcher {
 public:
  enum class News { kChanged, kTimeIsUp };
  // Answers whether to go on telling. What it uses must outlive this object.
  using OnNews = std::function<bool(News)>;
  using Ticket = uint64_t;

  OperationWatcher();
  // Nobody is told anything from then on.
  ~OperationWatcher();
  OperationWatcher(const OperationWatcher&) = delete;
  OperationWatcher& operator=(const OperationWatcher&) = delete;

  // What a commit changed; never blocks for long.
  void Announce(const std::vector<catalog::Change>& changes);

  // Calls `on_news` after every change of `operation` that is announced from now on, and once at `deadline`,
  // which ends the subscription.
  Ticket Subscribe(std::string operation, absl::Time deadline, OnNews on_news);
  // Changes of this host count from now on too; empty for none.
  void AlsoOfHost(Ticket ticket, std::string host);
  // `on_news` may still be running, or about to, when this returns. Harmless for a ticket that has ended.
  void Unsubscribe(Ticket ticket);

 private:
  struct Subscription {
    std::string operation;
    std::string host;
    absl::Time deadline;
    OnNews on_news;
  };

  struct Telling {
    Ticket ticket;
    OnNews on_news;
    News what;
  };

  void Run();
  // What is to be told now, waiting for something; empty at the end.
  std::vector<Telling> Take();
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
