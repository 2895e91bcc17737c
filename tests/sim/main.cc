// Runs seeds one after another; tests/sim/run is the way to call it.
//
//   croft_sim --from S --seeds N [--trace] [--twice] [--hashes] [--until-failure] [--directory D]
//             [--schedules [--tenants N] [--days N]]

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/log.h"
#include "tests/sim/schedule_run.h"
#include "tests/sim/simulation.h"

namespace croft::sim {
namespace {

struct Options {
  uint64_t from = 1;
  uint64_t seeds = 1;
  bool trace = false;
  bool twice = false;  // each seed, to see that the history is the same
  bool hashes = false;
  bool schedules = false;  // tenants on schedules, instead of clients that ask for everything
  ScheduleRunSize size;    // of those
  bool until_failure = false;
  std::string directory = "/dev/shm";
};

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const bool last = i + 1 == argc;
    if (option == "--trace") {
      options.trace = true;
    } else if (option == "--twice") {
      options.twice = true;
    } else if (option == "--until-failure") {
      options.until_failure = true;
    } else if (option == "--hashes") {
      options.hashes = true;
    } else if (option == "--schedules") {
      options.schedules = true;
    } else if (last) {
      return false;
    } else if (option == "--directory") {
      options.directory = argv[++i];
    } else if (option == "--from") {
      if (!absl::SimpleAtoi(argv[++i], &options.from)) return false;
    } else if (option == "--seeds") {
      if (!absl::SimpleAtoi(argv[++i], &options.seeds)) return false;
    } else if (option == "--tenants") {
      if (!absl::SimpleAtoi(argv[++i], &options.size.tenants)) return false;
    } else if (option == "--days") {
      if (!absl::SimpleAtoi(argv[++i], &options.size.days)) return false;
    } else {
      return false;
    }
  }
  return true;
}

RunResult RunOnce(uint64_t seed, const Options& options, const std::string& directory, bool keep_history) {
  return options.schedules ? SimulateSchedules(seed, options.size, directory, keep_history)
                           : Simulate(seed, directory, keep_history);
}

// How much of a failed seed's history is shown unasked.
constexpr size_t kLastLines = 50;

void Print(const std::vector<std::string>& history, size_t last) {
  for (size_t i = history.size() - std::min(last, history.size()); i < history.size(); ++i)
    std::printf("%s\n", history[i].c_str());
}

void Explain(const RunResult& failed, const Options& options, const std::string& directory) {
  std::printf("seed %lu: FAILED: %s\n", failed.seed, failed.violation.c_str());
  if (options.trace) return;
  std::printf("  How it came to that, its last lines:\n");
  Print(RunOnce(failed.seed, options, directory, /*keep_history=*/true).history, kLastLines);
  const std::string what = options.schedules ? absl::StrFormat("--schedules --tenants %d --days %d ",
                                                               options.size.tenants, options.size.days)
                                             : "";
  std::printf("  Again, with all of its history: tests/sim/run %s--seeds 1 --from %lu --trace\n",
              what.c_str(), failed.seed);
  std::fflush(stdout);
}

// Whether it held.
bool RunSeed(uint64_t seed, const Options& options, const std::string& directory, RunResult& result) {
  result = RunOnce(seed, options, directory, options.trace);
  if (options.trace) Print(result.history, result.history.size());
  if (options.hashes) std::printf("seed %lu hash %016lx\n", seed, result.hash);
  if (options.twice && RunOnce(seed, options, directory, false).hash != result.hash) {
    std::printf("seed %lu: FAILED: two runs of it have two histories\n", seed);
    return false;
  }
  if (result.violation.empty()) return true;
  Explain(result, options, directory);
  return false;
}

int Run(const Options& options) {
  log::SetLevel(log::Level::kError);
  const std::string directory = absl::StrCat(options.directory, "/croft-sim-", getpid());
  const auto start = std::chrono::steady_clock::now();
  std::map<std::string, int64_t> counts;
  double hours = 0;
  uint64_t failed = 0;
  uint64_t all = 0;
  for (uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    RunResult result;
    failed += !RunSeed(seed, options, directory, result);
    hours += result.virtual_hours;
    all = all * 31 + result.hash;
    for (const auto& [what, count] : result.counts) counts[what] += count;
    if (failed > 0 && options.until_failure) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (const auto& [what, count] : counts) std::printf("count %12ld %s\n", count, what.c_str());
  std::printf("ran %lu seeds from %lu: %lu failed, %.0f virtual hours, %.1f s, histories %016lx\n",
              options.seeds, options.from, failed, hours, took.count(), all);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace croft::sim

int main(int argc, char** argv) {
  croft::sim::Options options;
  if (!croft::sim::Parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: croft_sim [--from S] [--seeds N] [--trace] [--twice] [--hashes] [--until-failure] "
                 "[--directory D] [--schedules [--tenants N] [--days N]]\n");
    return 2;
  }
  return croft::sim::Run(options);
}
