#include "controlplane/domain/backup_plan.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

// By what the tenant itself says.
std::optional<Recurrence> RecurrenceFor(const Tenant& tenant) {
  return BackupRecurrenceOf(tenant, InForce(tenant, {}));
}
BackupPlan PlanFor(const Tenant& tenant, const std::vector<Backup>& backups,
                   const BackupSchedules& schedules) {
  return PlanOf(tenant, InForce(tenant, {}), backups, schedules);
}

using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const ScheduleKey kBackUp{ScheduleKind::kBackUp, "tenants/acme"};

Tenant Acme(int32_t kept) {
  Tenant tenant{.id = "acme", .state = TenantState::kReady};
  tenant.backups_kept = kept;
  tenant.backup_every = absl::Hours(6);
  return tenant;
}

Backup Made(const std::string& id, BackupState state, BackupOrigin origin = BackupOrigin::kScheduled) {
  return {
      .tenant = "acme", .id = id, .create_time = kNow - absl::Hours(1), .state = state, .origin = origin};
}

Schedule At(ScheduleKind kind, absl::Duration from_now) {
  return {.key = {kind, "tenants/acme"}, .next_time = kNow + from_now};
}

// The tenant's own moment of the first backup from now on.
Schedule NextBackup(const Tenant& tenant) {
  return {.key = kBackUp, .next_time = NextTime(kBackUp, *RecurrenceFor(tenant), kNow)};
}

PlannedBackup FateOf(const BackupPlan& plan, const std::string& id) {
  for (const PlannedBackup& planned : plan.backups) {
    if (planned.backup == id) return planned;
  }
  ADD_FAILURE() << id << " is not in the plan";
  return {};
}

// What retention really deletes, and when, if every backup succeeds: the rule itself, run through the coming days.
std::map<std::string, absl::Time> Simulated(const Tenant& tenant, std::vector<Backup> backups,
                                            const Schedule& next, int rounds) {
  std::map<std::string, absl::Time> deleted;
  absl::Time time = next.next_time;
  for (int i = 0; i < rounds; ++i) {
    Backup made = Made(absl::StrCat("new", i), BackupState::kAvailable);
    made.create_time = time;
    backups.insert(backups.begin(), made);
    for (const Backup& surplus : SurplusBackups(InForce(tenant, {}), backups)) {
      deleted.emplace(surplus.id, time);
      std::erase_if(backups, [&](const Backup& backup) { return backup.id == surplus.id; });
    }
    time = TimeAfterRun(next.key, *RecurrenceFor(tenant), time);
  }
  return deleted;
}

TEST(BackupPlanTest, SaysOfEachBackupWhatRetentionDoes) {
  const Tenant tenant = Acme(3);
  std::vector<Backup> backups = {
      Made("h", BackupState::kAvailable), Made("g", BackupState::kFailed),
      Made("f", BackupState::kVerified),  Made("e", BackupState::kAvailable, BackupOrigin::kManual),
      Made("d", BackupState::kDamaged),   Made("c", BackupState::kAvailable),
      Made("b", BackupState::kFailed),    Made("a", BackupState::kIncomplete)};
  const Schedule next = NextBackup(tenant);
  const BackupPlan plan = PlanFor(tenant, backups, {.backup = next});
  const auto deleted = Simulated(tenant, backups, next, 8);
  for (const std::string id : {"h", "g", "d", "c", "b", "a"}) {
    const PlannedBackup planned = FateOf(plan, id);
    EXPECT_EQ(planned.fate, BackupFate::kDeletedByRetention) << id;
    ASSERT_TRUE(planned.delete_time.has_value()) << id;
    EXPECT_EQ(*planned.delete_time, deleted.at(id)) << id;
  }
  EXPECT_EQ(FateOf(plan, "e").fate, BackupFate::kKeptManual);
  EXPECT_EQ(FateOf(plan, "f").fate, BackupFate::kKeptNewestProven);
  EXPECT_FALSE(deleted.contains("f"));
}

