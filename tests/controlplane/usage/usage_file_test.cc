#include "controlplane/usage/usage_file.h"

#include <limits>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/usage/support.h"

namespace croft::usage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UsageFileTest : public testing::Test {
 protected:
  UsageFileTest()
      : writer_(*UsageWriter::Open(folder_.file())), reader_(*UsageReader::Open(folder_.file())) {}

  void Tell(const std::string& host, absl::Time time, std::vector<Report> reports, bool take_new = true) {
    const absl::Status status = writer_->Write({{host, time, std::move(reports)}}, take_new);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::optional<Usage> Find(const std::string& uid, const std::string& host = "h1") {
    return *reader_->Find(uid, host);
  }
  std::vector<Hour> Hours(const std::string& uid, absl::Time since = kHour,
                          absl::Time until = kHour + absl::Hours(24)) {
    return *reader_->Hours(Find(uid)->id, since, until);
  }
  std::vector<std::string> List(Order order, int32_t limit = 10) {
    std::vector<std::string> uids;
    const std::vector<Ranked> found = *reader_->List(order, {}, limit);
    for (const Ranked& one : found) uids.push_back(one.usage.uid);
    return uids;
  }

  Folder folder_;
  std::unique_ptr<UsageWriter> writer_;
  std::unique_ptr<UsageReader> reader_;
};

TEST_F(UsageFileTest, WorkBetweenTwoReportsCountsForTheHour) {
  Tell("h1", kHour, {ReportOf("a", 1'000'000, 100)});
  EXPECT_EQ(Find("a")->size_bytes, 100);
  EXPECT_EQ(Hours("a").at(0).counts.commits, 0) << "what was done before anybody looked is nobody's hour";
  Tell("h1", kHour + absl::Minutes(1), {ReportOf("a", 1'000'060, 100, 3)});
  Tell("h1", kHour + absl::Minutes(2), {ReportOf("a", 1'000'180, 120, 2)});
  Tell("h1", kHour + absl::Hours(2), {ReportOf("a", 1'000'190, 120)});
  const std::vector<Hour> hours = Hours("a");
  ASSERT_THAT(hours, SizeIs(2)) << "an hour in which nothing was told is left out";
  EXPECT_EQ(hours[0].start_time, kHour);
  EXPECT_EQ(hours[0].counts.commits, 180);
  EXPECT_EQ(hours[0].connections, 3) << "the most that were seen";
  EXPECT_EQ(hours[0].size_bytes, 120);
  EXPECT_EQ(hours[1].start_time, kHour + absl::Hours(2));
  EXPECT_EQ(hours[1].counts.commits, 10);
  EXPECT_THAT(Hours("a", kHour + absl::Hours(1)), SizeIs(1));
}

TEST_F(UsageFileTest, RateIsOfTheLastReport) {
  Tell("h1", kHour, {ReportOf("a", 0)});
  Tell("h1", kHour + absl::Seconds(60), {ReportOf("a", 90)});
  EXPECT_DOUBLE_EQ(Find("a")->transactions_per_second, 1.5);
  Tell("h1", kHour + absl::Seconds(120), {ReportOf("a", 90)});
  EXPECT_DOUBLE_EQ(Find("a")->transactions_per_second, 0);
}

TEST_F(UsageFileTest, CountersThatBeganAnewAreNoNegativeWork) {
  Tell("h1", kHour, {ReportOf("a", 1000)});
  Report after_crash = ReportOf("a", 7);
  after_crash.counters.rows_inserted = 3;
  Tell("h1", kHour + absl::Minutes(1), {after_crash});
  EXPECT_EQ(Hours("a").at(0).counts.commits, 7);
  EXPECT_EQ(Hours("a").at(0).counts.rows_inserted, 3);
}

TEST_F(UsageFileTest, AnotherDatabaseOfTheTenantBeginsAnew) {
  Tell("h1", kHour, {ReportOf("a", 1000, 100)});
  Report restored = ReportOf("a", 5000, 90);
  restored.generation = 2;
  Tell("h1", kHour + absl::Minutes(1), {restored});
  EXPECT_EQ(Hours("a").at(0).counts.commits, 0);
  EXPECT_EQ(Hours("a").at(0).size_bytes, 90);
}

TEST_F(UsageFileTest, SizeThatWasNotMeasuredAgainStays) {
  Tell("h1", kHour, {ReportOf("a", 0, 100)});
  Tell("h1", kHour + absl::Minutes(1), {ReportOf("a", 0)});
  EXPECT_EQ(Find("a")->size_bytes, 100);
  EXPECT_EQ(Find("a")->size_time, kHour);
}

TEST_F(UsageFileTest, SizeOfAnEarlierDatabaseIsForgotten) {
  Report report = ReportOf("a", 1, 5000);
  Tell("h1", kHour, {report});
  EXPECT_EQ(Find("a")->generation, 1);
  report.generation = 2;
  report.size_bytes.reset();
  Tell("h1", kHour + absl::Minutes(1), {report});
  EXPECT_EQ(Find("a")->generation, 2);
  EXPECT_EQ(Find("a")->size_bytes, std::nullopt);
  EXPECT_THAT(List(Order::kSize), IsEmpty());
}

TEST_F(UsageFileTest, IdleDatabaseHasNoHours) {
  Tell("h1", kHour, {ReportOf("a", 0, 100)});
  Tell("h1", kHour + absl::Hours(1), {ReportOf("a", 0, 100)});
  EXPECT_THAT(Hours("a"), SizeIs(1));
  EXPECT_EQ(Find("a")->look_time, kHour + absl::Hours(1));
}

// One host's agent cannot speak for another host's databases.
TEST_F(UsageFileTest, EachHostTellsOfItsOwn) {
  Tell("h1", kHour, {ReportOf("a", 0, 100)});
  Tell("h2", kHour, {ReportOf("a", 0, 999)});
  EXPECT_EQ(Find("a", "h1")->size_bytes, 100);
  EXPECT_EQ(Find("a", "h2")->size_bytes, 999);
  EXPECT_FALSE(Find("a", "h3").has_value());
  EXPECT_FALSE(Find("b").has_value());
}

TEST_F(UsageFileTest, ListsBeginWithTheLargest) {
  Tell("h1", kHour,
       {ReportOf("a", 0, 100), ReportOf("b", 0, 300, 5), ReportOf("c", 0), ReportOf("d", 0, 200, 9)});
  Tell("h1", kHour + absl::Seconds(10), {ReportOf("a", 500), ReportOf("c", 900)});
  EXPECT_THAT(List(Order::kSize), ElementsAre("b", "d", "a"));
  EXPECT_THAT(List(Order::kConnections), ElementsAre("d", "b"));
  EXPECT_THAT(List(Order::kTransactions), ElementsAre("c", "a"));
}

TEST_F(UsageFileTest, PagesGoOnWhereTheOneBeforeEnded) {
  std::vector<Report> reports;
  for (int i = 0; i < 25; ++i) reports.push_back(ReportOf(absl::StrCat("u", i), 0, i / 5));
  Tell("h1", kHour, reports);
  Position after;
  std::vector<int64_t> sizes;
  for (int page = 0; page < 4; ++page) {
    const std::vector<Ranked> found = *reader_->List(Order::kSize, after, 7);
    for (const Ranked& one : found) sizes.push_back(*one.usage.size_bytes);
    if (!found.empty()) after = found.back().position;
  }
  ASSERT_THAT(sizes, SizeIs(25));
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
}

TEST_F(UsageFileTest, OldHoursAndDatabasesArePruned) {
  Tell("h1", kHour, {ReportOf("gone", 0, 1), ReportOf("a", 0, 1)});
  Tell("h1", kHour + absl::Hours(1), {ReportOf("a", 0, 2)});
  EXPECT_EQ(*writer_->OldestHour(), kHour);
  EXPECT_EQ(*writer_->Prune(kHour + absl::Hours(1), 100), 3);
  EXPECT_EQ(*writer_->OldestHour(), kHour + absl::Hours(1));
  EXPECT_FALSE(Find("gone").has_value());
  EXPECT_THAT(Hours("a"), SizeIs(1));
  ASSERT_TRUE(writer_->PruneHours(kHour + absl::Hours(9), 100).ok());
  EXPECT_FALSE(writer_->OldestHour()->has_value());
  EXPECT_TRUE(Find("a").has_value());
}

TEST_F(UsageFileTest, UnknownDatabasesAreLeftOutWhereNoneAreTaken) {
  Tell("h1", kHour, {ReportOf("a", 0, 1)});
  Tell("h1", kHour, {ReportOf("a", 0, 2), ReportOf("b", 0, 1)}, false);
  EXPECT_EQ(Find("a")->size_bytes, 2);
  EXPECT_FALSE(Find("b").has_value());
}

// An agent that lies makes no sum overflow.
TEST_F(UsageFileTest, NumbersThatNoServerCountsAreBounded) {
  Report report = ReportOf("a", 0, std::numeric_limits<int64_t>::max());
  Tell("h1", kHour, {report});
  for (const auto member : kAllCounts) report.counters.*member = int64_t{1} << 60;
  for (int i = 1; i < 50; ++i) {
    Tell("h1", kHour + absl::Seconds(2 * i), {report});
    Tell("h1", kHour + absl::Seconds(2 * i + 1), {ReportOf("a", 0)});
  }
  const std::vector<Hour> hours = Hours("a");
  ASSERT_THAT(hours, SizeIs(1));
  EXPECT_GT(hours[0].counts.deadlocks, int64_t{1} << 46);
  EXPECT_LE(hours[0].counts.deadlocks, int64_t{1} << 52);
  EXPECT_THAT(List(Order::kSize), ElementsAre("a"));
}

// The size that the docs promise.
TEST_F(UsageFileTest, RowsAreSmall) {
  std::vector<Report> reports;
  for (int i = 0; i < 5'000; ++i) {
    Report report = ReportOf(absl::StrCat("aaaabbbbcccc", 1000 + i), 100'000, 8'000'000 + i);
    for (const auto member : kAllCounts) report.counters.*member = 100'000;
    reports.push_back(report);
  }
  const int64_t empty = *writer_->UsedBytes();
  Tell("h1", kHour, reports);
  const int64_t databases = *writer_->UsedBytes() - empty;
  const auto rows = static_cast<int64_t>(reports.size());
  for (Report& report : reports) {
    for (const auto member : kAllCounts) report.counters.*member += 3000;
  }
  Tell("h1", kHour + absl::Hours(1), reports);
  const int64_t hours = *writer_->UsedBytes() - empty - databases;
  EXPECT_LT(databases / rows, 200);
  EXPECT_LT(hours / rows, 90);
}

}  // namespace
}  // namespace croft::usage
