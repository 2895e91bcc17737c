#include "controlplane/metrics/backup_census.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/metrics/support.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::metrics {
namespace {

using domain::BackupState;
using domain::TenantState;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

catalog::PutTenant Tenant(const std::string& id, TenantState state = TenantState::kReady) {
  domain::Tenant tenant{.id = id, .uid = "u" + id, .create_time = kStart, .update_time = kStart};
  tenant.state = state;
  tenant.placement = {.host = "h1", .database = "t_" + id, .generation = 1};
  return {tenant};
}

catalog::PutBackup Backup(const std::string& tenant, int hour, BackupState state) {
  domain::Backup backup{.tenant = tenant, .id = absl::StrCat("b", hour), .tenant_uid = "u" + tenant};
  backup.create_time = backup.update_time = kStart + absl::Hours(hour);
  backup.state = state;
  return {backup};
}

class BackupCensusTest : public ::testing::Test {
 protected:
  void Change(std::vector<catalog::Change> changes) { census_.Apply(Commit(catalog_, std::move(changes))); }
  BackupFigures Read() {
    EXPECT_TRUE(census_.ReadChanged().ok());
    return census_.Read().value_or(BackupFigures());
  }

  catalog::MemoryCatalog catalog_;
  BackupCensus census_{catalog_};
};

TEST_F(BackupCensusTest, SaysNothingUntilAllWereReadOnce) {
  Change({Tenant("acme")});
  EXPECT_FALSE(census_.Read().has_value());
  ASSERT_TRUE(census_.ReadAll().ok());
  ASSERT_TRUE(census_.Read().has_value());
  EXPECT_EQ(census_.Read()->tenants_without_backup, 1);
}

TEST_F(BackupCensusTest, ReadsMoreThanAPageOfTenants) {
  std::vector<catalog::Change> changes;
  for (int i = 0; i < 1203; ++i) changes.push_back(Tenant(absl::StrCat("t", i)));
  Commit(catalog_, changes);
  ASSERT_TRUE(census_.ReadAll().ok());
  EXPECT_EQ(census_.Read()->tenants_without_backup, 1203);
}

TEST_F(BackupCensusTest, TheNewestBackupOfEachTenantCountsAndTheTenantThatIsWorstOff) {
  Change({Tenant("acme"), Tenant("bolt")});
  Change({Backup("acme", 1, BackupState::kVerified), Backup("acme", 5, BackupState::kAvailable),
          Backup("bolt", 3, BackupState::kVerified), Backup("bolt", 4, BackupState::kFailed)});
  const BackupFigures read = Read();
  EXPECT_EQ(read.tenants_without_backup, 0);
  EXPECT_EQ(read.oldest_proven, kStart + absl::Hours(1));      // acme's
  EXPECT_EQ(read.oldest_restorable, kStart + absl::Hours(3));  // bolt's
  EXPECT_EQ(read.stored.at(BackupState::kVerified), 2);
  EXPECT_EQ(read.stored.at(BackupState::kFailed), 1);
}

TEST_F(BackupCensusTest, ATenantWithoutABackupCanBeRestoredToItsCreationOnly) {
  Change({Tenant("acme")});
  EXPECT_EQ(Read().oldest_restorable, kStart);
  EXPECT_EQ(Read().tenants_without_proven_backup, 1);
  EXPECT_EQ(Read().oldest_proven, std::nullopt);
}

TEST_F(BackupCensusTest, ADeletedBackupGivesWayToTheOneBeforeIt) {
  Change({Tenant("acme"), Backup("acme", 1, BackupState::kVerified),
          Backup("acme", 2, BackupState::kVerified)});
  EXPECT_EQ(Read().oldest_proven, kStart + absl::Hours(2));
  Change({catalog::DeleteBackup{"acme", "b2"}});
  EXPECT_EQ(Read().oldest_proven, kStart + absl::Hours(1));
}

TEST_F(BackupCensusTest, RetiredTenantsBackupsCountAndTheirAgeDoesNot) {
  Change({Tenant("acme"), Backup("acme", 1, BackupState::kVerified)});
  Change({Tenant("acme", TenantState::kRetired)});
  const BackupFigures read = Read();
  EXPECT_EQ(read.stored.at(BackupState::kVerified), 1);
  EXPECT_EQ(read.oldest_proven, std::nullopt);
  EXPECT_EQ(read.oldest_restorable, std::nullopt);
}

TEST_F(BackupCensusTest, APurgedTenantIsForgotten) {
  Change({Tenant("acme"), Backup("acme", 1, BackupState::kVerified)});
  Change({catalog::DeleteBackup{"acme", "b1"}, Tenant("acme", TenantState::kPurged)});
  EXPECT_EQ(Read().stored.at(BackupState::kVerified), 0);
  EXPECT_EQ(Read().tenants_without_backup, 0);
}

TEST_F(BackupCensusTest, LooksByItselfOnceStarted) {
  Commit(catalog_, {Tenant("acme")});
  census_.Start();
  while (!census_.Read()) absl::SleepFor(absl::Milliseconds(5));
  census_.Stop();
  EXPECT_EQ(census_.Read()->tenants_without_backup, 1);
}

}  // namespace
}  // namespace croft::metrics