// A history of a year and a half with gaps, and a policy of any kind.
class PlanOfRules : public ::testing::Test {
 protected:
  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
  Tenant Policy() {
    Tenant tenant = Acme(Roll(4));
    tenant.keep = {.within = absl::Hours(Roll(3) * 100),
                   .daily = Roll(6),
                   .weekly = Roll(5),
                   .monthly = Roll(4),
                   .yearly = Roll(2)};
    tenant.backup_times.time_zone = Roll(2) == 0 ? "" : "Europe/Berlin";
    if (Roll(2) == 0) return tenant;
    tenant.backup_every = absl::ZeroDuration();
    tenant.backup_times.cron = Roll(2) == 0 ? "30 2 * * *" : "15 8,20 * * 1-5";
    return tenant;
  }
  // What retention has left of it.
  std::vector<Backup> History(const Tenant& tenant) {
    std::vector<Backup> backups;
    absl::Time time = kNow - absl::Hours(24 * 500);
    for (int i = 0; time < kNow; ++i, time += absl::Hours(Roll(30) == 0 ? 24 * Roll(60) : 6 + Roll(30))) {
      backups.insert(backups.begin(), Made(absl::StrCat("old", i), BackupState::kAvailable));
      backups.front().create_time = time;
    }
    for (const Backup& surplus : SurplusBackups(InForce(tenant, {}), backups))
      std::erase_if(backups, [&](const Backup& backup) { return backup.id == surplus.id; });
    return backups;
  }

 private:
  std::mt19937 random_{5};
};

TEST_F(PlanOfRules, SaysWhenTheLastRuleLetsGoOfEachBackup) {
  int foretold = 0;
  for (int round = 0; round < 25; ++round) {
    const Tenant tenant = Policy();
    const std::vector<Backup> backups = History(tenant);
    const Schedule next = NextBackup(tenant);
    const BackupPlan plan = PlanFor(tenant, backups, {.backup = next});
    const auto deleted = Simulated(tenant, backups, next, 500);
    for (const PlannedBackup& planned : plan.backups) {
      EXPECT_FALSE(planned.kept_by.empty()) << planned.backup;
      EXPECT_EQ(planned.fate, BackupFate::kDeletedByRetention);
      const auto simulated = deleted.find(planned.backup);
      if (simulated == deleted.end()) {
        EXPECT_GT(*planned.delete_time, kNow + absl::Hours(24 * 90)) << "round " << round << planned.backup;
        continue;
      }
      EXPECT_EQ(*planned.delete_time, simulated->second) << "round " << round << " " << planned.backup;
      ++foretold;
    }
    EXPECT_EQ(plan.later_backups.size(), 3u);
    EXPECT_EQ(plan.later_backups.front(), TimeAfterRun(next.key, *RecurrenceFor(tenant), next.next_time));
  }
  EXPECT_GT(foretold, 100);
}

TEST(BackupPlanTest, NewestProvenOneGoesAfterTheNextProof) {
  const Tenant tenant = Acme(1);
  const std::vector<Backup> backups = {Made("b", BackupState::kAvailable),
                                       Made("a", BackupState::kVerified)};
  const Schedule next = NextBackup(tenant);
  const Schedule proof = At(ScheduleKind::kProve, absl::Hours(24));
  const PlannedBackup planned = FateOf(PlanFor(tenant, backups, {.backup = next, .proof = proof}), "a");
  EXPECT_EQ(planned.fate, BackupFate::kDeletedByRetention);
  EXPECT_GE(*planned.delete_time, proof.next_time);
  EXPECT_LE(*planned.delete_time, proof.next_time + absl::Hours(6));
}

TEST(BackupPlanTest, WhatIsDueAlreadyGoesWhenItsScheduleSays) {
  const std::vector<Backup> backups = {Made("b", BackupState::kAvailable),
                                       Made("a", BackupState::kAvailable)};
  const BackupPlan plan = PlanFor(
      Acme(1), backups,
      {.backup = NextBackup(Acme(1)), .pruning = At(ScheduleKind::kPruneBackups, absl::Seconds(5))});
  EXPECT_EQ(*FateOf(plan, "a").delete_time, kNow + absl::Seconds(5));
}

