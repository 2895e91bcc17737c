#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/fleet_checker.h"
#include "controlplane/handlers/fleet_findings.h"

namespace croft::server {

// Compares what hosts hold with the catalog when their schedules say so, a few at a time. It has threads of its own:
// lookups and calls never wait for it.
class FleetWatch {
 public:
  static constexpr int kHostsAtATime = 4;

  // All outlive it.
  FleetWatch(catalog::Catalog& catalog, handlers::FleetChecker& checker, handlers::FleetFindings& findings,
             const Clock& clock);
  ~FleetWatch();
  FleetWatch(const FleetWatch&) = delete;
  FleetWatch& operator=(const FleetWatch&) = delete;

  void Start();
  // Waits for comparisons that are under way, up to FleetChecker::kTimeout.
  void Stop();

  // Has the host compared soon, by a comparison that begins after this call. One that waits already is compared once;
  // one that is being compared is compared again afterwards. Does not block.
  void Compare(const std::string& host);

 private:
  void Run();
  // The host that waits longest of those that are not being compared; waits for one. Nothing at the end.
  std::optional<std::string> NextHost();
  // Tells the findings which hosts there are, now and then.
  void ReadHosts();
  void CompareNow(const std::string& host);

  catalog::Catalog& catalog_;
  handlers::FleetChecker& checker_;
  handlers::FleetFindings& findings_;
  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time read_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> comparing_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace croft::server
