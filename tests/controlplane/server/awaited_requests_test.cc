#include "controlplane/server/awaited_requests.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/server/probe.h"

namespace croft::server {
namespace {

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
};

class Call final : public AwaitsRequest {
 public:
  void GiveUp(const absl::Status& status) override {
    ends.push_back(status);
    ended.Set();
  }
  std::vector<absl::Status> ends;
  Event ended;
};

TEST(AwaitedRequestsTest, ARequestThatComesInTimeIsTheCalls) {
  SetClock clock;
  AwaitedRequests awaited(absl::Seconds(30), 10, clock);
  const auto call = std::make_shared<Call>();
  const uint64_t number = awaited.Add(call);
  clock.now += absl::Seconds(30) - absl::Nanoseconds(1);
  awaited.GiveUpLate();
  EXPECT_TRUE(awaited.Arrived(number));
  clock.now += absl::Hours(1);
  awaited.GiveUpLate();
  EXPECT_TRUE(call->ends.empty());
  EXPECT_EQ(call.use_count(), 1);
}

TEST(AwaitedRequestsTest, ALateRequestEndsItsCallOnceAndNoOther) {
  SetClock clock;
  AwaitedRequests awaited(absl::Seconds(30), 10, clock);
  const auto late = std::make_shared<Call>();
  const auto later = std::make_shared<Call>();
  const uint64_t number = awaited.Add(late);
  clock.now += absl::Seconds(1);
  const uint64_t other = awaited.Add(later);
  clock.now += absl::Seconds(29);
  awaited.GiveUpLate();
  awaited.GiveUpLate();
  ASSERT_EQ(late->ends.size(), 1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(late->ends[0]));
  EXPECT_EQ(DetailsOf(late->ends[0]).reason, "REQUEST_INCOMPLETE");
  EXPECT_FALSE(awaited.Arrived(number));
  EXPECT_TRUE(later->ends.empty());
  EXPECT_TRUE(awaited.Arrived(other));
}

TEST(AwaitedRequestsTest, OneTooManyDisplacesTheOneThatWaitsLongest) {
  SetClock clock;
  AwaitedRequests awaited(absl::Seconds(30), 2, clock);
  const auto first = std::make_shared<Call>();
  const auto second = std::make_shared<Call>();
  const auto third = std::make_shared<Call>();
  const uint64_t number = awaited.Add(first);
  (void)awaited.Add(second);
  EXPECT_TRUE(first->ends.empty());
  (void)awaited.Add(third);
  ASSERT_EQ(first->ends.size(), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(first->ends[0]));
  EXPECT_FALSE(awaited.Arrived(number));
  EXPECT_TRUE(second->ends.empty());
  EXPECT_TRUE(third->ends.empty());
}

TEST(AwaitedRequestsTest, LooksByItselfOnceStarted) {
  const SystemClock clock;
  AwaitedRequests awaited(absl::Milliseconds(1), 10, clock);
  awaited.Start();
  const auto call = std::make_shared<Call>();
  (void)awaited.Add(call);
  call->ended.Wait();
}

}  // namespace
}  // namespace croft::server
