#include "agent/session/host_watcher.h"

#include <gtest/gtest.h>

#include "gate.h"

namespace croft::agent {
namespace {

const MissingRight kRight{
    .right = "CREATEDB", .consequence = "no tenants", .remedy = "ALTER ROLE", .task_kinds = {"create"}};

// A server that is as the test says.
class ToldServer : public Server {
 public:
  ServerAccess access() const override { return {}; }
  absl::Status EnsureRunning(const Timeout&) override { return absl::OkStatus(); }
  ServerReport Report(const Timeout&) override {
    MutexLock lock(mutex_);
    return report_;
  }

  void Tell(ServerReport report) {
    MutexLock lock(mutex_);
    report_ = std::move(report);
  }

 private:
  Mutex mutex_;
  ServerReport report_ ABSL_GUARDED_BY(mutex_);
};

ServerReport Up(std::vector<MissingRight> missing = {}) {
  return {.up = true, .version = "17.2", .missing_rights = std::move(missing)};
}

// It looks again when it is told to, and not before.
class HostWatcherTest : public ::testing::Test {
 protected:
  void Start(ServerReport report) {
    server_.Tell(std::move(report));
    watcher_.emplace(
        server_, StoresToTell{}, [](const std::string&) { return ""; }, absl::Hours(1),
        [this] { changes_.Put(true); });
    ASSERT_TRUE(changes_.Take()) << "the first look tells of a change";
  }

  void LookAt(ServerReport report) {
    server_.Tell(std::move(report));
    watcher_->LookNow();
  }

  ToldServer server_;
  Mailbox<bool> changes_;
  std::optional<HostWatcher> watcher_;
};

TEST_F(HostWatcherTest, FirstLookKnowsWhichRightsAreMissing) {
  Start(Up({kRight}));
  ASSERT_EQ(watcher_->Latest().missing_rights_size(), 1);
  EXPECT_EQ(watcher_->Latest().missing_rights(0).right(), "CREATEDB");
}

TEST_F(HostWatcherTest, ARightThatIsTakenAwayIsAChangeAndSoIsItsReturn) {
  Start(Up());
  LookAt(Up({kRight}));
  ASSERT_TRUE(changes_.Take());
  EXPECT_EQ(watcher_->Latest().missing_rights_size(), 1);
  LookAt(Up());
  ASSERT_TRUE(changes_.Take());
  EXPECT_EQ(watcher_->Latest().missing_rights_size(), 0);
}

TEST_F(HostWatcherTest, WhatIsAsItWasIsNoChange) {
  Start(Up({kRight}));
  LookAt(Up({kRight}));
  LookAt(ServerReport{.problem = "gone"});
  ASSERT_TRUE(changes_.Take());
  EXPECT_EQ(watcher_->Latest().problem(), "gone");
  EXPECT_TRUE(changes_.empty());
}

}  // namespace
}  // namespace croft::agent
