#include "tests/sim/simulation.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <absl/strings/str_cat.h>

#include "tests/sim/applications.h"
#include "tests/sim/checks.h"
#include "tests/sim/clients.h"
#include "tests/sim/sim_agent.h"
#include "tests/sim/sim_plane.h"
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
        clients_(world_, [this] { return SomePlane(); }, {"t0", "t1", "t2"}),
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
    // A task that a violation stopped in its midst ends while its server and its agent are still there.
    for (const auto& agent : agents_) agent->Crash();
    agents_.clear();
    return result;
  }

 private:
  void RunUntil(absl::Time until) {
    while (!world_.violated() && world_.scheduler.Step(until)) {
    }
  }
  // Whether it came about before `timeout` was over.
  template <typename Condition>
  bool Await(absl::Duration timeout, const Condition& condition) {
    const absl::Time until = world_.scheduler.Now() + timeout;
    while (!world_.violated() && !condition()) {
      if (world_.scheduler.Now() >= until) return false;
      RunUntil(world_.scheduler.Now() + absl::Seconds(5));
    }
    return true;
  }

  SimPlane* Leader() { return planes_.back().get(); }
  SimPlane* SomePlane();
  // With the journal at `journal`, or none yet.
  void AddAgent(const std::string& host, const std::string& journal = "");
  void Join(const std::string& host);
  void Begin();
  void Misfortune();
  void Repair();

  // Starts again what died, sooner or later.
  void Supervise();
  void Strike();
  void StrikeAgent();
  void StrikePlane();
  void StrikeServer();
  void StrikeNetwork();
  void TakeOver();
  void DamageArchive();
  void CloneAgent();
  void LoseHost();
  // Operators say what became of a lost host, when it is seen to be away.
  void DeclareMissing(const std::string& host);

  World world_;
  Checks checks_;
  Clients clients_;
  Applications applications_;
  std::vector<std::unique_ptr<SimPlane>> planes_;  // the last one leads
  std::vector<std::unique_ptr<SimAgent>> agents_;
  std::vector<std::string> host_ids_;
};

SimPlane* Simulation::SomePlane() {
  std::vector<SimPlane*> alive;
  for (const auto& plane : planes_) {
    if (plane->alive()) alive.push_back(plane.get());
  }
  return alive.empty() ? nullptr : world_.dice.Pick(alive);
}

// ---- Peace at first.

void Simulation::AddAgent(const std::string& host, const std::string& journal) {
  const std::string path = absl::StrCat(world_.directory, "/", host, "-", agents_.size(), ".db");
  for (const char* file : {"", "-wal"}) {
    std::error_code none;
    if (!journal.empty())
      std::filesystem::copy_file(absl::StrCat(journal, file), absl::StrCat(path, file), none);
  }
  agents_.push_back(std::make_unique<SimAgent>(
      world_, world_.Host(host), checks_, [this] { return SomePlane(); }, path));
  agents_.back()->Start();
}

void Simulation::Join(const std::string& host) {
  clients_.Insist("CreateJoinToken", [this, host] {
    return engine::CreateJoinToken{.host = host,
                                   .uid = absl::StrCat("uid-", host),
                                   .secret_hash = absl::StrCat("hash-", host),
                                   .expire_time = world_.scheduler.Now() + absl::Hours(1)};
  });
  Await(absl::Minutes(5), [this] { return !clients_.waiting(); });
  clients_.Insist("JoinHost", [host] {
    return engine::JoinHost{.host = host,
                            .secret_hash = absl::StrCat("hash-", host),
                            .fingerprint = absl::StrCat("print-", host)};
  });
  Await(absl::Minutes(5), [this] { return !clients_.waiting(); });
}

