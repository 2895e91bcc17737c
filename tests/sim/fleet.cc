#include "tests/sim/fleet.h"

#include <filesystem>

#include <absl/strings/str_cat.h>

namespace croft::sim {

void Fleet::Start() {
  planes_.push_back(std::make_unique<SimPlane>(world_, plane_watch_, world_.catalog.revision().epoch));
  Leader()->Start();
}

// A task that a violation stopped in its midst ends while its server and its agent are still there.
Fleet::~Fleet() {
  for (const auto& agent : agents_) agent->Crash();
  agents_.clear();
}

SimPlane* Fleet::SomePlane() {
  std::vector<SimPlane*> alive;
  for (const auto& plane : planes_) {
    if (plane->alive()) alive.push_back(plane.get());
  }
  return alive.empty() ? nullptr : world_.dice.Pick(alive);
}

void Fleet::AddAgent(const std::string& host, const std::string& journal) {
  const std::string path = absl::StrCat(world_.directory, "/", host, "-", agents_.size(), ".db");
  for (const char* file : {"", "-wal"}) {
    std::error_code none;
    if (!journal.empty())
      std::filesystem::copy_file(absl::StrCat(journal, file), absl::StrCat(path, file), none);
  }
  agents_.push_back(std::make_unique<SimAgent>(
      world_, world_.Host(host), watch_, [this] { return SomePlane(); }, path));
  agents_.back()->Start();
}

void Fleet::Join(Clients& clients, const std::string& host, const std::string& store) {
  host_ids_.push_back(host);
  world_.hosts[host] = std::make_unique<SimHost>(host);
  world_.hosts[host]->store = store;
  const auto answered = [&] { return !clients.waiting(); };
  clients.Insist("CreateJoinToken", [this, host] {
    return engine::CreateJoinToken{.host = host,
                                   .uid = absl::StrCat("uid-", host),
                                   .secret_hash = absl::StrCat("hash-", host),
                                   .expire_time = world_.scheduler.Now() + absl::Hours(1)};
  });
  world_.Await(absl::Minutes(5), answered);
  clients.Insist("JoinHost", [host] {
    return engine::JoinHost{.host = host,
                            .secret_hash = absl::StrCat("hash-", host),
                            .fingerprint = absl::StrCat("print-", host)};
  });
  world_.Await(absl::Minutes(5), answered);
  AddAgent(host);
}

void Fleet::Supervise() {
  if (!world_.faults) return;
  const bool kept_down = world_.scheduler.Now() < down_until_;
  if (!kept_down && !Leader()->alive() && world_.dice.Chance(1, 2)) Leader()->Start();
  for (const auto& agent : agents_) {
    if (!agent->alive() && world_.dice.Chance(1, 3)) agent->Start();
  }
  world_.scheduler.After(world_.dice.Between(absl::Seconds(1), absl::Seconds(60)), [this] { Supervise(); });
}

void Fleet::StrikeAgent() {
  SimAgent* agent = world_.dice.Pick(agents_).get();
  agent->CrashAtCall(1 + world_.dice.Roll(40));
}

void Fleet::StrikePlane() {
  SimPlane* plane = Leader();
  if (world_.dice.Chance(1, 4) && plane->alive()) {
    plane->Crash();
  } else {
    plane->CrashAtCommit(1 + world_.dice.Roll(12));
  }
}

void Fleet::StrikeServer() {
  SimHost& host = world_.Host(world_.dice.Pick(host_ids_));
  if (!host.server.up()) return;
  world_.Say("PostgreSQL of ", host.id, " dies");
  world_.tally.Fault("PostgreSQL killed");
  host.server.Crash();
  watch_.AfterCall(host, nullptr);
  for (const auto& agent : agents_) agent->Beat();
  world_.scheduler.After(world_.dice.Between(absl::Seconds(1), absl::Minutes(2)), [this, &host] {
    if (host.lost) return;
    host.server.Start();
    for (const auto& agent : agents_) agent->Beat();
  });
}

void Fleet::StrikeNetwork() {
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

void Fleet::TakeOver() {
  SimPlane* zombie = Leader();
  world_.catalog.TakeOver();
  world_.tally.Fault("take-over");
  planes_.push_back(std::make_unique<SimPlane>(world_, plane_watch_, world_.catalog.revision().epoch));
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

void Fleet::CloneAgent() {
  const SimAgent& original = *world_.dice.Pick(agents_);
  if (original.superseded() || !world_.dice.Chance(1, 3)) return;
  world_.tally.Fault("second agent of one identity");
  AddAgent(original.host(), original.journal_path());
}

void Fleet::KeepPlaneDown(absl::Duration how_long) {
  world_.tally.Fault("control plane down for long");
  down_until_ = world_.scheduler.Now() + how_long;
  Leader()->Crash();
}

void Fleet::Repair() {
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
}

}  // namespace croft::sim
