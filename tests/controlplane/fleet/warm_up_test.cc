#include <gtest/gtest.h>

#include "tests/controlplane/fleet/fleet_under_test.h"

// What a start of the control plane says of hosts that it has not heard yet.
namespace croft::fleet {
namespace {

class WarmUpTest : public ::testing::Test {
 protected:
  explicit WarmUpTest(absl::Duration silence = absl::Milliseconds(300)) : fleet_({.silence = silence}) {}

  domain::HostState State() { return domain::StateOf(fleet_.Host("h1")); }
  // The control plane ends while the host is up, and starts again.
  void RestartWithHostUp() {
    const Identity identity = fleet_.Join("h1");
    AgentSession agent(fleet_, identity);
    agent.Open();
    fleet_.WaitUntil([&] { return State() == domain::HostState::kUp; });
    fleet_.Stop();
    fleet_.Start();
  }

  FleetUnderTest fleet_;
};

class SlowWarmUpTest : public WarmUpTest {
 protected:
  SlowWarmUpTest() : WarmUpTest(absl::Hours(1)) {}
};

TEST_F(WarmUpTest, AHostThatDoesNotComeBackIsAwaitedFirstAndAwayAfterTheTimeOfSilence) {
  RestartWithHostUp();
  const absl::Time start = absl::Now();
  fleet_.WaitUntil([&] { return State() != domain::HostState::kUp; });
  EXPECT_FALSE(fleet_.fleet().LastHeard("h1").has_value()) << "not in this process's life";
  fleet_.WaitUntil([&] { return State() == domain::HostState::kAway; });
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(250));
}

TEST_F(SlowWarmUpTest, AHostIsAwaitedAndNotAwayRightAfterAStart) {
  RestartWithHostUp();
  fleet_.WaitUntil([&] { return State() != domain::HostState::kUp; });
  EXPECT_EQ(State(), domain::HostState::kAwaited);
}

TEST_F(WarmUpTest, AHostThatWasAwayBeforeIsNotAwaited) {
  fleet_.Join("h1");
  fleet_.Stop();
  fleet_.Start();
  fleet_.Call(engine::CordonHost{.host = "h1"});
  EXPECT_EQ(State(), domain::HostState::kAway);
}

}  // namespace
}  // namespace croft::fleet
