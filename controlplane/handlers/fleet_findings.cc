// Keeps the newest findings of each host in memory.

#include "controlplane/handlers/fleet_findings.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"

namespace croft::handlers {

void FleetFindings::Put(const std::string& host, absl::Time time,
                        const std::vector<domain::FleetFinding>& findings,
                        const std::vector<std::string>& busy) {
  Host now{.time = time};
  for (const domain::FleetFinding& finding : findings) {
    if (finding.severity != domain::Severity::kProblem) continue;
    if (finding.tenant.empty()) {
      ++now.strays;
      continue;
    }
    Problem& problem = now.tenants[finding.tenant];
    if (++problem.count > 1) continue;
    problem.host = host;
    problem.message = absl::StrCat(finding.object, ": ", finding.message);
  }
  const MutexLock lock(mutex_);
  Host& before = hosts_[host];
  if (before.time && time < *before.time) return;
  now.asked = before.asked;
  for (const std::string& tenant : busy) {
    if (const auto known = before.tenants.find(tenant); known != before.tenants.end()) {
      now.tenants.insert(*known);
    }
  }
  before = std::move(now);
}

void FleetFindings::Expect(const std::set<std::string>& known, const std::set<std::string>& asked) {
  const MutexLock lock(mutex_);
  std::erase_if(hosts_, [&](const auto& entry) { return known.count(entry.first) == 0; });
  for (auto& [id, host] : hosts_) host.asked = asked.count(id) > 0;
  for (const std::string& host : asked) hosts_.try_emplace(host);
}

FleetFindings::Summary FleetFindings::Summarize() const {
  Summary summary;
  bool all_compared = true;
  const MutexLock lock(mutex_);
  for (const auto& [id, host] : hosts_) {
    if (host.asked) {
      all_compared = all_compared && host.time.has_value();
      if (host.time && (!summary.time || *host.time < *summary.time)) summary.time = host.time;
    }
    summary.problems += host.strays;
    for (const auto& [tenant, problem] : host.tenants) summary.problems += problem.count;
  }
  if (!all_compared) summary.time.reset();
  return summary;
}

std::string FleetFindings::ProblemOf(const std::string& tenant, absl::Time update_time) const {
  const MutexLock lock(mutex_);
  for (const auto& [id, host] : hosts_) {
    const auto found = host.tenants.find(tenant);
    if (found == host.tenants.end() || update_time > *host.time) continue;
    const Problem& problem = found->second;
    const std::string more = problem.count > 1 ? absl::StrCat(", and ", problem.count - 1, " more") : "";
    return absl::StrCat("what ", HostName(problem.host),
                        " holds is not what the catalog says: ", problem.message, more,
                        "; `croftctl admin check-fleet` says what to do");
  }
  return "";
}

}  // namespace croft::handlers
