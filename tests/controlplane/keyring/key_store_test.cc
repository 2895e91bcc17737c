#include "controlplane/keyring/key_store.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/subprocess.h"

namespace croft::keyring {
namespace {

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

class KeyStoreTest : public testing::Test {
 protected:
  KeyStoreTest() {
    std::string name = testing::TempDir() + "croft-keys-XXXXXX";
    folder_ = mkdtemp(name.data());
    Reopen(keyring_);
  }
  ~KeyStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Reopen(const Keyring& keyring) {
    store_.reset();
    absl::StatusOr<std::unique_ptr<KeyStore>> store = KeyStore::Open(path(), keyring, random_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  std::string path() const { return folder_ + "/keys.db"; }

  // Whether the bytes lie in the database file or its log. Another process copies the files, for opening
  // them in this one would drop SQLite's locks.
  bool OnDisk(const std::string& bytes) const {
    const std::string copy = folder_ + "/copy";
    std::filesystem::remove_all(copy);
    std::filesystem::create_directory(copy);
    Command command{.arguments = {"/bin/cp", path()}};
    if (std::filesystem::exists(path() + "-wal")) command.arguments.push_back(path() + "-wal");
    command.arguments.push_back(copy);
    const absl::StatusOr<CommandResult> result = croft::Run(command, absl::Now() + absl::Seconds(60));
    EXPECT_TRUE(result.ok() && result->exit_code == 0) << result.status();
    for (const auto& entry : std::filesystem::directory_iterator(copy)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string contents{std::istreambuf_iterator<char>(file), {}};
      if (absl::StrContains(contents, bytes)) return true;
    }
    return false;
  }

  SystemRandom random_;
  const std::string backup_key_ = random_.Bytes(32);
  const Keyring keyring_ = Keyring::Generate(random_);
  std::string folder_;
  std::unique_ptr<KeyStore> store_;
};

TEST_F(KeyStoreTest, WrappedBackupKeysOpenAgainAlsoAfterARestart) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string wrapped = *store_->WrapBackupKey("uid1", backup_key_);
  EXPECT_EQ(*store_->UnwrapBackupKey("uid1", wrapped), backup_key_);
  Reopen(keyring_);
  EXPECT_EQ(*store_->UnwrapBackupKey("uid1", wrapped), backup_key_);
}

TEST_F(KeyStoreTest, CreatingTwiceKeepsTheKey) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string wrapped = *store_->Wrapped("uid1");
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  EXPECT_EQ(*store_->Wrapped("uid1"), wrapped);
}

TEST_F(KeyStoreTest, WhoseKeyItIsStaysKnownAlsoWhenTheKeyIsDestroyed) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  ASSERT_TRUE(store_->Create("uid1", "another").ok());
  ASSERT_TRUE(store_->Create("uid2", "shop").ok());
  ASSERT_TRUE(store_->Destroy("uid2").ok());
  Reopen(keyring_);
  const auto owners = *store_->Owners();
  ASSERT_EQ(owners.size(), 2);
  EXPECT_EQ(owners.at("uid1").tenant, "acme");
  EXPECT_FALSE(owners.at("uid1").destroyed);
  EXPECT_EQ(owners.at("uid2").tenant, "shop");
  EXPECT_TRUE(owners.at("uid2").destroyed);
}

TEST_F(KeyStoreTest, KeysWithoutATenantsIdAreNamedLater) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  ASSERT_TRUE(store_->Create("uid2", "").ok());
  ASSERT_TRUE(store_->Import("uid3", keyring_.Seal(random_.Bytes(32), "data-key/uid3")).ok());
  ASSERT_TRUE(store_->Destroy("gone").ok());
  EXPECT_EQ(*store_->Unnamed(), (std::vector<std::string>{"uid2", "uid3"}));
  ASSERT_TRUE(store_->Name({{"uid2", "shop"}, {"unknown", "none"}}).ok());
  EXPECT_EQ(*store_->Unnamed(), std::vector<std::string>{"uid3"});
  EXPECT_EQ(store_->Owners()->at("uid2").tenant, "shop");
  EXPECT_EQ(store_->Owners()->count("unknown"), 0);
}

TEST_F(KeyStoreTest, ATenantsBackupKeyDoesNotOpenAsAnothers) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  ASSERT_TRUE(store_->Create("uid2", "acme").ok());
  const std::string wrapped = *store_->WrapBackupKey("uid1", backup_key_);
  EXPECT_EQ(ReasonOf(store_->UnwrapBackupKey("uid2", wrapped).status()), "SEAL_BROKEN");
  EXPECT_EQ(ReasonOf(store_->Import("uid3", *store_->Wrapped("uid1"))), "SEAL_BROKEN");
}

TEST_F(KeyStoreTest, AnyChangedCharacterOfAWrappedBackupKeyIsFound) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string wrapped = *store_->WrapBackupKey("uid1", backup_key_);
  for (size_t i = 0; i < wrapped.size(); ++i) {
    std::string changed = wrapped;
    changed[i] = changed[i] == 'A' ? 'Q' : 'A';
    EXPECT_EQ(ReasonOf(store_->UnwrapBackupKey("uid1", changed).status()), "SEAL_BROKEN") << i;
    EXPECT_EQ(ReasonOf(store_->UnwrapBackupKey("uid1", wrapped.substr(0, i)).status()), "SEAL_BROKEN") << i;
  }
}

