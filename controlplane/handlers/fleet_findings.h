#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/domain/fleet_check.h"

namespace croft::handlers {

// What the newest comparison of each host with the catalog found, in memory: after a restart nothing is known until the
// hosts were compared again. Thread-safe.
class FleetFindings {
 public:
  struct Summary {
    // Of the comparison that is longest ago, among hosts that can be asked; none while one of them was never compared.
    std::optional<absl::Time> time;
    int64_t problems = 0;
  };

  // A comparison of `host` that began at `time`. Notes among `findings` are passed over. What was known of `busy` tenants, of which
  // the comparison says nothing, stays. One that began before the newest known one changes nothing.
  void Put(const std::string& host, absl::Time time, const std::vector<domain::FleetFinding>& findings,
           const std::vector<std::string>& busy);
  // Forgets all hosts but `known`, and waits for a comparison of each of `asked`, which are some of them. What was found
  // on a host that cannot be asked stays known: being away mends nothing.
  void Expect(const std::set<std::string>& known, const std::set<std::string>& asked);

  Summary Summarize() const;
  // One sentence on what is wrong with the tenant, or nothing. Nothing too when the tenant has changed at `update_time`,
  // after the comparison: a repair may have been the change, and the next comparison tells.
  std::string ProblemOf(const std::string& tenant, absl::Time update_time) const;

 private:
  struct Problem {
    std::string host;
    std::string message;
    int64_t count = 0;
  };
  struct Host {
    std::optional<absl::Time> time;
    bool asked = true;
    std::map<std::string, Problem> tenants;  // by id
    int64_t strays = 0;                      // problems of no tenant's
  };

  mutable Mutex mutex_;
  std::map<std::string, Host> hosts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
