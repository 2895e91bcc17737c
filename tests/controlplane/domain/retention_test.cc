#include "controlplane/domain/retention.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  return Ids(SurplusBackups(tenant, newest_first));
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

}  // namespace
}  // namespace croft::domain
