#include "controlplane/domain/schedule.h"

#include <algorithm>
#include <string>
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

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%dT%H:%M", text, &time, &error)) << text << ": " << error;
  return time;
}

TEST(ScheduleTest, WindowFollowsTheClockOfItsZoneOverBothSwitches) {
  const DailyWindow night = *ParseWindow("22:00-05:00", *FindZone("Europe/Berlin"));
  struct Night {
    std::string from, until;  // UTC
  };
  for (const Night& one : {Night{"2026-03-27T21:00", "2026-03-28T04:00"},
                           Night{"2026-03-28T21:00", "2026-03-29T03:00"},     // an hour less
                           Night{"2026-10-24T20:00", "2026-10-25T04:00"}}) {  // an hour more
    EXPECT_FALSE(IsOpen(night, Utc(one.from) - absl::Nanoseconds(1))) << one.from;
    EXPECT_TRUE(IsOpen(night, Utc(one.from))) << one.from;
    EXPECT_TRUE(IsOpen(night, Utc(one.until) - absl::Nanoseconds(1))) << one.until;
    EXPECT_FALSE(IsOpen(night, Utc(one.until))) << one.until;
  }
  // The clock skips all of this one: it opens when the clock is set.
  const DailyWindow skipped = *ParseWindow("02:10-02:40", *FindZone("Europe/Berlin"));
  EXPECT_FALSE(IsOpen(skipped, Utc("2026-03-29T00:59")));
  EXPECT_TRUE(IsOpen(skipped, Utc("2026-03-29T01:00")));
  EXPECT_TRUE(IsOpen(skipped, Utc("2026-03-29T01:29")));
  EXPECT_FALSE(IsOpen(skipped, Utc("2026-03-29T01:30")));
}

TEST(ScheduleTest, WindowsThatAreNoneAreRefused) {
  EXPECT_EQ(ParseWindow("00:00-00:00")->length, absl::Hours(24));
  for (const char* text :
       {"", "22:00", "22:00-24:00", "22-05", "22:00-05:60", "a:b-c:d", "22:00-05:00-06:00"})
    EXPECT_FALSE(ParseWindow(text).has_value()) << text;
}

// By what the tenant itself says.
std::optional<Recurrence> RecurrenceFor(const Tenant& tenant) {
  return BackupRecurrenceOf(tenant, InForce(tenant, {}));
}

Tenant WithCron(const std::string& cron, absl::Duration jitter, const std::string& window = "") {
  Tenant tenant{.id = "acme", .state = TenantState::kReady};
  tenant.backup_times = {.cron = cron, .window = window, .time_zone = "Europe/Berlin", .jitter = jitter};
  return tenant;
}

ScheduleKey BackupOf(int tenant) { return {ScheduleKind::kBackUp, absl::StrCat("tenants/t", tenant)}; }

TEST(ScheduleTest, TenThousandTenantsOnOneLineAreSpreadOverTheJitter) {
  const Recurrence nightly = *RecurrenceFor(WithCron("30 2 * * *", absl::Minutes(10)));
  const absl::Time from = Utc("2026-11-30T12:00"), due = Utc("2026-12-01T01:30");
  std::vector<int> by_second(600);
  for (int i = 0; i < 10'000; ++i) {
    const absl::Time next = NextTime(BackupOf(i), nightly, from);
    ASSERT_GE(next, due);
    ASSERT_LT(next, due + absl::Minutes(10));
    ++by_second[static_cast<size_t>(absl::ToInt64Seconds(next - due))];
    // Once a night, whenever in the night it is asked.
    EXPECT_EQ(NextTime(BackupOf(i), nightly, next), next);
    EXPECT_EQ(TimeAfterRun(BackupOf(i), nightly, next), next + absl::Hours(24));
    EXPECT_EQ(TimeAfterRun(BackupOf(i), nightly, next + absl::Hours(20)), next + absl::Hours(24));
  }
  EXPECT_LT(*std::max_element(by_second.begin(), by_second.end()), 50);
}

TEST(ScheduleTest, LineWithoutJitterIsExact) {
  const Recurrence nightly = *RecurrenceFor(WithCron("30 2 * * *", absl::ZeroDuration()));
  EXPECT_EQ(NextTime(BackupOf(1), nightly, Utc("2026-11-30T12:00")), Utc("2026-12-01T01:30"));
  EXPECT_EQ(NextTime(BackupOf(1), nightly, Utc("2026-12-01T01:30")), Utc("2026-12-01T01:30"));
}

TEST(ScheduleTest, WhatIsDueOutsideTheWindowWaitsForItOnce) {
  // Twice a day outside, once inside: three times are two runs.
  const Recurrence line = *RecurrenceFor(WithCron("0 9,12,23 * * *", absl::Minutes(10), "22:00-05:00"));
  for (int i = 0; i < 50; ++i) {
    const absl::Time first = NextTime(BackupOf(i), line, Utc("2026-11-30T05:00"));
    EXPECT_GE(first, Utc("2026-11-30T21:00"));
    EXPECT_LT(first, Utc("2026-11-30T21:10"));
    const absl::Time second = TimeAfterRun(BackupOf(i), line, first);
    EXPECT_GE(second, Utc("2026-11-30T22:00"));
    EXPECT_LT(second, Utc("2026-11-30T22:10"));
    EXPECT_GE(TimeAfterRun(BackupOf(i), line, second), Utc("2026-12-01T21:00"));
    // Missed at night, it is made up for when the window opens again, and not by day.
    EXPECT_EQ(TimeInWindow(BackupOf(i), line, Utc("2026-12-01T08:00")),
              Utc("2026-12-01T21:00") +
                  absl::Trunc(SpreadOf(BackupOf(i), absl::Minutes(10)), absl::Microseconds(1)));
    EXPECT_EQ(TimeInWindow(BackupOf(i), line, Utc("2026-12-01T02:00")), Utc("2026-12-01T02:00"));
  }
}

TEST(ScheduleTest, BackupsEverySoOftenKeepToTheWindow) {
  Tenant tenant{.id = "acme", .state = TenantState::kReady};
  tenant.backup_every = absl::Hours(24);
  tenant.backup_times.window = "01:00-02:00";
  tenant.backup_times.time_zone = "America/New_York";
  const Recurrence recurrence = *RecurrenceFor(tenant);
  for (int i = 0; i < 50; ++i) {
    absl::Time time = NextTime(BackupOf(i), recurrence, Utc("2026-10-20T00:00"));
    for (int day = 0; day < 30; ++day) {
      EXPECT_TRUE(IsOpen(*recurrence.window, time)) << time;
      const absl::Time next = TimeAfterRun(BackupOf(i), recurrence, time);
      EXPECT_EQ(absl::ToCivilDay(next, recurrence.window->zone),
                absl::ToCivilDay(time, recurrence.window->zone) + 1);
      time = next;
    }
  }
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
