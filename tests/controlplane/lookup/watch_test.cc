#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/lookup/index_world.h"

namespace croft::lookup {
namespace {

using Visibility = PlacementIndex::Visibility;

PlacementIndex::Judge SeeAll() {
  return [](absl::string_view, const auto&) { return Visibility::kWithPassword; };
}

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    world.Put(world.HostCalled("h1"));
    EXPECT_TRUE(world.Load().ok());
  }

  std::vector<std::string> IdsAfter(Cursor& cursor, size_t most = 1000) {
    std::vector<std::string> ids;
    for (const auto& update : world.index.ReadOn(cursor, most, {}, SeeAll()).updates) {
      ids.push_back((update.removed ? "-" : "") + update.id);
    }
    return ids;
  }

  IndexWorld world{3};
};

TEST_F(WatchTest, FromNothingGivesTheWholeSetThenChanges) {
  for (int i = 0; i < 5; ++i) world.Put(world.TenantCalled(absl::StrCat("t", i), i));
  Cursor cursor = *world.index.Open({});
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("t0", "t1", "t2", "t3", "t4"));
  EXPECT_THAT(IdsAfter(cursor), testing::IsEmpty());
  world.Put(world.TenantCalled("t1", 1, 2));
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("t1"));
}

TEST_F(WatchTest, SlowReaderFindsEachTenantOnceAsItIs) {
  world.Put(world.TenantCalled("acme", 1));
  Cursor cursor = *world.index.Open({});
  for (int generation = 2; generation <= 5000; ++generation) {
    world.Put(world.TenantCalled("acme", 1, generation));
  }
  const auto read = world.index.ReadOn(cursor, 1000, {}, SeeAll());
  ASSERT_EQ(read.updates.size(), 1U);
  EXPECT_EQ(read.updates[0].generation, 5000);
}

TEST_F(WatchTest, ReadsInPortionsWithoutLossOrRepeat) {
  for (int i = 0; i < 2000; ++i) world.Put(world.TenantCalled(absl::StrCat("t", i), i));
  Cursor cursor = *world.index.Open({});
  std::set<std::string> seen;
  for (;;) {
    const auto read = world.index.ReadOn(cursor, 7, {}, SeeAll());
    for (const auto& update : read.updates) EXPECT_TRUE(seen.insert(update.id).second) << update.id;
    if (read.caught_up) break;
    EXPECT_EQ(read.updates.size(), 7U);
  }
  EXPECT_EQ(seen.size(), 2000U);
}

TEST_F(WatchTest, ResumesAfterARevision) {
  for (int i = 0; i < 1500; ++i) world.Put(world.TenantCalled(absl::StrCat("t", i), i));
  const domain::Revision known = world.index.revision();
  world.Put(world.TenantCalled("t7", 7, 2));
  world.Put(world.TenantCalled("t900", 900, 2));
  Cursor cursor = *world.index.Open(known);
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("t7", "t900"));
}

TEST_F(WatchTest, ResumesInTheMiddleOfAChunk) {
  std::vector<domain::Revision> revisions;
  for (int i = 0; i < 1200; ++i) {
    world.Put(world.TenantCalled(absl::StrCat("t", i), i));
    revisions.push_back(world.index.revision());
  }
  for (const int from : {0, 1, 510, 511, 512, 513, 1023, 1024, 1198, 1199}) {
    Cursor cursor = *world.index.Open(revisions[from]);
    const std::vector<std::string> ids = IdsAfter(cursor, 5000);
    ASSERT_EQ(ids.size(), static_cast<size_t>(1199 - from)) << from;
    EXPECT_TRUE(ids.empty() || ids.front() == absl::StrCat("t", from + 1)) << from;
  }
}

TEST_F(WatchTest, PurgedIsToldAsRemovedButNotToNewcomers) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  world.Put(tenant);
  Cursor cursor = *world.index.Open({});
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("acme"));
  const domain::Revision known = world.index.revision();
  tenant.state = domain::TenantState::kPurged;
  world.Put(tenant);
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("-acme"));
  Cursor resumed = *world.index.Open(known);
  EXPECT_THAT(IdsAfter(resumed), testing::ElementsAre("-acme"));
  Cursor newcomer = *world.index.Open({});
  EXPECT_THAT(IdsAfter(newcomer), testing::IsEmpty());
}

