#include "controlplane/domain/retention.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/domain/retention_model.h"

namespace croft::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Backup Made(const std::string& id, BackupState state, BackupOrigin origin = BackupOrigin::kScheduled) {
  return {.tenant = "acme", .id = id, .state = state, .origin = origin};
}

std::vector<std::string> Ids(const std::vector<Backup>& backups) {
  std::vector<std::string> ids;
  for (const Backup& backup : backups) ids.push_back(backup.id);
  return ids;
}

std::vector<std::string> Surplus(int32_t kept, const std::vector<Backup>& newest_first) {
  Tenant tenant;
  tenant.backups_kept = kept;
  return Ids(SurplusBackups(InForce(tenant, {}), newest_first));
}

TEST(SurplusBackupsTest, AreThoseBeyondTheNewestUsableOnesOldestFirst) {
  const std::vector<Backup> backups = {
      Made("e", BackupState::kAvailable), Made("d", BackupState::kVerified),
      Made("c", BackupState::kAvailable), Made("b", BackupState::kAvailable),
      Made("a", BackupState::kVerified)};
  EXPECT_THAT(Surplus(2, backups), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Surplus(5, backups), IsEmpty());
  EXPECT_THAT(Surplus(0, backups), IsEmpty()) << "the default keeps more";
}

TEST(SurplusBackupsTest, TheNewestProvenOneIsKeptHoweverOldItIs) {
  const std::vector<Backup> backups = {
      Made("d", BackupState::kAvailable), Made("c", BackupState::kAvailable),
      Made("b", BackupState::kVerifiedWithNotes), Made("a", BackupState::kVerified)};
  EXPECT_THAT(Surplus(1, backups), ElementsAre("a", "c"));
}

TEST(SurplusBackupsTest, OnesThatWereAskedForAreKeptAndTakeNoRoom) {
  const std::vector<Backup> backups = {
      Made("d", BackupState::kAvailable, BackupOrigin::kManual), Made("c", BackupState::kAvailable),
      Made("b", BackupState::kAvailable, BackupOrigin::kFinal), Made("a", BackupState::kAvailable)};
  EXPECT_THAT(Surplus(1, backups), ElementsAre("a"));
}

TEST(SurplusBackupsTest, WhatCannotBeRestoredTakesNoRoomAndGoesWithItsAge) {
  const std::vector<Backup> backups = {
      Made("f", BackupState::kFailed),  Made("e", BackupState::kAvailable),
      Made("d", BackupState::kDamaged), Made("c", BackupState::kAvailable),
      Made("b", BackupState::kFailed),  Made("a", BackupState::kIncomplete)};
  EXPECT_THAT(Surplus(2, backups), ElementsAre("a", "b"));
}

TEST(SurplusBackupsTest, NamedAndHeldOnesAreKept) {
  std::vector<Backup> backups = {Made("d", BackupState::kAvailable), Made("c", BackupState::kAvailable),
                                 Made("b", BackupState::kAvailable), Made("a", BackupState::kFailed)};
  EXPECT_THAT(Surplus(1, backups), ElementsAre("a", "b", "c"));
  backups[1].given_name = "before-2.4";
  backups[2].hold.time = absl::UnixEpoch();
  EXPECT_THAT(Surplus(1, backups), ElementsAre("a"));
}

TEST(SurplusBackupsTest, WhatIsUnderWorkIsLeftAlone) {
  const std::vector<Backup> backups = {Made("c", BackupState::kCreating),
                                       Made("b", BackupState::kAvailable),
                                       Made("a", BackupState::kDeleting)};
  EXPECT_THAT(Surplus(1, backups), IsEmpty());
}

absl::Time Berlin(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%dT%H:%M", text, absl::TimeZone(), &time, &error)) << text << error;
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return absl::FromCivil(absl::ToCivilSecond(time, absl::UTCTimeZone()), zone);
}

Backup MadeAt(const std::string& id, absl::Time time, BackupState state = BackupState::kAvailable) {
  Backup backup = Made(id, state);
  backup.create_time = time;
  return backup;
}

struct Row {
  std::string time;  // in Berlin
  BackupState state;
  std::vector<KeepRule> kept_by;
};