TEST_F(KeyStoreTest, AnUnknownTenantHasNoKey) {
  for (const absl::Status& status :
       {store_->Wrapped("uid1").status(), store_->WrapBackupKey("uid1", backup_key_).status(),
        store_->UnwrapBackupKey("uid1", "d:x").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(ReasonOf(status), "DATA_KEY_NOT_FOUND");
  }
}

TEST_F(KeyStoreTest, ADestroyedKeyIsGoneFromTheFileAndTheLog) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  ASSERT_TRUE(store_->Create("uid2", "acme").ok());
  const std::string wrapped = *store_->Wrapped("uid1");
  const std::string backup = *store_->WrapBackupKey("uid1", backup_key_);
  ASSERT_TRUE(OnDisk(wrapped)) << "the look at the disk does not see what is there";
  ASSERT_TRUE(store_->Destroy("uid1").ok());
  EXPECT_FALSE(OnDisk(wrapped));
  // Not a part of it either: a page that moves leaves pieces.
  for (size_t i = 3; i + 12 <= wrapped.size(); i += 12) EXPECT_FALSE(OnDisk(wrapped.substr(i, 12))) << i;
  EXPECT_TRUE(OnDisk(*store_->Wrapped("uid2")));
  EXPECT_EQ(ReasonOf(store_->UnwrapBackupKey("uid1", backup).status()), "DATA_KEY_DESTROYED");
}

TEST_F(KeyStoreTest, ADestroyedKeyNeverComesBack) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string copy = *store_->Wrapped("uid1");
  ASSERT_TRUE(store_->Destroy("uid1").ok());
  ASSERT_TRUE(store_->Destroy("uid1").ok()) << "a repeat";
  ASSERT_TRUE(store_->Destroy("never-there").ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ReasonOf(store_->Create("uid1", "acme")), "DATA_KEY_DESTROYED");
    EXPECT_EQ(ReasonOf(store_->Import("uid1", copy)), "DATA_KEY_DESTROYED");
    EXPECT_EQ(ReasonOf(store_->Wrapped("uid1").status()), "DATA_KEY_DESTROYED");
    EXPECT_EQ(ReasonOf(store_->Create("never-there", "acme")), "DATA_KEY_DESTROYED");
    Reopen(keyring_);
  }
}

TEST_F(KeyStoreTest, ALostStoreIsRebuiltFromTheCopiesBesideTheBackups) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string copy = *store_->Wrapped("uid1");
  const std::string backup = *store_->WrapBackupKey("uid1", backup_key_);
  store_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path() + suffix);
  Reopen(keyring_);
  EXPECT_EQ(ReasonOf(store_->UnwrapBackupKey("uid1", backup).status()), "DATA_KEY_NOT_FOUND");
  ASSERT_TRUE(store_->Import("uid1", copy).ok());
  ASSERT_TRUE(store_->Import("uid1", copy).ok()) << "a repeat";
  EXPECT_EQ(*store_->UnwrapBackupKey("uid1", backup), backup_key_);
}

TEST_F(KeyStoreTest, AnImportNeverTakesThePlaceOfAnotherKey) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string other = keyring_.Seal(random_.Bytes(32), "data-key/uid1");
  EXPECT_EQ(ReasonOf(store_->Import("uid1", other)), "DATA_KEY_EXISTS");
  EXPECT_EQ(ReasonOf(store_->Import("uid9", keyring_.Seal("short", "data-key/uid9"))), "SEAL_BROKEN");
}

TEST_F(KeyStoreTest, ResealingBringsEveryKeyUnderTheCurrentOneAndLeavesNoOldText) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  ASSERT_TRUE(store_->Create("uid2", "acme").ok());
  ASSERT_TRUE(store_->Destroy("uid2").ok());
  const std::string backup = *store_->WrapBackupKey("uid1", backup_key_);
  const std::string old = *store_->Wrapped("uid1");
  const Keyring rotated = keyring_.WithNewKey(random_);
  Reopen(rotated);
  ASSERT_TRUE(store_->Create("uid3", "acme").ok());
  EXPECT_EQ(*store_->Reseal(), 1);
  EXPECT_EQ(*store_->Reseal(), 0);
  EXPECT_TRUE(rotated.SealedWithCurrentKey(*store_->Wrapped("uid1")));
  EXPECT_EQ(*store_->UnwrapBackupKey("uid1", backup), backup_key_);
  EXPECT_FALSE(OnDisk(old));
  EXPECT_EQ(ReasonOf(store_->Wrapped("uid2").status()), "DATA_KEY_DESTROYED");
}

TEST_F(KeyStoreTest, AnotherKeyringOpensNothingAndChangesNothing) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string wrapped = *store_->Wrapped("uid1");
  Reopen(Keyring::Generate(random_).WithNewKey(random_));
  EXPECT_FALSE(store_->WrapBackupKey("uid1", backup_key_).ok());
  EXPECT_FALSE(store_->Reseal().ok());
  EXPECT_EQ(*store_->Wrapped("uid1"), wrapped);
}

TEST_F(KeyStoreTest, NoKeyLiesInClearOnDisk) {
  ASSERT_TRUE(store_->Create("uid1", "acme").ok());
  const std::string data_key = *keyring_.Open(*store_->Wrapped("uid1"), "data-key/uid1");
  EXPECT_FALSE(OnDisk(data_key));
  EXPECT_FALSE(OnDisk(absl::WebSafeBase64Escape(data_key)));
}

TEST_F(KeyStoreTest, ManyThreadsGetOneKeyPerTenant) {
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const std::string uid = "uid" + std::to_string(i);
        if (!store_->Create(uid, "acme").ok()) ++failures;
        const absl::StatusOr<std::string> wrapped = store_->WrapBackupKey(uid, backup_key_);
        if (!wrapped.ok() || !store_->UnwrapBackupKey(uid, *wrapped).ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace croft::keyring
