#include "common/histogram.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft {
namespace {

using ::testing::ElementsAre;

TEST(HistogramTest, ADurationCountsForTheFirstBoundThatItDoesNotExceed) {
  Histogram histogram({absl::Milliseconds(1), absl::Milliseconds(10)});
  histogram.Observe(absl::ZeroDuration());
  histogram.Observe(absl::Milliseconds(1));
  histogram.Observe(absl::Milliseconds(2));
  histogram.Observe(absl::Seconds(3));
  const Histogram::Snapshot read = histogram.Read();
  EXPECT_THAT(read.counts, ElementsAre(2, 1, 1));
  EXPECT_EQ(read.count(), 4);
  EXPECT_EQ(read.sum, absl::Seconds(3) + absl::Milliseconds(3));
}

TEST(HistogramTest, NothingIsLostWhenManyThreadsObserve) {
  Histogram histogram({absl::Milliseconds(1)});
  const auto observe = [&] {
    for (int i = 0; i < 10'000; ++i) histogram.Observe(absl::Microseconds(i % 2 == 0 ? 10 : 2000));
  };
  std::thread other(observe);
  observe();
  other.join();
  EXPECT_THAT(histogram.Read().counts, ElementsAre(10'000, 10'000));
}

}  // namespace
}  // namespace croft