// Each row is a backup, the newest first; 2026-11-30 is a Monday.
TEST(RulesThatKeepTest, AreThoseOfThePolicyByTheClockOfItsZone) {
  Tenant tenant;
  tenant.backups_kept = 2;
  tenant.keep = {.within = absl::Hours(30), .daily = 3, .weekly = 3, .monthly = 3, .yearly = 2};
  tenant.backup_times.time_zone = "Europe/Berlin";
  using enum KeepRule;
  constexpr BackupState kGood = BackupState::kAvailable;
  const std::vector<Row> rows = {
      {"2026-11-30T08:00", BackupState::kFailed, {kNewest, kWithin}},
      {"2026-11-30T06:00", kGood, {kNewest, kWithin, kDaily, kWeekly, kMonthly, kYearly}},
      {"2026-11-30T00:30", BackupState::kVerified, {kNewest, kWithin}},
      {"2026-11-29T23:30", kGood, {kWithin, kDaily, kWeekly}},  // the same day in UTC as the one above
      {"2026-11-29T00:00", kGood, {kWithin}},                   // 30 hours before the newest usable one
      {"2026-11-28T23:59", kGood, {kDaily}},
      {"2026-11-27T10:00", BackupState::kFailed, {}},
      {"2026-11-27T09:00", kGood, {}},
      {"2026-11-22T10:00", BackupState::kDamaged, {}},
      {"2026-11-22T09:00", kGood, {kWeekly}},
      {"2026-11-01T00:10", kGood, {}},  // October in UTC
      {"2026-10-31T23:50", kGood, {kMonthly}},
      {"2026-09-30T12:00", kGood, {kMonthly}},
      {"2026-08-31T12:00", kGood, {}},
      {"2026-01-01T00:10", kGood, {}},  // 2025 in UTC
      {"2025-12-31T12:00", kGood, {kYearly}},
      {"2024-12-31T12:00", kGood, {}},
  };
  std::vector<Backup> backups;
  for (const Row& row : rows) backups.push_back(MadeAt(row.time, Berlin(row.time), row.state));
  const std::vector<std::vector<KeepRule>> kept = RulesThatKeep(InForce(tenant, {}), backups);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(kept[i], rows[i].kept_by) << rows[i].time;
  std::vector<std::string> surplus;
  for (const Row& row : rows) {
    if (row.kept_by.empty()) surplus.insert(surplus.begin(), row.time);
  }
  EXPECT_EQ(Ids(SurplusBackups(InForce(tenant, {}), backups)), surplus);
}

TEST(RulesThatKeepTest, OneIsKeptBesideOtherRulesAndSevenWithoutAny) {
  Tenant tenant;
  EXPECT_EQ(NewestKept(InForce(tenant, {})), 7);
  tenant.keep.monthly = 2;
  EXPECT_EQ(NewestKept(InForce(tenant, {})), 1);
  tenant.backups_kept = 3;
  EXPECT_EQ(NewestKept(InForce(tenant, {})), 3);
  // However long ago it was made, the newest one stays.
  tenant.backups_kept = 0;
  tenant.keep = {.within = absl::Hours(1)};
  const std::vector<Backup> backups = {MadeAt("b", absl::FromUnixSeconds(7'200)),
                                       MadeAt("a", absl::FromUnixSeconds(3'599))};
  EXPECT_THAT(Ids(SurplusBackups(InForce(tenant, {}), backups)), ElementsAre("a"));
}

class RandomHistories {
 public:
  explicit RandomHistories(uint32_t seed) : random_(seed) {}

  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
  Tenant Policy() {
    Tenant tenant;
    tenant.backups_kept = Roll(5);
    if (Roll(2) == 0) tenant.keep.within = absl::Hours(Roll(200));
    if (Roll(2) == 0) tenant.keep.daily = Roll(8);
    if (Roll(2) == 0) tenant.keep.weekly = Roll(6);
    if (Roll(2) == 0) tenant.keep.monthly = Roll(6);
    if (Roll(2) == 0) tenant.keep.yearly = Roll(4);
    const char* zones[] = {"UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia"};
    tenant.backup_times.time_zone = zones[Roll(5)];
    return tenant;
  }
  // After the last one: hours, or sometimes months.
  absl::Duration Gap() {
    return Roll(20) == 0 ? absl::Hours(24 * Roll(90)) : absl::Minutes(1 + Roll(60 * 30));
  }
  BackupState State() {
    const int roll = Roll(12);
    return roll == 0 ? BackupState::kFailed : roll == 1 ? BackupState::kDamaged : BackupState::kAvailable;
  }

 private:
  std::mt19937 random_;
};

// Retention after each backup leaves what the rules keep of all that ever were, and nothing else.
TEST(RetentionTest, LeavesExactlyWhatTheRulesKeepOfTheWholeHistory) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    RandomHistories random(seed);
    const Tenant tenant = random.Policy();
    std::vector<Backup> all, left;
    absl::Time time = absl::FromUnixSeconds(1'750'000'000);
    for (int i = 0; i < 100; ++i) {
      time += random.Gap();
      const Backup made = MadeAt(absl::StrCat("b", 1000 + i), time, random.State());
      all.insert(all.begin(), made);
      left.insert(left.begin(), made);
      // It runs when one succeeded.
      if (!Usable(made)) continue;
      for (const Backup& surplus : SurplusBackups(InForce(tenant, {}), left))
        std::erase_if(left, [&](const Backup& one) { return one.id == surplus.id; });
      // What was deleted too early is missing later, too.
      if (i % 9 != 0) continue;
      std::vector<std::string> expected;
      for (size_t k = 0; k < all.size(); ++k) {
        if (RulesKeep(tenant, all, k)) expected.push_back(all[k].id);
      }
      ASSERT_EQ(Ids(left), expected) << "seed " << seed << " after " << i;
    }
  }
}

}  // namespace
}  // namespace croft::domain
