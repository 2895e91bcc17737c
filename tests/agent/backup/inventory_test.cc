#include <set>
#include <string>

#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/hash.h"
#include "tests/agent/backup/backup_fixture.h"

namespace croft::agent {
namespace {

class StoreInventoryTest : public BackupTest {
 protected:
  InventoryTaken Take(bool manifests = false) {
    const auto outcome = Run({}, InventoryWork{.stores = {stores_.front()->id()}, .manifests = manifests});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? std::get<InventoryTaken>(*outcome) : InventoryTaken();
  }
};

TEST_F(StoreInventoryTest, ShowsWhichBackupsAreWholeAndTheKeysBesideThem) {
  const TestTenant tenant = MadeTenant();
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ASSERT_TRUE(WriteObject(*stores_.front(), tenant.objects.uid + "/half/archive", "0123456789").ok());
  const InventoryTaken taken = Take();
  ASSERT_EQ(taken.stores.size(), 1u);
  EXPECT_EQ(taken.stores[0].problem, "");
  ASSERT_EQ(taken.backups.size(), 2u);
  EXPECT_EQ(taken.backups[0].backup, work.backup);
  EXPECT_EQ(taken.backups[0].uid, tenant.objects.uid);
  EXPECT_EQ(taken.backups[0].store, stores_.front()->id());
  EXPECT_TRUE(taken.backups[0].has_archive);
  EXPECT_TRUE(taken.backups[0].has_manifest);
  EXPECT_EQ(taken.backups[0].size_bytes, made.size_bytes);
  EXPECT_FALSE(taken.backups[0].manifest.has_value()) << "it was not asked for";
  EXPECT_EQ(taken.backups[1].backup, "half");
  EXPECT_FALSE(taken.backups[1].has_manifest);
  EXPECT_EQ(taken.backups[1].size_bytes, 10);
  ASSERT_EQ(taken.keys.size(), 1u);
  EXPECT_EQ(taken.keys[0].uid, tenant.objects.uid);
  EXPECT_EQ(taken.keys[0].wrapped_data_key, "");
}

TEST_F(StoreInventoryTest, TellsManifestsAndWrappedKeysWhenAskedTo) {
  const TestTenant tenant = MadeTenant();
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const InventoryTaken taken = Take(/*manifests=*/true);
  ASSERT_EQ(taken.backups.size(), 1u);
  ASSERT_TRUE(taken.backups[0].manifest.has_value());
  const InventoryManifest& manifest = *taken.backups[0].manifest;
  EXPECT_EQ(manifest.sha256, made.sha256);
  EXPECT_EQ(manifest.generation, 1);
  EXPECT_EQ(manifest.database, tenant.objects.database);
  EXPECT_EQ(manifest.owner_role, tenant.objects.owner_role);
  EXPECT_EQ(manifest.wrapped_key, work.wrapped_key);
  EXPECT_EQ(taken.keys.at(0).wrapped_data_key, work.wrapped_data_key);
}

TEST_F(StoreInventoryTest, AManifestThatCannotBeReadIsToldAsThere) {
  ASSERT_TRUE(WriteObject(*stores_.front(), "aaaaaaaaaaaaaaaa/b/manifest.json", "{").ok());
  const InventoryTaken taken = Take(/*manifests=*/true);
  ASSERT_EQ(taken.backups.size(), 1u);
  EXPECT_TRUE(taken.backups[0].has_manifest);
  EXPECT_FALSE(taken.backups[0].manifest.has_value());
}

TEST_F(StoreInventoryTest, AStoreThatCannotBeLookedIntoIsPartOfTheAnswer) {
  const auto outcome = Run({}, InventoryWork{.stores = {"store-nobody"}});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto& taken = std::get<InventoryTaken>(*outcome);
  ASSERT_EQ(taken.stores.size(), 1u);
  EXPECT_EQ(taken.stores[0].store, "store-nobody");
  EXPECT_NE(taken.stores[0].problem, "");
}

TEST_F(StoreInventoryTest, ALargeStoreIsHandedOverInParts) {
  constexpr int kTenants = 1100;
  std::set<std::string> uids;
  for (int i = 0; i < kTenants; ++i) {
    uids.insert(absl::StrFormat("uid%d", i));
    ASSERT_TRUE(WriteObject(*stores_.front(), absl::StrFormat("uid%d/b1/archive", i), "x").ok());
    ASSERT_TRUE(WriteObject(*stores_.front(), absl::StrFormat("uid%d/key", i), "k").ok());
  }
  CountingContext context;
  const auto outcome = runner_.Run({.deadline = absl::Now() + absl::Seconds(60),
                                    .work = InventoryWork{.stores = {stores_.front()->id()}}},
                                   context);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto& rest = std::get<InventoryTaken>(*outcome);
  EXPECT_EQ(rest.backups.size() + rest.keys.size(), 200u);
  ASSERT_EQ(context.parts.size(), 2u);
  context.parts.push_back(rest);
  std::set<std::string> with_backup, with_key;
  for (const InventoryTaken& part : context.parts) {
    EXPECT_LE(part.backups.size() + part.keys.size(), 1000u);
    for (const InventoryBackup& backup : part.backups) with_backup.insert(backup.uid);
    for (const InventoryKey& key : part.keys) with_key.insert(key.uid);
  }
  EXPECT_EQ(with_backup, uids);
  EXPECT_EQ(with_key, uids);
}

TEST_F(StoreInventoryTest, RolesShowADigestOfTheirVerifierAndNoMore) {
  const TestTenant tenant = MadeTenant();
  const InventoryTaken taken = Take();
  for (const Login& login : tenant.logins) {
    const auto found = std::find_if(taken.roles.begin(), taken.roles.end(),
                                    [&](const InventoryRole& role) { return role.name == login.name; });
    ASSERT_NE(found, taken.roles.end());
    EXPECT_EQ(found->verifier_digest, crypto::Hex(crypto::Sha256(login.verifier)));
  }
  EXPECT_EQ(taken.roles.front().name, tenant.objects.owner_role);
  EXPECT_EQ(taken.roles.front().verifier_digest, "") << "it has no password";
}

}  // namespace
}  // namespace croft::agent
