#include "controlplane/keyring/keyring.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "common/files.h"

namespace croft::keyring {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() {
    std::string name = testing::TempDir() + "croft-keyring-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~KeyringTest() override { std::filesystem::remove_all(folder_); }

  SystemRandom random_;
  std::string folder_;
  Keyring keyring_ = Keyring::Generate(random_);
};

TEST_F(KeyringTest, SealedTextNamesItsKeyAndOpensInItsContextOnly) {
  const std::string sealed = keyring_.Seal("hunter2", "logins/u1/a");
  EXPECT_THAT(sealed, StartsWith("k1:"));
  EXPECT_THAT(sealed, Not(HasSubstr("hunter2")));
  EXPECT_EQ(*keyring_.Open(sealed, "logins/u1/a"), "hunter2");
  EXPECT_EQ(ReasonOf(keyring_.Open(sealed, "logins/u2/a").status()), "SEAL_BROKEN");
}

TEST_F(KeyringTest, AnyChangedCharacterIsFound) {
  const std::string sealed = keyring_.Seal("hunter2", "c");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'E' : 'A';  // differ in a bit that the last character uses too
    EXPECT_FALSE(keyring_.Open(changed, "c").ok()) << i;
    EXPECT_FALSE(keyring_.Open(sealed.substr(0, i), "c").ok()) << i;
  }
  for (const char* other : {"", ":", "k", "k1", "k1:", "k01:AAAA", "k-1:AAAA", "x1:AAAA", "plain text"}) {
    EXPECT_EQ(ReasonOf(keyring_.Open(other, "c").status()), "SEAL_BROKEN") << other;
  }
}

TEST_F(KeyringTest, ARotatedKeyringOpensWhatTheOldOneSealed) {
  const std::string old = keyring_.Seal("hunter2", "c");
  const Keyring rotated = keyring_.WithNewKey(random_);
  EXPECT_EQ(rotated.current_id(), "k2");
  EXPECT_EQ(rotated.size(), 2u);
  EXPECT_EQ(*rotated.Open(old, "c"), "hunter2");
  EXPECT_FALSE(rotated.SealedWithCurrentKey(old));
  const std::string fresh = rotated.Seal("hunter2", "c");
  EXPECT_TRUE(rotated.SealedWithCurrentKey(fresh));
  EXPECT_EQ(ReasonOf(keyring_.Open(fresh, "c").status()), "KEYRING_KEY_MISSING");
  EXPECT_TRUE(rotated.HoldsAllOf(keyring_));
  EXPECT_FALSE(keyring_.HoldsAllOf(rotated));
}

TEST_F(KeyringTest, AnotherKeyringWithTheSameIdsOpensNothing) {
  const Keyring other = Keyring::Generate(random_);
  EXPECT_EQ(ReasonOf(other.Open(keyring_.Seal("x", "c"), "c").status()), "SEAL_BROKEN");
  EXPECT_FALSE(other.HoldsAllOf(keyring_));
}

TEST_F(KeyringTest, ExportedTextParsesToTheSameKeyring) {
  const Keyring rotated = keyring_.WithNewKey(random_);
  const absl::StatusOr<Keyring> parsed = Keyring::Parse(rotated.Text());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Text(), rotated.Text());
  EXPECT_EQ(parsed->current_id(), "k2");
  EXPECT_EQ(*parsed->Open(rotated.Seal("x", "c"), "c"), "x");
}

TEST_F(KeyringTest, ADamagedTextIsFoundAndNotQuoted) {
  const std::string text = keyring_.WithNewKey(random_).Text();
  const std::string key = text.substr(text.find("key k1 ") + 7, 43);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const absl::Status status = Keyring::Parse(changed).status();
    EXPECT_EQ(ReasonOf(status), "KEYRING_DAMAGED") << i;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(key.substr(0, 20))));
    EXPECT_EQ(ReasonOf(Keyring::Parse(text.substr(0, i)).status()), "KEYRING_DAMAGED") << i;
  }
  EXPECT_EQ(ReasonOf(Keyring::Parse(text + "\n").status()), "KEYRING_DAMAGED");
}

TEST_F(KeyringTest, TheFileIsPrivateAndNeverOverwrittenByANewOne) {
  const std::string path = folder_ + "/keyring";
  ASSERT_TRUE(CreateKeyringFile(path, keyring_).ok());
  struct stat facts = {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_EQ(CreateKeyringFile(path, Keyring::Generate(random_)).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(LoadKeyring(FindKeyring(folder_, ""))->Text(), keyring_.Text());
}

TEST_F(KeyringTest, ReplacingKeepsEveryOldKey) {
  const std::string path = folder_ + "/keyring";
  const Keyring rotated = keyring_.WithNewKey(random_);
  EXPECT_EQ(ReasonOf(ReplaceKeyringFile(path, rotated)), "KEYRING_NOT_FOUND");
  ASSERT_TRUE(CreateKeyringFile(path, keyring_).ok());
  EXPECT_EQ(ReasonOf(ReplaceKeyringFile(path, Keyring::Generate(random_))), "KEYRING_KEY_MISSING");
  ASSERT_TRUE(ReplaceKeyringFile(path, rotated).ok());
  EXPECT_EQ(LoadKeyring({.path = path})->Text(), rotated.Text());
}

TEST_F(KeyringTest, AFileOpenToOthersOrMissingOrDamagedIsRefusedWithTheRemedy) {
  const KeyringFile file = FindKeyring(folder_, "");
  const absl::Status missing = LoadKeyring(file).status();
  EXPECT_EQ(ReasonOf(missing), "KEYRING_NOT_FOUND");
  EXPECT_THAT(std::string(missing.message()), HasSubstr("croftd init"));
  ASSERT_TRUE(CreateKeyringFile(file.path, keyring_).ok());
  ASSERT_EQ(chmod(file.path.c_str(), 0640), 0);
  EXPECT_EQ(ReasonOf(LoadKeyring(file).status()), "FILE_NOT_PRIVATE");
  ASSERT_TRUE(WriteFileDurably(file.path, "x", 0600, IfFileExists::kReplace).ok());
  EXPECT_EQ(ReasonOf(LoadKeyring(file).status()), "KEYRING_DAMAGED");
}

TEST_F(KeyringTest, ASystemdCredentialComesBeforeTheStateFolder) {
  const std::string credentials = folder_ + "/credentials";
  ASSERT_TRUE(std::filesystem::create_directory(credentials));
  ASSERT_TRUE(CreateKeyringFile(folder_ + "/keyring", Keyring::Generate(random_)).ok());
  EXPECT_FALSE(FindKeyring(folder_, credentials).is_credential) << "it holds no keyring yet";
  ASSERT_TRUE(
      WriteFileDurably(credentials + "/keyring", keyring_.Text(), 0440, IfFileExists::kRefuse).ok());
  EXPECT_EQ(LoadKeyring(FindKeyring(folder_, credentials))->Text(), keyring_.Text());
}

}  // namespace
}  // namespace croft::keyring
