#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/fleet_checker.h"
#include "controlplane/handlers/fleet_findings.h"

namespace croft::server {

// Compares what each host holds with the catalog every so often, a few hosts at a time and each at its own moment of
// the interval, so that a thousand hosts are a trickle. It has threads of its own: lookups and calls never wait for it.
class FleetWatch {
 public:
  static constexpr absl::Duration kInterval = absl::Minutes(5);
  static constexpr int kHostsAtATime = 4;

  // All outlive it.
  FleetWatch(catalog::Catalog& catalog, handlers::FleetChecker& checker, handlers::FleetFindings& findings,
             const Clock& clock, absl::Duration interval = kInterval);
  ~FleetWatch();
  FleetWatch(const FleetWatch&) = delete;
  FleetWatch& operator=(const FleetWatch&) = delete;

  void Start();
  // Waits for comparisons that are under way, up to FleetChecker::kTimeout.
  void Stop();

  // From now on a host is compared this often. Does not wait.
  void ChangeInterval(absl::Duration interval);

  // When the host's next comparison is, at the first moment of its own at or after `from`: the same for every process.
  static absl::Time NextTime(const std::string& host, absl::Duration interval, absl::Time from);

 private:
  struct Turn {
    absl::Time due;
    bool running = false;
  };

  void Run();
  // The host that is due longest; waits for one. Nothing at the end.
  std::optional<domain::Host> NextHost();
  // Reads which hosts there are, now and then.
  void ReadHosts();
  void Compare(const domain::Host& host);

  catalog::Catalog& catalog_;
  handlers::FleetChecker& checker_;
  handlers::FleetFindings& findings_;
  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time read_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::map<std::string, domain::Host> hosts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Turn> turns_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace croft::server
