#include "controlplane/server/state_directory.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/files.h"
#include "controlplane/access/authority.h"
#include "controlplane/keyring/keyring.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

using ::testing::ElementsAre;

std::string Read(const std::string& path) { return *ReadSmallFile(path, 1 << 20); }

TEST(StateDirectoryTest, InitMakesAFolderThatServes) {
  const TemporaryFolder folder;
  const StateDirectory state(folder.path() + "/state");
  ASSERT_TRUE(InitStateDirectory(state, {"db.example", "10.0.0.1"}).ok());
  EXPECT_TRUE(CheckStateDirectory(state).ok());
  struct stat facts {};
  ASSERT_EQ(stat(state.folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700);
  EXPECT_THAT(*ReadServerNames(state), ElementsAre("db.example", "10.0.0.1"));
  EXPECT_TRUE(access::Authority::Load(state.tls, absl::Now()).ok());
  EXPECT_TRUE(keyring::LoadKeyring(keyring::FindKeyring(state.folder, "")).ok());
}

TEST(StateDirectoryTest, SecondInitIsRefusedAndChangesNothing) {
  const TemporaryFolder folder;
  const StateDirectory state(folder.path() + "/state");
  ASSERT_TRUE(InitStateDirectory(state, {}).ok());
  const std::string keyring = Read(state.folder + "/keyring");
  const std::string authority = Read(state.tls + "/ca.crt");
  EXPECT_EQ(DetailsOf(InitStateDirectory(state, {"other"})).reason, "STATE_EXISTS");
  EXPECT_EQ(Read(state.folder + "/keyring"), keyring);
  EXPECT_EQ(Read(state.tls + "/ca.crt"), authority);
}

TEST(StateDirectoryTest, InitThatWasCutOffIsCompletedWithTheKeyringItMade) {
  const TemporaryFolder folder;
  const StateDirectory state(folder.path() + "/state");
  ASSERT_TRUE(InitStateDirectory(state, {}).ok());
  const std::string keyring = Read(state.folder + "/keyring");
  std::filesystem::remove_all(state.tls);
  EXPECT_EQ(DetailsOf(CheckStateDirectory(state)).reason, "STATE_MISSING");
  EXPECT_TRUE(InitStateDirectory(state, {}).ok());
  EXPECT_EQ(Read(state.folder + "/keyring"), keyring);
}

TEST(StateDirectoryTest, FolderThatOthersMayEnterIsRefused) {
  const TemporaryFolder folder;
  const StateDirectory state(folder.path() + "/state");
  ASSERT_TRUE(InitStateDirectory(state, {}).ok());
  ASSERT_EQ(chmod(state.folder.c_str(), 0755), 0);
  EXPECT_EQ(DetailsOf(CheckStateDirectory(state)).reason, "STATE_NOT_PRIVATE");
}

}  // namespace
}  // namespace croft::server
