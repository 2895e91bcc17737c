#include "controlplane/usage/usage_keeper.h"

#include <filesystem>
#include <fstream>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/usage/support.h"

namespace croft::usage {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class UsageKeeperTest : public testing::Test {
 protected:
  UsageKeeperTest() {
    limits_.pace = absl::Milliseconds(1);
    limits_.retry = absl::Milliseconds(1);
  }

  void Begin() {
    keeper_.reset();
    keeper_ = std::make_unique<UsageKeeper>(folder_.file(), clock_, limits_);
    keeper_->Start();
  }

  // Tells again and again until it is kept.
  void Keep(const std::string& uid, int64_t size) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    for (int64_t commits = 0; absl::Now() < deadline; ++commits) {
      keeper_->Note("h1", {ReportOf(uid, commits, size, 1)});
      absl::SleepFor(absl::Milliseconds(5));
      const auto found = keeper_->Find(uid, "h1");
      if (found.ok() && *found && (*found)->size_bytes == size) return;
    }
    ADD_FAILURE() << uid << " is not kept";
  }

  std::string Bytes() const {
    std::ifstream file(folder_.file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Overwrite(size_t from, const std::string& bytes) {
    std::fstream file(folder_.file(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(from));
    file << bytes;
  }
  bool WasSetAside() const { return std::filesystem::exists(folder_.file() + ".set-aside"); }

  SystemClock clock_;
  Folder folder_;
  UsageKeeper::Limits limits_;
  std::unique_ptr<UsageKeeper> keeper_;
};

TEST_F(UsageKeeperTest, WhatIsToldIsAnsweredAndOutlivesTheProcess) {
  Begin();
  Keep("a", 100);
  keeper_->Note("h1", {ReportOf("b", 1, 300)});
  keeper_->Stop();
  Begin();
  Keep("c", 200);
  const auto found = keeper_->List(Order::kSize, {}, 10);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(*found, SizeIs(3));
  EXPECT_EQ(found->at(0).usage.uid, "b") << "what waited was written at the end";
  const auto hours = keeper_->Hours((*keeper_->Find("a", "h1"))->id, clock_.Now() - absl::Hours(100'000));
  ASSERT_TRUE(hours.ok()) << hours.status();
  EXPECT_GE(hours->size(), 1U);
  EXPECT_FALSE(WasSetAside());
}

TEST_F(UsageKeeperTest, FileThatIsNoneOfOursIsSetAside) {
  std::ofstream(folder_.file()) << std::string(5000, 'x');
  Begin();
  Keep("a", 100);
  EXPECT_TRUE(WasSetAside());
  std::ifstream aside(folder_.file() + ".set-aside");
  EXPECT_EQ(aside.get(), 'x') << "it is kept for whoever wants to look";
}

TEST_F(UsageKeeperTest, FileThatIsDamagedIsSetAside) {
  Begin();
  for (int i = 0; i < 20; ++i)
    keeper_->Note("h1", std::vector<Report>(1, ReportOf("u" + std::to_string(i), 0, i)));
  Keep("a", 100);
  keeper_->Stop();
  keeper_.reset();
  // All but the header: it opens, and what is read and written then makes no sense.
  Overwrite(100, std::string(Bytes().size() - 100, '\x5a'));
  Begin();
  Keep("b", 200);
  EXPECT_TRUE(WasSetAside());
  EXPECT_FALSE((*keeper_->Find("a", "h1")).has_value());
}

TEST_F(UsageKeeperTest, NothingIsWrittenToADiskThatIsNearlyFull) {
  limits_.least_free_bytes = int64_t{1} << 60;
  Begin();
  for (int i = 0; i < 20; ++i) {
    keeper_->Note("h1", {ReportOf("a", i, 100)});
    absl::SleepFor(absl::Milliseconds(2));
  }
  const auto found = keeper_->Find("a", "h1");
  EXPECT_TRUE(!found.ok() || !found->has_value());
  keeper_->Stop();
}

TEST_F(UsageKeeperTest, FolderThatIsNotThereStopsNothing) {
  const Folder other;
  UsageKeeper keeper(other.file() + "/nowhere/usage.db", clock_, limits_);
  keeper.Start();
  keeper.Note("h1", {ReportOf("a", 1, 100)});
  EXPECT_EQ(DetailsOf(keeper.Find("a", "h1").status()).reason, "USAGE_UNAVAILABLE");
  keeper.Stop();
}

// The oldest hours go first; what databases use now stays.
TEST_F(UsageKeeperTest, FileThatGrowsTooLargeLosesItsOldestHours) {
  {
    const auto writer = *UsageWriter::Open(folder_.file());
    for (int hour = 1; hour < 5; ++hour) {
      const absl::Time time = clock_.Now() - absl::Hours(5 - hour);
      ASSERT_TRUE(writer->Write({{"h1", time, {ReportOf("a", hour, hour)}}}, true).ok());
    }
  }
  limits_.most_bytes = 1;
  Begin();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  size_t left = 9;
  for (int64_t commits = 9; left > 1 && absl::Now() < deadline; ++commits) {
    keeper_->Note("h1", {ReportOf("a", commits, 100), ReportOf("new", 1, 1)});
    absl::SleepFor(absl::Milliseconds(5));
    const auto found = keeper_->Find("a", "h1");
    if (found.ok() && *found) left = keeper_->Hours((*found)->id, clock_.Now() - absl::Hours(99))->size();
  }
  EXPECT_EQ(left, 1U);
}

TEST_F(UsageKeeperTest, MoreThanCanBeWrittenIsDropped) {
  limits_.most_waiting = 10;
  Begin();
  keeper_->Note("h1", std::vector<Report>(11, ReportOf("flood", 0, 1)));
  Keep("a", 100);
  EXPECT_FALSE((*keeper_->Find("flood", "h1")).has_value());
}

}  // namespace
}  // namespace croft::usage
