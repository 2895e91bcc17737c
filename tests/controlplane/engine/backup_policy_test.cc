#include <set>
#include <string>
#include <vector>

#include <absl/time/civil_time.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/domain/cron.h"
#include "tests/controlplane/engine/schedule_world.h"

namespace croft::engine {
namespace {

using ::testing::SizeIs;

TEST_F(BackupSchedules, CronLineRunsAtItsTimesAndMissedOnesOnce) {
  CreateTenant create = NewTenant("acme");
  create.tenant.backup_times = {.cron = "30 2 * * *", .time_zone = "Europe/Berlin"};
  world.Begin(create);
  world.Settle();
  const absl::TimeZone berlin = domain::ZoneOf("Europe/Berlin");
  const absl::Time first = Find(BackupOf("acme"))->next_time;
  const absl::CivilSecond shown = absl::ToCivilSecond(first, berlin);
  EXPECT_EQ(shown.hour(), 2);
  EXPECT_TRUE(shown.minute() >= 30 && shown.minute() < 40) << shown;
  BackUpInTime("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kAvailable);
  EXPECT_EQ(absl::ToCivilDay(Find(BackupOf("acme"))->next_time, berlin), absl::CivilDay(shown) + 1);
  // Three nights are missed.
  world.Pass(absl::Hours(72) + absl::Minutes(5));
  BackUp("acme", "b2");
  BackUp("acme", "b3");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b2").id, "b2");
  EXPECT_EQ(world.Backup("acme", "b3").id, "") << "one is enough for all three";
  EXPECT_EQ(absl::ToCivilDay(Find(BackupOf("acme"))->next_time, berlin), absl::CivilDay(shown) + 4);
}

TEST_F(BackupSchedules, CronLineAndIntervalTakeEachOthersPlace) {
  CreateBackedUp("acme", 3);
  const auto update = [&](const domain::TenantUpdate& fields) {
    ASSERT_TRUE(world.Call(UpdateTenant{.tenant = "acme", .update = fields}).ok());
  };
  update(With<&domain::Tenant::backup_times, &domain::BackupTimes::cron>(std::string("0 3 * * *")));
  EXPECT_EQ(world.Tenant("acme").backup_every, absl::ZeroDuration());
  EXPECT_EQ(absl::ToCivilHour(Find(BackupOf("acme"))->next_time, absl::UTCTimeZone()).hour(), 3);
  update(With<&domain::Tenant::backup_every>(absl::Hours(1)));
  EXPECT_EQ(world.Tenant("acme").backup_times.cron, "");
  EXPECT_LE(Find(BackupOf("acme"))->next_time, world.now + absl::Hours(1));
  update(With<&domain::Tenant::backup_every>(absl::ZeroDuration()));
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
}

TEST_F(BackupSchedules, WhatIsMissedIsMadeUpForOnlyInTheWindow) {
  CreateTenant create = NewTenant("acme");
  create.tenant.backup_times = {.cron = "30 2 * * *", .window = "22:00-05:00"};
  world.Begin(create);
  world.Settle();
  world.now = Find(BackupOf("acme"))->next_time + absl::Hours(6);
  BackUp("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "") << "the window is closed";
  const absl::Time opens = Find(BackupOf("acme"))->next_time;
  EXPECT_EQ(absl::ToCivilHour(opens, absl::UTCTimeZone()).hour(), 22);
  world.now = opens;
  BackUp("acme", "b1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "b1");
  EXPECT_GE(Find(BackupOf("acme"))->next_time, opens + absl::Hours(4)) << "the next night's own";
}

TEST_F(BackupSchedules, BudgetOfAHostIsAnOption) {
  world.policy.backups_per_host = 1;
  for (const char* id : {"a", "b"}) CreateBackedUp(id, 3);
  world.Pass(absl::Hours(6));
  for (const std::string id : {"a", "b"}) BackUp(id, "b-" + id);
  EXPECT_THAT(AuditedMethods(), SizeIs(1));
}

TEST_F(BackupSchedules, HostsThatShareAStoreShareItsBudget) {
  world.Join("h2");
  world.policy.backups_per_store = 2;
  for (const char* id : {"a", "b", "c", "d"}) CreateBackedUp(id, 3);
  std::set<std::string> hosts;
  for (const char* id : {"a", "b", "c", "d"}) hosts.insert(world.Tenant(id).placement.host);
  ASSERT_THAT(hosts, SizeIs(2)) << "two tenants on each";
  world.Pass(absl::Hours(6));
  for (const std::string id : {"a", "b", "c", "d"}) BackUp(id, "b-" + id);
  EXPECT_THAT(AuditedMethods(), SizeIs(2)) << "each host alone would make two";
  world.Settle();
  world.Pass(absl::Minutes(5));
  for (const std::string id : {"a", "b", "c", "d"}) BackUp(id, "c-" + id);
  EXPECT_THAT(AuditedMethods(), SizeIs(4));
}

TEST_F(BackupSchedules, FinalBackupsGoFirst) {
  for (const char* id : {"a", "b", "c"}) CreateBackedUp(id, 3);
  // Both places of the host are taken by retirements that a person asked for.
  for (const std::string id : {"a", "b"}) ASSERT_TRUE(world.Call(NewRetirement(id, "final-" + id)).ok());
  world.Pass(absl::Hours(6));
  BackUp("c", "b-c");
  EXPECT_EQ(world.Backup("c", "b-c").id, "");
  EXPECT_GE(Find(BackupOf("c"))->next_time, world.now + absl::Minutes(1)) << "it was put off";
  world.Settle();
  world.Pass(absl::Minutes(5));
  BackUp("c", "b-c");
  EXPECT_EQ(world.Backup("c", "b-c").id, "b-c");
}

TEST_F(BackupSchedules, WeeklyRuleKeepsWhatTheNewestWouldNot) {
  CreateTenant create = NewTenant("acme");
  create.tenant.backup_times = {.cron = "0 3 * * *"};
  create.tenant.keep.weekly = 2;
  world.Begin(create);
  world.Settle();
  std::vector<absl::Time> made;
  for (int day = 0; day < 21; ++day) {
    BackUpInTime("acme", "b" + std::to_string(100 + day));
    made.push_back(world.now);
    for (int i = 0; Find(Pruning("acme")).has_value(); ++i) {
      ASSERT_LT(i, 5);
      Prune("acme", "op-p" + std::to_string(100 * day + i));
      world.Settle();
      world.Pass(absl::Seconds(5));
    }
  }
  std::vector<absl::Time> kept;
  const std::vector<domain::Backup> backups = *world.catalog().ListBackups("acme", {}, 100);
  for (const domain::Backup& backup : backups) kept.push_back(backup.create_time);
  // The newest one, and the last one of the week before: of a Sunday.
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[0], made.back());
  EXPECT_EQ(absl::GetWeekday(absl::ToCivilDay(kept[1], absl::UTCTimeZone())), absl::Weekday::sunday);
  EXPECT_LT(kept[0] - kept[1], absl::Hours(24 * 8));
}

}  // namespace
}  // namespace croft::engine
