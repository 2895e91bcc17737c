#include "controlplane/metrics/call_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(CallCountsTest, UnaryCallsCountByCodeAndTime) {
  CallCounts counts;
  CallCounts::Method& lookup = counts.Add("LookupService/Lookup", true);
  lookup.Ended(absl::StatusCode::kOk, absl::Microseconds(80));
  lookup.Ended(absl::StatusCode::kOk, absl::Microseconds(90));
  lookup.Ended(absl::StatusCode::kNotFound, absl::Seconds(60));
  const std::vector<CallFigures> read = counts.Read();
  ASSERT_EQ(read.size(), 1);
  EXPECT_EQ(read[0].method, "LookupService/Lookup");
  EXPECT_THAT(read[0].ended,
              ElementsAre(Pair(absl::StatusCode::kOk, 2), Pair(absl::StatusCode::kNotFound, 1)));
  ASSERT_TRUE(read[0].took.has_value());
  EXPECT_EQ(read[0].took->count(), 3);
  EXPECT_EQ(read[0].took->counts.back(), 1) << "slower than every bound";
}

TEST(CallCountsTest, NothingIsCountedWhereNobodyReadsIt) {
  CallCounts counts(/*counts=*/false);
  counts.Add("LookupService/Lookup", true).Ended(absl::StatusCode::kOk, absl::Microseconds(80));
  CallCounts::Method& watch = counts.Add("LookupService/WatchPlacements", false);
  watch.StreamOpened();
  EXPECT_THAT(counts.Read(), IsEmpty());
  watch.StreamEnded(absl::StatusCode::kOk);
  EXPECT_THAT(counts.Read(), IsEmpty());
}

TEST(CallCountsTest, StreamsCountWhileOpenAndWhenTheyEnd) {
  CallCounts counts;
  CallCounts::Method& watch = counts.Add("LookupService/WatchPlacements", false);
  watch.StreamOpened();
  watch.StreamOpened();
  watch.StreamEnded(absl::StatusCode::kCancelled);
  const std::vector<CallFigures> read = counts.Read();
  ASSERT_EQ(read.size(), 1);
  EXPECT_EQ(read[0].open, 1);
  EXPECT_THAT(read[0].ended, ElementsAre(Pair(absl::StatusCode::kCancelled, 1)));
  EXPECT_FALSE(read[0].took.has_value());
}

TEST(CallCountsTest, AMethodThatNobodyCalledIsLeftOut) {
  CallCounts counts;
  counts.Add("LookupService/Lookup", true);
  EXPECT_THAT(counts.Read(), IsEmpty());
}

TEST(CallCountsTest, ACodeThatDoesNotExistCountsAsUnknown) {
  CallCounts counts;
  counts.Add("LookupService/Lookup", true).Ended(static_cast<absl::StatusCode>(99), absl::ZeroDuration());
  EXPECT_THAT(counts.Read().at(0).ended, ElementsAre(Pair(absl::StatusCode::kUnknown, 1)));
}

}  // namespace
}  // namespace croft::metrics
