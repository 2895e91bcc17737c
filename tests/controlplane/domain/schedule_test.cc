#include "controlplane/domain/schedule.h"

#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

constexpr absl::Duration kInterval = absl::Minutes(5);
const absl::Time kFrom = absl::FromUnixSeconds(1'800'000'123);

ScheduleKey Comparison(int host) { return {ScheduleKind::kCompare, absl::StrCat("hosts/h", host)}; }

TEST(ScheduleTest, EachResourceHasItsOwnMomentInTheInterval) {
  std::vector<int> hosts_by_minute(5);
  const Recurrence recurrence{kInterval, std::nullopt};
  for (int i = 0; i < 1000; ++i) {
    const ScheduleKey key = Comparison(i);
    const absl::Time next = NextTime(key, recurrence, kFrom);
    EXPECT_GE(next, kFrom);
    EXPECT_LT(next, kFrom + kInterval);
    EXPECT_EQ(NextTime(key, recurrence, next), next);
    EXPECT_EQ(NextTime(key, recurrence, next + absl::Nanoseconds(1)), next + kInterval);
    ++hosts_by_minute[static_cast<size_t>(absl::ToInt64Minutes(next - kFrom))];
  }
  for (const int hosts : hosts_by_minute) EXPECT_NEAR(hosts, 200, 60);
}

TEST(ScheduleTest, MomentsLieInTheWindow) {
  // One over midnight, one shorter than the interval.
  for (const DailyWindow window :
       {DailyWindow{absl::Hours(22), absl::Hours(4)}, DailyWindow{absl::Hours(3), absl::Minutes(10)}}) {
    for (int i = 0; i < 50; ++i) {
      const ScheduleKey key = Comparison(i);
      absl::Time time = kFrom;
      for (int round = 0; round < 20; ++round) {
        const absl::Time next = NextTime(key, {absl::Hours(1), window}, time);
        EXPECT_TRUE(IsOpen(window, next)) << next;
        EXPECT_GE(next, time);
        EXPECT_LE(next - time, absl::Hours(25));
        time = next + absl::Minutes(1);
      }
    }
  }
}

TEST(ScheduleTest, WindowIsOpenFromItsStartToItsEnd) {
  const DailyWindow window{absl::Hours(22), absl::Hours(4)};
  const absl::Time midnight = absl::FromUnixSeconds(1'800'057'600 / 86'400 * 86'400);
  EXPECT_FALSE(IsOpen(window, midnight + absl::Hours(22) - absl::Nanoseconds(1)));
  EXPECT_TRUE(IsOpen(window, midnight + absl::Hours(22)));
  EXPECT_TRUE(IsOpen(window, midnight + absl::Hours(26) - absl::Nanoseconds(1)));
  EXPECT_FALSE(IsOpen(window, midnight + absl::Hours(2)));
  EXPECT_TRUE(IsOpen({absl::ZeroDuration(), absl::Hours(24)}, midnight));
}

TEST(ScheduleTest, TenantIsDueByTheTimeOfItsState) {
  Tenant tenant{.id = "acme"};
  tenant.expire_time = absl::FromUnixSeconds(20);
  tenant.purge_time = absl::FromUnixSeconds(10);
  const auto due = [&](TenantState state) {
    tenant.state = state;
    return ScheduleOf(tenant);
  };
  const auto at = [](ScheduleKind kind, int64_t seconds) {
    return Schedule{.key = {kind, "tenants/acme"}, .next_time = absl::FromUnixSeconds(seconds)};
  };
  EXPECT_EQ(due(TenantState::kReady), at(ScheduleKind::kExpire, 20));
  EXPECT_EQ(due(TenantState::kSuspended), at(ScheduleKind::kExpire, 20));
  EXPECT_EQ(due(TenantState::kRetired), at(ScheduleKind::kPurge, 10));
  EXPECT_EQ(due(TenantState::kFailed), at(ScheduleKind::kPurge, 20));
  EXPECT_EQ(due(TenantState::kCreating), std::nullopt);
  EXPECT_EQ(due(TenantState::kPurged), std::nullopt);
  for (const auto hold : {+[](Tenant& held) { held.current_operation = "op-1"; },
                          +[](Tenant& held) { held.unconfirmed = true; },
                          +[](Tenant& held) { held.delete_protection = true; }}) {
    Tenant held = tenant;
    held.state = TenantState::kReady;
    hold(held);
    EXPECT_EQ(ScheduleOf(held), std::nullopt);
  }
}

TEST(ScheduleTest, WhatIsKeptForEverIsNotPruned) {
  SchedulePolicy policy;
  policy.keep_audit = absl::InfiniteDuration();
  EXPECT_FALSE(RecurrenceOf(ScheduleKind::kPruneAudit, policy).has_value());
  EXPECT_TRUE(RecurrenceOf(ScheduleKind::kPruneOperations, policy).has_value());
  EXPECT_FALSE(RecurrenceOf(ScheduleKind::kExpire, policy).has_value());
}

}  // namespace
}  // namespace croft::domain
