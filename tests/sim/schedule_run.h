#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/simulation.h"

namespace croft::sim {

struct ScheduleRunSize {
  int tenants = 40;
  int days = 1;
};

// Tenants that are backed up and proven by schedules alone, for days in which everything is killed now and then, held
// against ScheduleModel. `directory` is the run's own, made and removed.
RunResult SimulateSchedules(uint64_t seed, const ScheduleRunSize& size, const std::string& directory,
                            bool keep_history);

}  // namespace croft::sim
