// How long one Locate from the cache takes, on one thread, over many tenants in random order.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "croft/locator.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  croft::client::Locator::Options options;
  std::string target;
  std::string prefix = "bench-";
  int tenants = 100, milliseconds = 2000;
  CLI::App app("Measures lookups from the cache");
  app.add_option("--target", target)->required();
  app.add_option("--ca", options.authority_file)->required();
  app.add_option("--cert", options.certificate_file);
  app.add_option("--key", options.key_file);
  app.add_option("--prefix", prefix);
  app.add_option("--tenants", tenants);
  app.add_option("--milliseconds", milliseconds);
  CLI11_PARSE(app, argc, argv);

  options.endpoints = {target};
  auto locator = croft::client::Locator::Open(options);
  if (!locator.ok() || !(*locator)->WaitUntilReady(Clock::now() + std::chrono::seconds(30))) {
    std::cerr << "the locator did not become ready: " << locator.status().ToString() << "\n";
    return 1;
  }
  std::vector<std::string> names;
  for (int i = 0; i < tenants; ++i) names.push_back(prefix + std::to_string(i));
  std::shuffle(names.begin(), names.end(), std::minstd_rand(7));

  // Single calls are shorter than the clock's own cost, so every hundredth is timed alone for the tail and all
  // of them together for the rate.
  std::vector<int64_t> nanos;
  int64_t calls = 0, errors = 0;
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (now - begin < std::chrono::milliseconds(milliseconds)) {
    for (int i = 0; i < 100; ++i) errors += (*locator)->Locate(names[calls++ % tenants]).ok() ? 0 : 1;
    const Clock::time_point before = Clock::now();
    errors += (*locator)->Locate(names[calls++ % tenants]).ok() ? 0 : 1;
    now = Clock::now();
    nanos.push_back((now - before).count());
  }
  const double seconds = std::chrono::duration<double>(now - begin).count();
  std::sort(nanos.begin(), nanos.end());
  std::cout << "{\"requests\": " << calls << ", \"seconds\": " << seconds << ", \"errors\": " << errors
            << ", \"p99_ns\": " << nanos[nanos.size() * 99 / 100] << "}" << std::endl;
}
