// Compares hosts with the catalog when their schedules say so, a few at a time.

#include "controlplane/server/fleet_watch.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "controlplane/fleet/inventories.h"

namespace croft::server {
namespace {

// How soon the findings know of a host that is new, up again or away.
constexpr absl::Duration kReadHosts = absl::Seconds(10);
constexpr absl::Duration kLook = absl::Seconds(1);

}  // namespace

FleetWatch::FleetWatch(catalog::Catalog& catalog, handlers::FleetChecker& checker,
                       handlers::FleetFindings& findings, const Clock& clock)
    : catalog_(catalog), checker_(checker), findings_(findings), clock_(clock) {}

FleetWatch::~FleetWatch() { Stop(); }

void FleetWatch::Start() {
  for (int i = 0; i < kHostsAtATime; ++i) threads_.emplace_back([this] { Run(); });
}

void FleetWatch::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void FleetWatch::Compare(const std::string& host) {
  {
    const MutexLock lock(mutex_);
    if (std::find(waiting_.begin(), waiting_.end(), host) != waiting_.end()) return;
    waiting_.push_back(host);
  }
  changed_.NotifyOne();
}

void FleetWatch::Run() {
  while (const std::optional<std::string> host = NextHost()) {
    CompareNow(*host);
    {
      const MutexLock lock(mutex_);
      comparing_.erase(*host);
    }
    changed_.NotifyOne();  // it may have been asked for again
  }
}

std::optional<std::string> FleetWatch::NextHost() {
  for (;;) {
    ReadHosts();
    const MutexLock lock(mutex_);
    if (stopping_) return std::nullopt;
    const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                   [&](const std::string& host) { return !comparing_.contains(host); });
    if (next != waiting_.end()) {
      std::string host = std::move(*next);
      waiting_.erase(next);
      comparing_.insert(host);
      return host;
    }
    changed_.WaitFor(mutex_, kLook);
  }
}

void FleetWatch::ReadHosts() {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || clock_.Now() - read_time_ < kReadHosts) return;
    read_time_ = clock_.Now();
  }
  const absl::StatusOr<std::vector<domain::Host>> listed = catalog_.ListHosts();
  if (!listed.ok()) {
    log::Error("the hosts to compare with the catalog cannot be read",
               {{"error", log::Text(listed.status())}});
    return;
  }
  std::set<std::string> known, asked;
  for (const domain::Host& host : *listed) {
    known.insert(host.id);
    if (fleet::CanBeAsked(host)) asked.insert(host.id);
  }
  findings_.Expect(known, asked);
}

void FleetWatch::CompareNow(const std::string& id) {
  const absl::StatusOr<std::optional<domain::Host>> host = catalog_.GetHost(id);
  if (!host.ok()) {
    log::Error("a host to compare with the catalog cannot be read",
               {{"host", id}, {"error", log::Text(host.status())}});
    return;
  }
  if (!host->has_value() || !fleet::CanBeAsked(**host)) return;
  const auto checked = checker_.CheckHost(**host, {});
  if (!checked.ok()) {
    log::Warning("a host could not be compared with the catalog",
                 {{"host", id}, {"error", std::string(checked.status().message())}});
    return;
  }
  int64_t problems = 0;
  for (const domain::FleetFinding& finding : checked->findings) {
    problems += finding.severity == domain::Severity::kProblem ? 1 : 0;
  }
  if (problems > 0) {
    log::Warning("a host does not hold what the catalog says; see `croftctl admin check-fleet`",
                 {{"host", id}, {"problems", std::to_string(problems)}});
  }
}

}  // namespace croft::server
