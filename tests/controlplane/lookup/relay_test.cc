#include "controlplane/lookup/relay.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace croft::lookup {
namespace {

TEST(Relay, AllIsTakenInItsOrder) {
  std::vector<std::string> given(10'000);
  for (size_t i = 0; i < given.size(); ++i) given[i] = std::to_string(i);
  std::vector<std::string> taken;
  Relay<std::string> relay([&](const std::string& item) { taken.push_back(item); });
  for (const std::string& item : given) relay.Give(item);
  relay.Finish();
  EXPECT_EQ(taken, given);
}

TEST(Relay, WhatIsGivenMayChangeAtOnce) {
  std::vector<std::string> taken;
  {
    Relay<std::string> relay([&](const std::string& item) { taken.push_back(item); });
    std::string item = "first";
    relay.Give(item);
    item = "second";
    relay.Give(item);
  }
  EXPECT_EQ(taken, (std::vector<std::string>{"first", "second"}));
}

TEST(Relay, NothingGivenIsNothingTaken) {
  int taken = 0;
  Relay<int> relay([&](int) { ++taken; });
  relay.Finish();
  relay.Finish();
  EXPECT_EQ(taken, 0);
}

TEST(Relay, WhoGivesFasterThanIsTakenWaits) {
  Mutex mutex;
  CondVar changed;
  bool open = false;
  int taken = 0;
  Relay<int> relay([&](int) {
    const MutexLock lock(mutex);
    while (!open) changed.Wait(mutex);
    ++taken;
  });
  std::thread opener;
  int given = 0;
  for (; given < 100'000; ++given) {
    if (given == 500) {
      opener = std::thread([&] {
        {
          const MutexLock lock(mutex);
          open = true;
        }
        changed.NotifyAll();
      });
    }
    relay.Give(given);
  }
  relay.Finish();
  opener.join();
  EXPECT_EQ(taken, given);
}

}  // namespace
}  // namespace croft::lookup
