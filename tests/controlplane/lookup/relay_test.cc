#include "controlplane/lookup/relay.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace croft::lookup {
namespace {

TEST(Relay, AllIsTakenInItsOrder) {
  std::vector<std::string> given(10'000);
  for (size_t i = 0; i < given.size(); ++i) given[i] = std::to_string(i);
  std::vector<std::string> taken;
  Relay<std::string> relay([&](const auto& give) {
    for (const std::string& item : given) give(item);
  });
  relay.TakeAll([&](const std::string& item) { taken.push_back(item); });
  EXPECT_EQ(taken, given);
}

TEST(Relay, WhatIsGivenMayChangeAtOnce) {
  std::vector<std::string> taken;
  Relay<std::string> relay([&](const auto& give) {
    std::string item = "first";
    give(item);
    item = "second";
    give(item);
  });
  relay.TakeAll([&](const std::string& item) { taken.push_back(item); });
  EXPECT_EQ(taken, (std::vector<std::string>{"first", "second"}));
}

TEST(Relay, NothingGivenIsNothingTaken) {
  int taken = 0;
  Relay<int> relay([](const auto&) {});
  relay.TakeAll([&](int) { ++taken; });
  relay.TakeAll([&](int) { ++taken; });
  EXPECT_EQ(taken, 0);
}

TEST(Relay, WhoGivesFasterThanIsTakenWaits) {
  std::atomic<int> given = 0;
  int ahead = 0;
  int taken = 0;
  Relay<int> relay([&](const auto& give) {
    for (; given < 100'000; ++given) give(given);
  });
  relay.TakeAll([&](int) { ahead = std::max(ahead, given - ++taken); });
  EXPECT_EQ(taken, 100'000);
  EXPECT_LE(ahead, 4 * 256);
}

TEST(Relay, WhatNobodyTakesIsLetGo) {
  std::atomic<int> given = 0;
  {
    const Relay<int> relay([&](const auto& give) {
      for (; given < 10'000; ++given) give(given);
    });
  }
  EXPECT_EQ(given, 10'000);
}

}  // namespace
}  // namespace croft::lookup
