#include "common/bounded_pipeline.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(BoundedPipeline, AllIsTakenInItsOrder) {
  for (const int count : {0, 1, 255, 256, 257, 10'000}) {
    BoundedPipeline<std::string> pipeline([&](const auto& place) {
      for (int i = 0; i < count; ++i) place() = std::to_string(i);
    });
    int taken = 0;
    while (const std::string* item = pipeline.Next()) EXPECT_EQ(*item, std::to_string(taken++));
    EXPECT_EQ(taken, count);
    EXPECT_EQ(pipeline.Next(), nullptr);
  }
}

TEST(BoundedPipeline, PlacesAreUsedAgainWithWhatTheyHeld) {
  bool used_again = false;
  BoundedPipeline<std::string> pipeline([&](const auto& place) {
    for (int i = 0; i < 20'000; ++i) {
      std::string& item = place();
      used_again = used_again || item == "left";
      item = "new";
    }
  });
  while (std::string* item = pipeline.Next()) {
    EXPECT_EQ(*item, "new");
    *item = "left";
  }
  EXPECT_TRUE(used_again);
}

TEST(BoundedPipeline, WhoMakesFasterThanIsTakenWaits) {
  std::atomic<int> made = 0;
  int ahead = 0;
  int taken = 0;
  BoundedPipeline<int> pipeline([&](const auto& place) {
    for (int i = 0; i < 100'000; ++i) {
      place() = i;
      ++made;
    }
  });
  while (pipeline.Next() != nullptr) ahead = std::max(ahead, made - ++taken);
  EXPECT_EQ(taken, 100'000);
  EXPECT_LE(ahead, 16 * 256);
}

TEST(BoundedPipeline, WhatNobodyTakesIsLetGo) {
  std::atomic<int> made = 0;
  {
    const BoundedPipeline<int> pipeline([&](const auto& place) {
      for (; made < 10'000; ++made) place() = made;
    });
  }
  EXPECT_EQ(made, 10'000);
}

}  // namespace
}  // namespace croft
