#include "controlplane/handlers/store_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::handlers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

domain::FoundBackup BackupOf(const std::string& uid, const std::string& id) {
  return {.store = "s1", .uid = uid, .id = id, .has_archive = true, .size_bytes = 17};
}

class StoreListingTest : public testing::Test {
 protected:
  std::unique_ptr<StoreListing> listing_ = *StoreListing::Open();

  domain::Inventory Take(const std::set<std::string>& uids) {
    domain::Inventory taken;
    EXPECT_TRUE(listing_->Take(uids, taken).ok());
    return taken;
  }
};

TEST_F(StoreListingTest, GivesBackWhatWasFoundOfATenantOnce) {
  listing_->Add({BackupOf("a", "b1"), BackupOf("b", "b1")}, {{.store = "s1", .uid = "a"}});
  listing_->Add({BackupOf("a", "b2")}, {});
  const domain::Inventory taken = Take({"a", "none"});
  ASSERT_EQ(taken.backups.size(), 2u);
  EXPECT_EQ(taken.backups[0].id, "b1");
  EXPECT_EQ(taken.backups[0].store, "s1");
  EXPECT_EQ(taken.backups[0].uid, "a");
  EXPECT_TRUE(taken.backups[0].has_archive);
  EXPECT_FALSE(taken.backups[0].has_manifest);
  EXPECT_EQ(taken.backups[0].size_bytes, 17);
  EXPECT_EQ(taken.backups[1].id, "b2");
  ASSERT_EQ(taken.keys.size(), 1u);
  EXPECT_EQ(taken.keys[0].uid, "a");
  EXPECT_THAT(Take({"a"}).backups, IsEmpty());
  EXPECT_THAT(*listing_->FirstUids(10), ElementsAre("b"));
}

TEST_F(StoreListingTest, ListsTheTenantsThatAreLeftFromTheLowestOn) {
  listing_->Add({BackupOf("c", "b1"), BackupOf("a", "b1"), BackupOf("a", "b2")},
                {{.store = "s1", .uid = "b"}});
  EXPECT_THAT(*listing_->FirstUids(2), ElementsAre("a", "b"));
  (void)Take({"a", "b"});
  EXPECT_THAT(*listing_->FirstUids(2), ElementsAre("c"));
  (void)Take({"c"});
  EXPECT_THAT(*listing_->FirstUids(2), IsEmpty());
}

TEST_F(StoreListingTest, WhatComesTooLateIsDropped) {
  listing_->Add({BackupOf("a", "b1")}, {});
  listing_->Close();
  listing_->Add({BackupOf("b", "b1")}, {});
  EXPECT_THAT(*listing_->FirstUids(10), ElementsAre("a"));
}

}  // namespace
}  // namespace croft::handlers
