#include "tools/croftctl/bulk_queue.h"

#include <thread>

#include <gtest/gtest.h>

namespace croft::ctl {
namespace {

TEST(BulkQueue, HostsTakeTurns) {
  BulkQueue queue({"h1", "h1", "h1", "h2", "h2"}, 1);
  std::vector<size_t> order;
  for (int i = 0; i < 5; ++i) order.push_back(queue.Next()->target);
  EXPECT_EQ(order, (std::vector<size_t>{0, 3, 1, 4, 2}));
  EXPECT_FALSE(queue.Next());
}

TEST(BulkQueue, AHostThatIsSlowGetsNoMoreThanTheOthers) {
  BulkQueue queue({"slow", "slow", "slow", "fast", "fast", "fast"}, 1);
  EXPECT_EQ(queue.Next()->target, 0u);
  for (const size_t fast : {3u, 4u, 5u}) {
    EXPECT_EQ(queue.Next()->target, fast);
    queue.Finish(fast, false);
  }
  EXPECT_EQ(queue.Next()->target, 1u);
}

TEST(BulkQueue, WhatWaitsForASilentHostIsFollowedWhenNothingElseCanBeBegun) {
  BulkQueue queue({"h1", "h1", "h2"}, 1);
  EXPECT_EQ(queue.Next()->target, 0u);
  queue.Park(0, "h1");
  EXPECT_EQ(queue.Next()->target, 2u);
  const auto parked = queue.Next();
  EXPECT_EQ(parked->target, 0u);
  EXPECT_TRUE(parked->parked);
  EXPECT_EQ(queue.counts().waiting, 1u);
  queue.Finish(0, false);
  const auto next = queue.Next();
  EXPECT_EQ(next->target, 1u);
  EXPECT_FALSE(next->parked);
}

TEST(BulkQueue, AWorkerWaitsForTheOneThatFollowsTheSilentHost) {
  BulkQueue queue({"h1", "h1"}, 1);
  EXPECT_EQ(queue.Next()->target, 0u);
  queue.Park(0, "h1");
  EXPECT_EQ(queue.Next()->target, 0u);
  std::optional<BulkQueue::Job> other;
  std::thread worker([&] { other = queue.Next(); });
  queue.Finish(0, false);
  worker.join();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->target, 1u);
}

TEST(BulkQueue, NothingIsBegunAfterTooManyFailuresOrAStopButWhatWasBegunIsFollowed) {
  BulkQueue failing({"", "", "", ""}, 2);
  failing.Finish(failing.Next()->target, true);
  failing.Finish(failing.Next()->target, true);
  EXPECT_FALSE(failing.Next());
  BulkQueue stopped({"h1", "h2"}, 1);
  stopped.Park(stopped.Next()->target, "h1");
  stopped.Stop();
  EXPECT_TRUE(stopped.Next()->parked);
  EXPECT_FALSE(stopped.Next());
}

}  // namespace
}  // namespace croft::ctl
