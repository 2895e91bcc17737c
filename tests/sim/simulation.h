#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace croft::sim {

struct RunResult {
  uint64_t seed = 0;
  uint64_t hash = 0;  // of the history
  int64_t lines = 0;
  double virtual_hours = 0;
  std::string violation;             // empty: every invariant held
  std::vector<std::string> history;  // when asked for
  std::map<std::string, int64_t> counts;
};

// One run of the whole system from one seed: hosts join, clients and applications work while misfortune strikes,
// then all is repaired and the system comes to rest. `directory` is the run's own, made and removed.
RunResult Simulate(uint64_t seed, const std::string& directory, bool keep_history);

}  // namespace croft::sim
