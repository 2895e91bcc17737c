#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "croft/locator.h"
#include "tests/client/cpp/scripted_control_plane.h"

namespace croft::client {

inline std::chrono::steady_clock::time_point Soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(20);
}

inline bool Eventually(const std::function<bool()>& condition) {
  for (const auto deadline = Soon(); std::chrono::steady_clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

class LocatorTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Locator> Open(Locator::Options options) {
    return *Locator::Open(std::move(options));
  }
  std::unique_ptr<Locator> OpenReady() {
    auto locator = Open(control_plane.Options());
    EXPECT_TRUE(locator->WaitUntilReady(Soon()));
    return locator;
  }
  ScriptedControlPlane control_plane;
};

}  // namespace croft::client
