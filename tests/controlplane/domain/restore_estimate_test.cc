#include "controlplane/domain/restore_estimate.h"

#include <string>

#include <gtest/gtest.h>

namespace croft::domain {
namespace {

Backup Made(const std::string& id, int64_t size_bytes, int64_t database_bytes = 0,
            absl::Duration restore_duration = absl::ZeroDuration()) {
  Backup backup{.tenant = "acme", .id = id, .create_time = absl::FromUnixSeconds(1'800'000'000)};
  backup.size_bytes = size_bytes;
  backup.database_bytes = database_bytes;
  backup.restore_duration = restore_duration;
  return backup;
}

TEST(RestoreEstimateTest, SaysWhatIsReadAndWhereAndWhatIsLost) {
  Host host{.id = "h1"};
  host.report.free_bytes = 7;
  const Backup backup = Made("b1", 10, 30);
  const RestoreEstimate estimate = EstimateOf(backup, {backup}, host);
  EXPECT_EQ(estimate.tenant, "acme");
  EXPECT_EQ(estimate.backup, "b1");
  EXPECT_EQ(estimate.backup_time, backup.create_time);
  EXPECT_EQ(estimate.archive_bytes, 10);
  EXPECT_EQ(estimate.database_bytes, 30);
  EXPECT_EQ(estimate.host, "h1");
  EXPECT_EQ(estimate.free_bytes, 7);
  EXPECT_FALSE(estimate.duration) << "nothing was measured";
  host.report.free_bytes_unknown = true;
  EXPECT_FALSE(EstimateOf(backup, {backup}, host).free_bytes);
}

TEST(RestoreEstimateTest, ItsOwnLastRestoreSaysHowLongItTakes) {
  const Backup backup = Made("b1", 10, 30, absl::Seconds(40));
  const RestoreEstimate estimate =
      EstimateOf(backup, {Made("b2", 10, 30, absl::Seconds(50)), backup}, {.id = "h1"});
  EXPECT_EQ(estimate.duration, absl::Seconds(40));
  EXPECT_EQ(estimate.measured_with, "b1");
}

TEST(RestoreEstimateTest, TheNewestOtherOneIsScaledByTheSizeOfTheDatabase) {
  const Backup backup = Made("b4", 10, 30);
  const RestoreEstimate estimate = EstimateOf(
      backup, {backup, Made("b3", 10, 60, absl::Seconds(60)), Made("b2", 10, 30, absl::Seconds(1))},
      {.id = "h1"});
  EXPECT_EQ(estimate.duration, absl::Seconds(30));
  EXPECT_EQ(estimate.measured_with, "b3");
}

TEST(RestoreEstimateTest, WithoutTheSizeOfTheDatabaseTheArchivesSizeCounts) {
  const Backup backup = Made("b4", 10, 30);
  const RestoreEstimate estimate =
      EstimateOf(backup, {backup, Made("b3", 20, 0, absl::Seconds(60))}, {.id = "h1"});
  EXPECT_EQ(estimate.duration, absl::Seconds(30));
}

}  // namespace
}  // namespace croft::domain