void Simulation::Begin() {
  world_.faults = false;
  planes_.push_back(std::make_unique<SimPlane>(world_, checks_, world_.catalog.revision().epoch));
  Leader()->Start();
  const int64_t hosts = 2 + world_.dice.Roll(2);
  for (int64_t i = 0; i < hosts; ++i) {
    const std::string id = absl::StrCat("h", i);
    host_ids_.push_back(id);
    world_.hosts[id] = std::make_unique<SimHost>(id);
    world_.hosts[id]->store = i == 2 ? "s2" : "s1";
    Join(id);
    AddAgent(id);
  }
  RunUntil(world_.scheduler.Now() + absl::Seconds(30));
  world_.faults = true;
}

// ---- Misfortune.

void Simulation::Misfortune() {
  const absl::Time until =
      world_.scheduler.Now() + world_.dice.Between(absl::Minutes(40), absl::Minutes(150));
  absl::Time next_request = world_.scheduler.Now();
  absl::Time next_row = world_.scheduler.Now();
  absl::Time next_strike = world_.scheduler.Now() + absl::Minutes(2);
  Supervise();
  const int64_t calm = 1 + world_.dice.Roll(6);  // some seeds are wilder than others
  while (!world_.violated() && world_.scheduler.Now() < until) {
    RunUntil(std::min({next_request, next_row, next_strike, until}));
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

void Simulation::Supervise() {
  if (!world_.faults) return;
  if (!Leader()->alive() && world_.dice.Chance(1, 2)) Leader()->Start();
  for (const auto& agent : agents_) {
    if (!agent->alive() && world_.dice.Chance(1, 3)) agent->Start();
  }
  world_.scheduler.After(world_.dice.Between(absl::Seconds(1), absl::Seconds(60)), [this] { Supervise(); });
}

void Simulation::Strike() {
  switch (world_.dice.Roll(14)) {
    case 0:
    case 1:
    case 2: return StrikeAgent();
    case 3:
    case 4:
    case 5: return StrikePlane();
    case 6:
    case 7: return StrikeServer();
    case 8:
    case 9: return StrikeNetwork();
    case 10: return TakeOver();
    case 11: return CloneAgent();
    case 12: return LoseHost();
    default: return DamageArchive();
  }
}

void Simulation::StrikeAgent() {
  SimAgent* agent = world_.dice.Pick(agents_).get();
  agent->CrashAtCall(1 + world_.dice.Roll(40));
}

void Simulation::StrikePlane() {
  SimPlane* plane = Leader();
  if (world_.dice.Chance(1, 4) && plane->alive()) {
    plane->Crash();
  } else {
    plane->CrashAtCommit(1 + world_.dice.Roll(12));
  }
}

void Simulation::StrikeServer() {
  SimHost& host = world_.Host(world_.dice.Pick(host_ids_));
  if (!host.server.up()) return;
  world_.Say("PostgreSQL of ", host.id, " dies");
  world_.tally.Fault("PostgreSQL killed");
  host.server.Crash();
  checks_.AfterCall(host, nullptr);
  for (const auto& agent : agents_) agent->Beat();
  world_.scheduler.After(world_.dice.Between(absl::Seconds(1), absl::Minutes(2)), [this, &host] {
    if (host.lost) return;
    host.server.Start();
    for (const auto& agent : agents_) agent->Beat();
  });
}

void Simulation::StrikeNetwork() {
  SimHost& host = world_.Host(world_.dice.Pick(host_ids_));
  for (const auto& agent : agents_) {
    if (!agent->link() || agent->link()->host() != host.id) continue;
    const auto link = agent->link();
    switch (world_.dice.Roll(3)) {
      case 0: link->CutUp(); break;
      case 1: link->CutDown(); break;
      default: {
        link->Cut();
        // Some stay away beyond what most operations wait for.
        const bool for_long = world_.dice.Chance(1, 5);
        host.cut = true;
        world_.tally.Fault(for_long ? "host cut off for hours" : "host cut off");
        world_.scheduler.After(for_long ? world_.dice.Between(absl::Minutes(61), absl::Hours(3))
                                        : world_.dice.Between(absl::Seconds(10), absl::Minutes(15)),
                               [&host] { host.cut = false; });
      }
    }
  }
}

// A second control plane leads from now on. The first may go on for a while, or be stopped and go on later.
void Simulation::TakeOver() {
  SimPlane* zombie = Leader();
  world_.catalog.TakeOver();
  world_.tally.Fault("take-over");
  planes_.push_back(std::make_unique<SimPlane>(world_, checks_, world_.catalog.revision().epoch));
  Leader()->Start();
  if (!zombie->alive()) return;
  if (world_.dice.Chance(1, 2)) {
    const bool for_long = world_.dice.Chance(1, 2);
    zombie->Stop(for_long);
    world_.scheduler.After(
        world_.dice.Between(absl::Milliseconds(100), for_long ? absl::Minutes(10) : absl::Seconds(8)),
        [zombie] { zombie->Continue(); });
  }
  for (int minute = 1; minute <= 15; ++minute) {
    world_.scheduler.After(absl::Minutes(minute), [zombie] { zombie->Nudge(); });
  }
}

// A second agent with the identity and the journal of one that may still run.
void Simulation::CloneAgent() {
  const SimAgent& original = *world_.dice.Pick(agents_);
  if (original.superseded() || !world_.dice.Chance(1, 3)) return;
  world_.tally.Fault("second agent of one identity");
  AddAgent(original.host(), original.journal_path());
}

// A machine burns with all that was on it, once in some seeds.
void Simulation::LoseHost() {
  const bool once = std::any_of(world_.hosts.begin(), world_.hosts.end(),
                                [](const auto& host) { return host.second->lost; });
  if (once || !world_.dice.Chance(1, 8)) return;
  SimHost& host = world_.Host(world_.dice.Pick(host_ids_));
  world_.Say("host ", host.id, " is lost");
  world_.tally.Fault("host lost for good");
  host.lost = true;
  for (const auto& agent : agents_) {
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
  world_.faults = false;
  world_.Say("peace");
  for (const auto& plane : planes_) {
    if (plane.get() != Leader()) plane->Crash();
  }
  Leader()->Continue();
  Leader()->CrashAtCommit(-1);
  Leader()->Start();
  for (const auto& [id, host] : world_.hosts) {
    if (host->lost) continue;
    host->cut = false;
    host->server.Start();
  }
  for (const auto& agent : agents_) {
    if (!agent->alive()) agent->Start();
    agent->CrashAtCall(-1);
    agent->Beat();
  }
  for (const auto& [id, host] : world_.hosts) {
    if (!host->lost) continue;
    Await(absl::Minutes(5), [this, &id = id] { return !(*world_.catalog.GetHost(id))->up; });
    DeclareMissing(id);
  }
  const auto quiet = [this] {
    if (clients_.waiting()) return false;
    return world_.catalog.ListOperations({.ended = false, .limit = 1})->operations.empty();
  };
  if (!Await(kPeace, quiet)) {
    const auto left = world_.catalog.ListOperations({.ended = false, .limit = 1})->operations;
    world_.Violate(14, left.empty() ? "a request is not answered"
                                    : absl::StrCat(left.front().id, " (", NameOf(left.front().kind),
                                                   ") does not end"));
  }
  applications_.LeaveAll();
  RunUntil(world_.scheduler.Now() + kAfterlife);
  // What schedules have begun last ends too.
  world_.schedules = false;
  RunUntil(world_.scheduler.Now() + kLastEnds);
  if (world_.violated()) return;
  clients_.CheckPromises();
  checks_.AtRest();
  // Reading whole files takes time: in some seeds.
  if (world_.seed % 8 != 0) return;
  for (const auto& agent : agents_) agent->ShowJournal();
}

}  // namespace

RunResult Simulate(uint64_t seed, const std::string& directory, bool keep_history) {
  Simulation simulation(seed, directory, keep_history);
  RunResult result = simulation.Run();
  return result;
}

}  // namespace croft::sim