TEST(BackupPlanTest, WithoutAPolicyNothingIsDeleted) {
  Tenant tenant = Acme(1);
  tenant.backup_every = absl::ZeroDuration();
  const std::vector<Backup> backups = {Made("b", BackupState::kAvailable),
                                       Made("a", BackupState::kAvailable)};
  for (const PlannedBackup& planned : PlanFor(tenant, backups, {}).backups) {
    EXPECT_EQ(planned.fate, BackupFate::kKeptNoSuccessor);
    EXPECT_EQ(planned.delete_time, std::nullopt);
  }
}

TEST(BackupPlanTest, NamedAndHeldOnesAndThoseUnderWorkSaySo) {
  std::vector<Backup> backups = {Made("d", BackupState::kCreating), Made("c", BackupState::kAvailable),
                                 Made("b", BackupState::kAvailable), Made("a", BackupState::kDeleting)};
  backups[1].given_name = "before-2.4";
  backups[2].hold.time = kNow;
  const BackupPlan plan = PlanFor(Acme(1), backups, {.backup = NextBackup(Acme(1))});
  EXPECT_EQ(FateOf(plan, "d").fate, BackupFate::kBeingMade);
  EXPECT_EQ(FateOf(plan, "c").fate, BackupFate::kKeptNamed);
  EXPECT_EQ(FateOf(plan, "c").given_name, "before-2.4");
  EXPECT_EQ(FateOf(plan, "b").fate, BackupFate::kKeptHeld);
  EXPECT_EQ(FateOf(plan, "a").fate, BackupFate::kBeingDeleted);
}

TEST(BackupPlanTest, RetiredTenantsBackupsEndWithItsPurgeUnlessOneIsHeld) {
  Tenant tenant = Acme(3);
  tenant.state = TenantState::kRetired;
  tenant.delete_time = kNow - absl::Hours(1);
  tenant.fence_time = kNow - absl::Minutes(59);
  tenant.purge_time = kNow + absl::Hours(24);
  std::vector<Backup> backups = {Made("b", BackupState::kVerified, BackupOrigin::kFinal),
                                 Made("a", BackupState::kAvailable)};
  BackupPlan plan = PlanFor(tenant, backups, {.purge = At(ScheduleKind::kPurge, absl::Hours(24))});
  for (const PlannedBackup& planned : plan.backups) {
    EXPECT_EQ(planned.fate, BackupFate::kDeletedByPurge);
    EXPECT_EQ(planned.delete_time, tenant.purge_time);
  }
  EXPECT_EQ(plan.newest_usable, "b");
  EXPECT_EQ(plan.unprotected_since, std::nullopt) << "nobody has written since the fence";
  tenant.delete_time = kNow - absl::Minutes(50);
  EXPECT_EQ(PlanFor(tenant, backups, {}).unprotected_since, kNow - absl::Hours(1))
      << "made before the fence";
  backups[1].hold.time = kNow;
  plan = PlanFor(tenant, backups, {});
  EXPECT_EQ(FateOf(plan, "b").fate, BackupFate::kDeletedByPurge);
  EXPECT_EQ(FateOf(plan, "b").delete_time, std::nullopt) << "the purge waits";
}

TEST(BackupPlanTest, SaysSinceWhenWhatIsWrittenIsInNoBackup) {
  EXPECT_THAT(PlanFor(Acme(3), {}, {}).newest_usable, IsEmpty());
  EXPECT_EQ(PlanFor(Acme(3), {}, {}).unprotected_since, std::nullopt);
  std::vector<Backup> backups = {Made("b", BackupState::kFailed), Made("a", BackupState::kAvailable)};
  const BackupPlan plan = PlanFor(Acme(3), backups, {});
  EXPECT_EQ(plan.newest_usable, "a");
  EXPECT_EQ(plan.unprotected_since, kNow - absl::Hours(1));
}

}  // namespace
}  // namespace croft::domain