TEST_F(WatchTest, RefusalIsToldWithItsReason) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.state = domain::TenantState::kRetired;
  world.Put(tenant);
  Cursor cursor = *world.index.Open({});
  const auto read = world.index.ReadOn(cursor, 10, {}, SeeAll());
  ASSERT_EQ(read.updates.size(), 1U);
  EXPECT_EQ(DetailsOf(read.updates[0].refused).reason, "TENANT_RETIRED");
}

TEST_F(WatchTest, WhatCannotBeResumedIsOutOfRange) {
  world.Put(world.TenantCalled("acme", 1));
  const domain::Revision now = world.index.revision();
  EXPECT_TRUE(world.index.Open(now).ok());
  for (const domain::Revision since :
       {domain::Revision{now.epoch + 1, now.revision}, domain::Revision{now.epoch - 1, now.revision},
        domain::Revision{now.epoch, now.revision + 1}, domain::Revision{now.epoch, 0},
        domain::Revision{INT64_MAX, INT64_MIN}}) {
    EXPECT_EQ(world.index.Open(since).status().code(), absl::StatusCode::kOutOfRange);
  }
}

TEST_F(WatchTest, ForgottenTombstonesRaiseTheHorizon) {
  const domain::Revision start = world.index.revision();
  for (int i = 0; i < 5; ++i) {
    domain::Tenant tenant = world.TenantCalled(absl::StrCat("t", i), i);
    world.Put(tenant);
    tenant.state = domain::TenantState::kPurged;
    world.Put(tenant);
  }
  EXPECT_EQ(world.index.Open(start).status().code(), absl::StatusCode::kOutOfRange);
  const domain::Revision now = world.index.revision();
  EXPECT_TRUE(world.index.Open(now).ok());
  // Entries of forgotten tenants are used again.
  for (int i = 10; i < 20; ++i) world.Put(world.TenantCalled(absl::StrCat("t", i), i));
  Cursor cursor = *world.index.Open(now);
  EXPECT_EQ(IdsAfter(cursor).size(), 10U);
  EXPECT_TRUE(world.Lookup("t15").ok());
  EXPECT_FALSE(world.Lookup("t0").ok());
}

TEST_F(WatchTest, HostsChangeIsToldForItsTenantsAlone) {
  world.Put(world.HostCalled("h2"));
  domain::Tenant elsewhere = world.TenantCalled("globex", 2);
  elsewhere.placement.host = "h2";
  world.Put(elsewhere);
  world.Put(world.TenantCalled("acme", 1));
  Cursor cursor = *world.index.Open({});
  IdsAfter(cursor);
  domain::Host host = world.HostCalled("h2");
  host.report.free_bytes = 17;
  world.Put(host);
  EXPECT_THAT(IdsAfter(cursor), testing::IsEmpty()) << "nothing that lookups answer has changed";
  host.report.advertise_endpoints = {"elsewhere:1"};
  world.Put(host);
  EXPECT_THAT(IdsAfter(cursor), testing::ElementsAre("globex"));
}

TEST_F(WatchTest, OutOfSightIsSkippedAndPasswordsNeedTheRight) {
  domain::Tenant mine = world.TenantCalled("mine", 1);
  mine.labels = {{"app", "shop"}};
  world.Put(mine);
  world.Put(world.TenantCalled("other", 2));
  Cursor cursor = *world.index.Open({});
  const auto read = world.index.ReadOn(cursor, 10, {.password = true}, [](auto, const auto& labels) {
    return labels.count("app") > 0 ? Visibility::kPlain : Visibility::kNone;
  });
  ASSERT_EQ(read.updates.size(), 1U);
  EXPECT_EQ(read.updates[0].id, "mine");
  EXPECT_EQ(read.updates[0].reply.find("secret"), std::string::npos);
  EXPECT_TRUE(read.caught_up);
}

}  // namespace
}  // namespace croft::lookup
