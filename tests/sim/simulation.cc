#include "tests/sim/simulation.h"

#include <algorithm>
#include <memory>

#include <absl/strings/str_cat.h>

#include "tests/sim/applications.h"
#include "tests/sim/checks.h"
#include "tests/sim/clients.h"
#include "tests/sim/fleet.h"
#include "tests/sim/world.h"

namespace croft::sim {
namespace {

// How long everything may take to end when nothing fails any more.
constexpr absl::Duration kPeace = absl::Hours(2);
// And until what was appointed for later is done: undo copies are kept for a day.
constexpr absl::Duration kAfterlife = absl::Hours(30);
constexpr absl::Duration kLastEnds = absl::Hours(1);

class Simulation {
 public:
  Simulation(uint64_t seed, const std::string& directory, bool keep_history)
      : world_(seed, directory, keep_history),
        checks_(world_),
        fleet_(world_, checks_, checks_),
        clients_(world_, [this] { return fleet_.SomePlane(); }, {"t0", "t1", "t2"}),
        applications_(world_, checks_, {"t0", "t1", "t2"}) {}

  RunResult Run() {
    const absl::Time start = world_.scheduler.Now();
    Begin();
    Misfortune();
    Repair();
    RunResult result{.seed = world_.seed, .hash = world_.hash, .lines = world_.lines};
    result.virtual_hours = absl::ToDoubleHours(world_.scheduler.Now() - start);
    result.violation = world_.violation;
    result.history = std::move(world_.history);
    result.counts = std::move(world_.tally.counts);
    return result;
  }

 private:
  void Begin();
  void Misfortune();
  void Repair();

  void Strike();
  void DamageArchive();
  void LoseHost();
  // Operators say what became of a lost host, when it is seen to be away.
  void DeclareMissing(const std::string& host);

  World world_;
  Checks checks_;
  Fleet fleet_;
  Clients clients_;
  Applications applications_;
};

// ---- Peace at first.

void Simulation::Begin() {
  world_.faults = false;
  fleet_.Start();
  const int64_t hosts = 2 + world_.dice.Roll(2);
  for (int64_t i = 0; i < hosts; ++i) fleet_.Join(clients_, absl::StrCat("h", i), i == 2 ? "s2" : "s1");
  world_.RunUntil(world_.scheduler.Now() + absl::Seconds(30));
  world_.faults = true;
}

// ---- Misfortune.

void Simulation::Misfortune() {
  const absl::Time until =
      world_.scheduler.Now() + world_.dice.Between(absl::Minutes(40), absl::Minutes(150));
  absl::Time next_request = world_.scheduler.Now();
  absl::Time next_row = world_.scheduler.Now();
  absl::Time next_strike = world_.scheduler.Now() + absl::Minutes(2);
  fleet_.Supervise();
  const int64_t calm = 1 + world_.dice.Roll(6);  // some seeds are wilder than others
  while (!world_.violated() && world_.scheduler.Now() < until) {
    world_.RunUntil(std::min({next_request, next_row, next_strike, until}));
    const absl::Time now = world_.scheduler.Now();
    if (now >= next_request) {
      clients_.Act();
      next_request =
          now + (world_.dice.Chance(1, 4) ? world_.dice.Between(absl::ZeroDuration(), absl::Seconds(1))
                                          : world_.dice.Between(absl::Seconds(1), absl::Minutes(4)));
    }
    if (now >= next_row) {
      applications_.Act();
      next_row =
          now + (world_.dice.Chance(2, 3) ? world_.dice.Between(absl::Milliseconds(1), absl::Seconds(1))
                                          : world_.dice.Between(absl::Seconds(1), absl::Seconds(40)));
    }
    if (now >= next_strike) {
      Strike();
      next_strike = now + world_.dice.Between(absl::Seconds(5), absl::Minutes(calm));
    }
  }
}

void Simulation::Strike() {
  switch (world_.dice.Roll(14)) {
    case 0:
    case 1:
    case 2: return fleet_.StrikeAgent();
    case 3:
    case 4:
    case 5: return fleet_.StrikePlane();
    case 6:
    case 7: return fleet_.StrikeServer();
    case 8:
    case 9: return fleet_.StrikeNetwork();
    case 10: return fleet_.TakeOver();
    case 11: return fleet_.CloneAgent();
    case 12: return LoseHost();
    default: return DamageArchive();
  }
}

// A machine burns with all that was on it, once in some seeds.
void Simulation::LoseHost() {
  const bool once = std::any_of(world_.hosts.begin(), world_.hosts.end(),
                                [](const auto& host) { return host.second->lost; });
  if (once || !world_.dice.Chance(1, 8)) return;
  SimHost& host = world_.Host(world_.dice.Pick(fleet_.hosts()));
  world_.Say("host ", host.id, " is lost");
  world_.tally.Fault("host lost for good");
  host.lost = true;
  for (const auto& agent : fleet_.agents()) {
    if (agent->host() == host.id) agent->Crash();
  }
  host.server.Crash();
  checks_.AfterCall(host, nullptr);
  world_.scheduler.After(world_.dice.Between(absl::Minutes(1), absl::Minutes(40)),
                         [this, &host] { DeclareMissing(host.id); });
}

void Simulation::DeclareMissing(const std::string& host) {
  const auto seen = *world_.catalog.GetHost(host);
  if (!seen || seen->missing || seen->up) return;
  clients_.Insist("AcceptMissingHost", [host] { return engine::AcceptMissingHost{.host = host}; });
}

void Simulation::DamageArchive() {
  if (world_.archives.empty()) return;
  auto archive = world_.archives.begin();
  std::advance(archive, world_.dice.Roll(static_cast<int64_t>(world_.archives.size())));
  // What was proven once stays sound in this world, since nobody could do anything about it later.
  if (archive->second.proven) return;
  archive->second.damaged = true;
  world_.tally.Fault("archive damaged");
  world_.Say("the archive ", std::get<1>(archive->first), " in ", std::get<2>(archive->first),
             " is damaged");
}

// ---- Peace again.

void Simulation::Repair() {
  if (world_.violated()) return;
  fleet_.Repair();
  for (const auto& [id, host] : world_.hosts) {
    if (!host->lost) continue;
    world_.Await(absl::Minutes(5), [this, &id = id] { return !(*world_.catalog.GetHost(id))->up; });
    DeclareMissing(id);
  }
  const auto quiet = [this] {
    if (clients_.waiting()) return false;
    return world_.catalog.ListOperations({.ended = false, .limit = 1})->operations.empty();
  };
  if (!world_.Await(kPeace, quiet)) {
    const auto left = world_.catalog.ListOperations({.ended = false, .limit = 1})->operations;
    world_.Violate(14, left.empty() ? "a request is not answered"
                                    : absl::StrCat(left.front().id, " (", NameOf(left.front().kind),
                                                   ") does not end"));
  }
  applications_.LeaveAll();
  world_.RunUntil(world_.scheduler.Now() + kAfterlife);
  // What schedules have begun last ends too.
  world_.schedules = false;
  world_.RunUntil(world_.scheduler.Now() + kLastEnds);
  if (world_.violated()) return;
  clients_.CheckPromises();
  checks_.AtRest();
  // Reading whole files takes time: in some seeds.
  if (world_.seed % 8 != 0) return;
  for (const auto& agent : fleet_.agents()) agent->ShowJournal();
}

}  // namespace

RunResult Simulate(uint64_t seed, const std::string& directory, bool keep_history) {
  Simulation simulation(seed, directory, keep_history);
  RunResult result = simulation.Run();
  return result;
}

}  // namespace croft::sim
