#include "agent/session/usage_gatherer.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/session/gate.h"

namespace croft::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(UsageReportsTest, AreBoundedAndHoldEverything) {
  EXPECT_THAT(UsageReports({}, absl::Now()), IsEmpty());
  std::vector<UsageSample> samples(kDatabasesAReport + 1);
  samples[0].usage = {.uid = "u",
                      .generation = 2,
                      .connections = 3,
                      .counters = {.commits = 1,
                                   .rollbacks = 2,
                                   .blocks_read = 3,
                                   .blocks_hit = 4,
                                   .rows_returned = 5,
                                   .rows_fetched = 6,
                                   .rows_inserted = 7,
                                   .rows_updated = 8,
                                   .rows_deleted = 9,
                                   .deadlocks = 10,
                                   .temporary_bytes = 11}};
  samples[0].size_bytes = 12;
  samples[0].size_time = absl::FromUnixSeconds(13);
  const std::vector<v1::UsageReport> reports = UsageReports(samples, absl::FromUnixSeconds(14));
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].databases_size(), static_cast<int>(kDatabasesAReport));
  EXPECT_EQ(reports[1].databases_size(), 1);
  EXPECT_EQ(reports[1].look_time().seconds(), 14);
  EXPECT_FALSE(reports[1].databases(0).has_size_bytes());
  EXPECT_EQ(reports[0].databases(0).ShortDebugString(),
            "uid: \"u\" generation: 2 connections: 3 size_bytes: 12 size_time { seconds: 13 } commits: 1 "
            "rollbacks: 2 blocks_read: 3 blocks_hit: 4 rows_returned: 5 rows_fetched: 6 rows_inserted: 7 "
            "rows_updated: 8 rows_deleted: 9 deadlocks: 10 temporary_bytes: 11");
}

// A server with `count` databases, whose sizes take as long to read as the test says.
class UsageGathererTest : public ::testing::Test {
 protected:
  UsageGatherer::Source Source() {
    return {
        .read_all = [this](const Timeout&) -> absl::StatusOr<std::vector<DatabaseUsage>> {
          const MutexLock lock(mutex_);
          ++looks_;
          if (!failure_.ok()) return failure_;
          std::vector<DatabaseUsage> found;
          for (int i = 1; i <= count_; ++i) found.push_back({.oid = i, .uid = absl::StrCat("u", i)});
          return found;
        },
        .read_sizes = [this](const std::vector<int64_t>& oids,
                             const Timeout&) -> absl::StatusOr<std::map<int64_t, std::optional<int64_t>>> {
          absl::SleepFor(takes_);
          const MutexLock lock(mutex_);
          ++measured_;
          std::map<int64_t, std::optional<int64_t>> sizes;
          for (const int64_t oid : oids) sizes[oid] = oid * 100;
          return sizes;
        }};
  }
  UsageGatherer::Send Send() {
    return [this](v1::UsageReport report) { reports_.Put(std::move(report)); };
  }
  int looks() {
    const MutexLock lock(mutex_);
    return looks_;
  }

  Mutex mutex_;
  int count_ = 3;
  absl::Duration takes_;
  absl::Status failure_;
  int looks_ = 0;
  int measured_ = 0;
  Mailbox<v1::UsageReport> reports_;
};

TEST_F(UsageGathererTest, NothingIsLookedAtBeforeItIsAskedFor) {
  UsageGatherer gatherer(Source(), Send());
  absl::SleepFor(absl::Milliseconds(50));
  gatherer.Ask(absl::ZeroDuration());
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(looks(), 0);
}

TEST_F(UsageGathererTest, EachSessionIsToldOfEverythingFirst) {
  UsageGatherer gatherer(Source(), Send());
  for (int session = 0; session < 2; ++session) {
    gatherer.Ask(absl::Hours(1));
    const std::optional<v1::UsageReport> report = reports_.Take();
    ASSERT_TRUE(report.has_value());
    ASSERT_EQ(report->databases_size(), 3);
    EXPECT_EQ(report->databases(2).size_bytes(), 300);
  }
}

TEST_F(UsageGathererTest, SizesThatTakeLongAreSpreadOverRounds) {
  count_ = 200;
  takes_ = absl::Milliseconds(700);
  UsageGatherer gatherer(Source(), Send());
  gatherer.Ask(absl::Milliseconds(10));
  const std::optional<v1::UsageReport> report = reports_.Take();
  ASSERT_TRUE(report.has_value());
  int known = 0;
  for (const auto& database : report->databases()) known += database.has_size_bytes() ? 1 : 0;
  EXPECT_EQ(report->databases_size(), 200) << "all are told of, with a size or without";
  EXPECT_EQ(known, 3 * static_cast<int>(UsageGatherer::kMeasuredAtOnce))
      << "what was saved is used up, and no more";
  for (const int seen = looks(); looks() < seen + 5;) absl::SleepFor(absl::Milliseconds(5));
  const MutexLock lock(mutex_);
  EXPECT_EQ(measured_, 3) << "debts are paid before anything else is measured";
}

TEST_F(UsageGathererTest, ServerThatDoesNotAnswerIsAskedAgain) {
  failure_ = absl::UnavailableError("down");
  UsageGatherer gatherer(Source(), Send());
  gatherer.Ask(absl::Milliseconds(10));
  while (looks() < 3) absl::SleepFor(absl::Milliseconds(5));
  {
    const MutexLock lock(mutex_);
    failure_ = absl::OkStatus();
  }
  EXPECT_TRUE(reports_.Take().has_value());
}

}  // namespace
}  // namespace croft::agent
