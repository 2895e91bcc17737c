#include "agent/backup/index_builder.h"

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Sessions that are never connected: what is built is recorded.
class IndexBuilderTest : public ::testing::Test {
 protected:
  // A build ends when `at_once` have begun.
  IndexBuilder::Build Recording(size_t at_once = 1) {
    return [this, at_once](ReplaySession& session,
                           const TocEntry& entry) -> absl::StatusOr<ReplaySession::Attempt> {
      MutexLock lock(mutex_);
      built_.push_back(entry.tag);
      sessions_.insert(&session);
      changed_.NotifyAll();
      while (built_.size() < at_once) changed_.Wait(mutex_);
      if (entry.tag == broken_) return absl::UnavailableError("the server is out");
      if (entry.tag == refused_) return ReplaySession::Attempt{absl::InvalidArgumentError("refused")};
      return ReplaySession::Attempt{};
    };
  }
  std::vector<std::string> Built() {
    MutexLock lock(mutex_);
    return built_;
  }
  std::set<ReplaySession*> Sessions() {
    MutexLock lock(mutex_);
    return sessions_;
  }

  const ServerProbe probe_{.check = [] { return absl::OkStatus(); }};
  ReplaySession own_{{}, probe_, {}};
  ReplaySession other_{{}, probe_, {}};
  const TocEntry a_{.tag = "a"};
  const TocEntry b_{.tag = "b"};
  const TocEntry c_{.tag = "c"};
  const TocEntry d_{.tag = "d"};
  std::string broken_;
  std::string refused_;

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> built_ ABSL_GUARDED_BY(mutex_);
  std::set<ReplaySession*> sessions_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(IndexBuilderTest, BuildsAllAndTheLargestTableFirst) {
  IndexBuilder builder(own_, Recording());
  builder.Pause();
  builder.Add(10, {&a_});
  builder.Add(3000, {&b_, &c_});
  builder.Add(200, {&d_});
  const auto failed = builder.Finish(other_);
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_THAT(*failed, IsEmpty());
  const std::vector<std::string> built = Built();
  EXPECT_THAT(built, UnorderedElementsAre("a", "b", "c", "d"));
  // The two largest are begun before the smallest, and the indexes of a table follow one another.
  EXPECT_NE(built.front(), "a");
  EXPECT_LT(std::find(built.begin(), built.end(), "b"), std::find(built.begin(), built.end(), "c"));
}

TEST_F(IndexBuilderTest, BuildsOnItsOwnSessionBeforeTheEnd) {
  IndexBuilder builder(own_, Recording());
  builder.Add(1, {&a_});
  while (Built().empty()) std::this_thread::yield();
  EXPECT_THAT(Sessions(), ElementsAre(&own_));
  EXPECT_TRUE(builder.Finish(other_).ok());
}

TEST_F(IndexBuilderTest, BuildsOnBothSessionsAtTheEnd) {
  IndexBuilder builder(own_, Recording(/*at_once=*/2));
  builder.Add(1, {&a_});
  builder.Add(1, {&b_});
  EXPECT_TRUE(builder.Finish(other_).ok());
  EXPECT_THAT(Sessions(), UnorderedElementsAre(&own_, &other_));
}

TEST_F(IndexBuilderTest, BeginsNothingWhilePaused) {
  IndexBuilder builder(own_, Recording());
  builder.Pause();
  builder.Add(1, {&a_});
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_THAT(Built(), IsEmpty());
  ASSERT_TRUE(builder.Finish(other_).ok());
  EXPECT_THAT(Built(), ElementsAre("a"));
}

TEST_F(IndexBuilderTest, ReturnsWhatWasRefusedAndBuildsTheRest) {
  refused_ = "a";
  IndexBuilder builder(own_, Recording());
  builder.Add(1, {&a_, &b_});
  const auto failed = builder.Finish(other_);
  ASSERT_TRUE(failed.ok()) << failed.status();
  EXPECT_THAT(*failed, ElementsAre(&a_));
  EXPECT_THAT(Built(), ElementsAre("a", "b"));
}

TEST_F(IndexBuilderTest, ServerThatIsOutEndsAll) {
  broken_ = "a";
  IndexBuilder builder(own_, Recording());
  builder.Pause();
  builder.Add(1, {&a_, &b_});
  EXPECT_TRUE(absl::IsUnavailable(builder.Finish(other_).status()));
  EXPECT_THAT(Built(), ElementsAre("a"));
}

TEST_F(IndexBuilderTest, DropsWhatWaitsWhenItIsGivenUp) {
  {
    IndexBuilder builder(own_, Recording());
    builder.Pause();
    builder.Add(1, {&a_});
  }
  EXPECT_THAT(Built(), IsEmpty());
}

}  // namespace
}  // namespace croft::agent
