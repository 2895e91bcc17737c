#include "controlplane/server/call_limits.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::server {
namespace {

using access::Principal;
using access::PrincipalKind;

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

class CallLimitsTest : public testing::Test {
 protected:
  static Principal User(const std::string& name) { return {.kind = PrincipalKind::kUser, .name = name}; }
  int TakenBy(const Principal& principal, int tries) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += limits_.Take(principal).ok();
    return taken;
  }

  SetClock clock_;
  CallLimits limits_{{.calls_per_second = 10,
                      .burst = 20,
                      .streams = 5,
                      .strangers_per_second = 1,
                      .strangers_burst = 2,
                      .most_callers = 3},
                     clock_};
};

TEST_F(CallLimitsTest, BurstThenRate) {
  EXPECT_EQ(TakenBy(User("ci"), 100), 20);
  const absl::Status status = limits_.Take(User("ci"));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(status).reason, "RATE_LIMITED");
  EXPECT_EQ(*DetailsOf(status).retry_delay, absl::Milliseconds(100));
  clock_.now += absl::Seconds(1);
  EXPECT_EQ(TakenBy(User("ci"), 100), 10);
  clock_.now += absl::Hours(1);
  EXPECT_EQ(TakenBy(User("ci"), 100), 20);
}

TEST_F(CallLimitsTest, ClockThatIsSetBackTakesNothing) {
  EXPECT_EQ(TakenBy(User("ci"), 5), 5);
  clock_.now -= absl::Hours(1);
  EXPECT_EQ(TakenBy(User("ci"), 100), 15);
}

TEST_F(CallLimitsTest, OneIdentityTakesNothingFromAnother) {
  EXPECT_EQ(TakenBy(User("ci"), 100), 20);
  EXPECT_EQ(TakenBy(User("cd"), 100), 20);
  const Principal agent{.kind = PrincipalKind::kAgent, .name = "hosts/ci", .host = "ci"};
  EXPECT_EQ(TakenBy(agent, 100), 20);
}

TEST_F(CallLimitsTest, TheAdministratorIsNotLimited) {
  const Principal admin{.kind = PrincipalKind::kAdmin, .name = "admin"};
  EXPECT_EQ(TakenBy(admin, 1000), 1000);
  EXPECT_GT(limits_.MostStreams(admin), 1000u);
  EXPECT_EQ(limits_.MostStreams(User("ci")), 5u);
}

TEST_F(CallLimitsTest, StrangersShareTheirAddress) {
  EXPECT_TRUE(limits_.TakeOfStranger("ipv4:10.0.0.1:1").ok());
  EXPECT_TRUE(limits_.TakeOfStranger("ipv4:10.0.0.1:2").ok());
  EXPECT_FALSE(limits_.TakeOfStranger("ipv4:10.0.0.1:3").ok());
  EXPECT_TRUE(limits_.TakeOfStranger("ipv4:10.0.0.2:1").ok());
  EXPECT_EQ(AddressOf("ipv6:%5B::1%5D:4242"), "ipv6:%5B::1%5D");
  EXPECT_EQ(AddressOf("unix:/run/croftd.sock"), "unix:/run/croftd.sock");
}

TEST_F(CallLimitsTest, WhoComesToAFullTableSharesWithOthersUntilThereIsRoom) {
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(TakenBy(User(name), 1), 1);
  EXPECT_EQ(TakenBy(User("d"), 15), 15);
  EXPECT_EQ(TakenBy(User("e"), 15), 5) << "one allowance for all who are not told apart";
  clock_.now += absl::Hours(1);
  EXPECT_EQ(TakenBy(User("e"), 100), 20);
  EXPECT_EQ(TakenBy(User("d"), 100), 20);
}

}  // namespace
}  // namespace croft::server
