#include "controlplane/domain/backup.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace croft::domain {
namespace {

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

}  // namespace
}  // namespace croft::domain
