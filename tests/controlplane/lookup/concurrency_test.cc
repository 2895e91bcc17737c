#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/lookup/index_world.h"

namespace croft::lookup {
namespace {

using Visibility = PlacementIndex::Visibility;

constexpr int kReaders = 8;
constexpr int kChanges = 1000;

// The generation that the answer's password was made for, and 0 where it does not fit the database's. Read from the
// bytes: protobuf's own code cannot be run under ThreadSanitizer here.
int64_t GenerationIn(const PlacementIndex& index, const std::string& name) {
  std::string reply;
  if (!index.Lookup(name, {.password = true}, reply).ok()) return 0;
  const std::string before = "password=secret-acme-";
  const size_t at = reply.find(before);
  if (at == std::string::npos) return 0;
  const size_t start = at + before.size();
  const std::string digits = reply.substr(start, reply.find(' ', start) - start);
  const bool fits = reply.find(absl::StrCat("_g", digits, " user=")) != std::string::npos;
  return fits ? std::stoll(digits) : 0;
}

TEST(ConcurrencyTest, NoReaderEverSeesAGenerationGoBack) {
  IndexWorld world;
  world.Put(world.HostCalled("h1"));
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.aliases = {"shop.acme.com"};
  world.Put(tenant);
  for (int i = 0; i < 50; ++i) world.Put(world.TenantCalled(absl::StrCat("t", i), 100 + i));
  ASSERT_TRUE(world.Load().ok());

  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int64_t> acknowledged{1};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, by_alias = reader % 2 == 0] {
      int64_t last = 0;
      while (!stop) {
        const int64_t at_least = acknowledged;
        for (const char* name : {"acme", by_alias ? "shop.acme.com" : "acme"}) {
          const int64_t generation = GenerationIn(world.index, name);
          if (generation < last || generation < at_least) ++wrong;
          last = generation;
        }
      }
    });
  }
  std::vector<std::thread> watchers;
  for (int watcher = 0; watcher < 2; ++watcher) {
    watchers.emplace_back([&] {
      Cursor cursor = *world.index.Open({});
      int64_t last = 0;
      for (bool last_round = false; !last_round;) {
        last_round = stop;
        const auto read =
            world.index.ReadOn(cursor, 16, {}, [](auto, const auto&) { return Visibility::kPlain; });
        for (const auto& update : read.updates) {
          if (update.id != "acme") continue;
          if (update.generation < last) ++wrong;
          last = update.generation;
        }
        if (!read.caught_up) last_round = false;
      }
      if (last != kChanges) ++wrong;
    });
  }
  for (int generation = 2; generation <= kChanges; ++generation) {
    domain::Tenant next = world.TenantCalled("acme", 1, generation);
    // Names come and go around it, so that tables are rebuilt under the readers.
    next.aliases = {"shop.acme.com", absl::StrCat("x", generation, ".acme.com")};
    world.Put(next);
    acknowledged = generation;
    domain::Tenant other = world.TenantCalled(absl::StrCat("n", generation), 1000 + generation);
    world.Put(other);
    if (generation % 3 == 0) {
      other.state = domain::TenantState::kPurged;
      world.Put(other);
    }
  }
  stop = true;
  for (std::thread& thread : readers) thread.join();
  for (std::thread& thread : watchers) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace croft::lookup
