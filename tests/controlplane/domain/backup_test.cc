#include "controlplane/domain/backup.h"

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

TEST(GivenNameTest, FindsTheBackupThatHasItAndNoneWithoutOne) {
  std::vector<Backup> backups = {Made("b", BackupState::kAvailable), Made("a", BackupState::kAvailable)};
  backups[1].given_name = "before-2.4";
  EXPECT_EQ(FindByGivenName("before-2.4", backups), &backups[1]);
  EXPECT_EQ(FindByGivenName("", backups), nullptr);
  EXPECT_EQ(FindByGivenName("b", backups), nullptr);
}

// --- Copies.

Backup Copied(BackupState state, BackupState copy) {
  Backup backup = Made("a", state);
  backup.store = "s1";
  backup.copies = {{.store = "s9", .store_name = "offsite", .state = copy}};
  return backup;
}

TEST(CopiesTest, CopyIsFoundByStoreOrName) {
  Backup backup = Copied(BackupState::kAvailable, BackupState::kAvailable);
  EXPECT_EQ(FindCopy(backup, "s9"), &backup.copies[0]);
  EXPECT_EQ(FindCopy(backup, "offsite"), &backup.copies[0]);
  EXPECT_EQ(FindCopy(backup, "s1"), nullptr);
  EXPECT_EQ(FindCopy(backup, ""), nullptr);
  EXPECT_THAT(StoresOf(backup), ElementsAre("s1", "s9"));
}

TEST(CopiesTest, RestoredIsFromTheOwnStoreAndThenFromUsableCopies) {
  const auto readable = [](BackupState state, BackupState copy) {
    return ReadableStoresOf(Copied(state, copy));
  };
  EXPECT_THAT(readable(BackupState::kAvailable, BackupState::kAvailable), ElementsAre("s1", "s9"));
  EXPECT_THAT(readable(BackupState::kAvailable, BackupState::kFailed), ElementsAre("s1"));
  EXPECT_THAT(readable(BackupState::kAvailable, BackupState::kCreating), ElementsAre("s1"));
  EXPECT_THAT(readable(BackupState::kDamaged, BackupState::kAvailable), IsEmpty());
  EXPECT_THAT(readable(BackupState::kDamaged, BackupState::kVerified), ElementsAre("s9"));
}

TEST(CopiesTest, ProofIsNextWhereTheLastIsTheLongestAgo) {
  Backup backup = Copied(BackupState::kAvailable, BackupState::kAvailable);
  EXPECT_EQ(NextProofStore(backup), "s1") << "none was proven yet";
  backup.verify_time = absl::UnixEpoch();
  EXPECT_EQ(NextProofStore(backup), "s9");
  backup.copies[0].verify_time = absl::UnixEpoch() + absl::Hours(1);
  EXPECT_EQ(NextProofStore(backup), "s1");
  backup.verify_time = absl::UnixEpoch() + absl::Hours(2);
  EXPECT_EQ(NextProofStore(backup), "s9");
  backup.copies[0].state = BackupState::kFailed;
  EXPECT_EQ(NextProofStore(backup), "s1") << "there is nothing to prove";
}

TEST(CopiesTest, FailedCopyIsTriedAgainAfterAMinuteAndAtLeastEachHour) {
  EXPECT_EQ(CopyRetryDelay(1), absl::Minutes(1));
  EXPECT_EQ(CopyRetryDelay(3), absl::Minutes(4));
  EXPECT_EQ(CopyRetryDelay(1000), absl::Hours(1));
}

}  // namespace
}  // namespace croft::domain
