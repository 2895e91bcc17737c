#include "controlplane/server/fleet_watch.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/log.h"
#include "controlplane/fleet/inventories.h"

namespace croft::server {
namespace {

// How soon a host that is new, or up again, gets its turn.
constexpr absl::Duration kReadHosts = absl::Seconds(10);
constexpr absl::Duration kLook = absl::Seconds(1);

// Where in the interval the host's moment lies.
absl::Duration OffsetOf(const std::string& host, absl::Duration interval) {
  uint64_t number = 0;
  for (const char c : crypto::Sha256(host).substr(0, sizeof number)) {
    number = number << 8 | static_cast<unsigned char>(c);
  }
  const auto nanoseconds = static_cast<uint64_t>(absl::ToInt64Nanoseconds(interval));
  return absl::Nanoseconds(static_cast<int64_t>(number % nanoseconds));
}

}  // namespace

FleetWatch::FleetWatch(catalog::Catalog& catalog, handlers::FleetChecker& checker,
                       handlers::FleetFindings& findings, const Clock& clock, absl::Duration interval)
    : catalog_(catalog), checker_(checker), findings_(findings), clock_(clock), interval_(interval) {}

FleetWatch::~FleetWatch() { Stop(); }

absl::Time FleetWatch::NextTime(const std::string& host, absl::Duration interval, absl::Time from) {
  const absl::Duration offset = OffsetOf(host, interval);
  absl::Duration rest;
  const int64_t rounds = absl::IDivDuration(from - absl::UnixEpoch() - offset, interval, &rest);
  const absl::Time moment = absl::UnixEpoch() + offset + rounds * interval;
  return moment < from ? moment + interval : moment;
}

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

void FleetWatch::ChangeInterval(absl::Duration interval) {
  const MutexLock lock(mutex_);
  if (interval == interval_) return;
  interval_ = interval;
  for (auto& [host, turn] : turns_) turn.due = NextTime(host, interval, clock_.Now());
}

void FleetWatch::Run() {
  while (const std::optional<domain::Host> host = NextHost()) {
    Compare(*host);
    const MutexLock lock(mutex_);
    if (const auto turn = turns_.find(host->id); turn != turns_.end()) {
      turn->second = {.due = NextTime(host->id, interval_, clock_.Now() + interval_ / 2)};
    }
  }
}

std::optional<domain::Host> FleetWatch::NextHost() {
  for (;;) {
    ReadHosts();
    const MutexLock lock(mutex_);
    if (stopping_) return std::nullopt;
    auto next = turns_.end();
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
      if (turn->second.running || turn->second.due > clock_.Now()) continue;
      if (next == turns_.end() || turn->second.due < next->second.due) next = turn;
    }
    if (next != turns_.end()) {
      next->second.running = true;
      return hosts_[next->first];
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
  absl::StatusOr<std::vector<domain::Host>> listed = catalog_.ListHosts();
  if (!listed.ok()) {
    log::Error("the hosts to compare with the catalog cannot be read",
               {{"error", log::Text(listed.status())}});
    return;
  }
  std::set<std::string> known, expected;
  const MutexLock lock(mutex_);
  hosts_.clear();
  for (domain::Host& host : *listed) {
    known.insert(host.id);
    if (!fleet::CanBeAsked(host)) continue;
    expected.insert(host.id);
    turns_.try_emplace(host.id, Turn{.due = NextTime(host.id, interval_, clock_.Now())});
    std::string id = host.id;
    hosts_.emplace(std::move(id), std::move(host));
  }
  std::erase_if(turns_, [&](const auto& turn) { return expected.count(turn.first) == 0; });
  findings_.Expect(known, expected);
}

void FleetWatch::Compare(const domain::Host& host) {
  const auto checked = checker_.CheckHost(host, {});
  if (!checked.ok()) {
    log::Warning("a host could not be compared with the catalog",
                 {{"host", host.id}, {"error", std::string(checked.status().message())}});
    return;
  }
  int64_t problems = 0;
  for (const domain::FleetFinding& finding : checked->findings) {
    problems += finding.severity == domain::Severity::kProblem ? 1 : 0;
  }
  if (problems > 0) {
    log::Warning("a host does not hold what the catalog says; see `croftctl admin check-fleet`",
                 {{"host", host.id}, {"problems", std::to_string(problems)}});
  }
}

}  // namespace croft::server
