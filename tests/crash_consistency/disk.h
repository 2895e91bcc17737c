#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/crash_consistency/trace.h"

namespace croft::power {

// What is found after the power is back: by what follows the database's own name, each file's bytes.
using Image = std::map<std::string, std::string>;

struct State {
  Image image;
  int acknowledged = 0;  // commits that must be there
  int begun = 0;         // commits that may be there
};

struct Bounds {
  int every = 1;  // looks at each so many events
  int part = 0;   // of those, at each `parts`th
  int parts = 1;
  int subsets = 2;  // drawn at random after each event, by write and by sector
};

// A disk that promises only this: what was synced stays, a sector is written whole or not at all, and names
// change in order. What was written since the last sync may be there or not, sector by sector, in any order.
class Disk {
 public:
  void Apply(const Event& event);

  // Calls `visit` with states the disk could be in if the power went now: nothing unsynced, everything,
  // the newest write torn at each sector either way, the newest alone, all without one, every subset where
  // they are few, and random subsets by write and by sector. `settles` says that a sync or an
  // acknowledgement is next, so that nothing is left out by later states. Each once.
  void ForEachState(bool settles, int subsets, uint64_t seed,
                    const std::function<void(const State&)>& visit);

 private:
  struct Unsynced {
    int file;
    Event event;
    int sectors;
  };
  // For each unsynced change, which of its sectors are there.
  using Kept = std::vector<uint64_t>;

  int Find(const std::string& name) const;
  void SyncFile(int file);
  void SyncNames();
  static void Change(std::string& bytes, const Event& event, uint64_t sectors);
  Image Build(size_t names, const Kept& kept) const;
  std::vector<Kept> Choices(bool settles, int subsets, std::mt19937_64& random) const;

  // The daemon makes the database and syncs it with its folder before SQLite opens it.
  std::vector<std::string> files_ = {""};  // what is on the disk for sure, by number
  std::vector<Unsynced> unsynced_;
  std::map<std::string, int> names_ = {{"", 0}};             // on the disk for sure
  std::vector<std::pair<std::string, int>> unsynced_names_;  // -1: deleted
  std::set<int> new_files_;
  std::set<std::pair<size_t, Kept>> seen_;  // since something was synced or acknowledged
  int acknowledged_ = 0;
  int begun_ = 0;
};

// All states of a history within the bounds.
void ForEachStateOf(const Trace& trace, const Bounds& bounds,
                    const std::function<void(const State&)>& visit);

}  // namespace croft::power
