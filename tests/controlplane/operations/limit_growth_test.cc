#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::LimitGrowthTask;
using domain::StorageLevel;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kQuota = 1000 * kMiB;

class LimitGrowth : public ::testing::Test {
 protected:
  LimitGrowth() {
    world.Join("h1");
    CreateTenant create = NewTenant("acme");
    create.tenant.quota.storage_bytes = kQuota;
    world.Begin(create);
    world.Settle();
  }

  void Measures(int64_t mebibytes, int64_t generation = 1) {
    world.Post(StorageMeasured{{.operation = "op-" + std::to_string(++looks_),
                                .tenant = "acme",
                                .generation = generation,
                                .size_bytes = mebibytes * kMiB}});
  }
  void Update(const domain::TenantUpdate& update) {
    ASSERT_TRUE(world.Call(UpdateTenant{.operation = "op-u", .tenant = "acme", .update = update}).ok());
  }
  // Whether the one task that was sent closes it.
  bool Closes() {
    EXPECT_THAT(world.sent, SizeIs(1));
    return !world.sent.empty() && TaskOf<LimitGrowthTask>(world.sent.front()).closed;
  }
  domain::Storage Storage() { return world.Tenant("acme").storage; }

  World world;

 private:
  int looks_ = 0;
};

TEST_F(LimitGrowth, ATenantIsWarnedBeforeItIsClosed) {
  Measures(800);
  EXPECT_EQ(Storage().level, StorageLevel::kNearQuota);
  EXPECT_EQ(Storage().size_bytes, 800 * kMiB);
  EXPECT_FALSE(Storage().closed);
  EXPECT_THAT(world.sent, IsEmpty());
  EXPECT_EQ(world.Tenant("acme").current_operation, "");
}

TEST_F(LimitGrowth, AFullOneIsClosedFromTheIntentOn) {
  Measures(1000);
  EXPECT_EQ(Storage().level, StorageLevel::kFull);
  EXPECT_TRUE(Storage().closed);
  EXPECT_TRUE(Closes());
  world.Settle();
  EXPECT_TRUE(Storage().closed);
  EXPECT_EQ(world.Operation("op-1").kind, domain::OperationKind::kLimitGrowth);
  EXPECT_EQ(world.Operation("op-1").state, domain::OperationState::kSucceeded);
  EXPECT_EQ(world.Tenant("acme").state, domain::TenantState::kReady);
}

TEST_F(LimitGrowth, ItIsOpenWhenItsHostHasOpenedIt) {
  Measures(1000);
  world.Settle();
  Measures(950);
  EXPECT_THAT(world.sent, IsEmpty()) << "not yet";
  Measures(949);
  EXPECT_EQ(Storage().level, StorageLevel::kNearQuota);
  EXPECT_TRUE(Storage().closed);
  EXPECT_FALSE(Closes());
  world.Settle();
  EXPECT_FALSE(Storage().closed);
}

TEST_F(LimitGrowth, OneThatGrowsAlthoughItIsClosedIsClosedAgain) {
  Measures(1000);
  world.Settle();
  Measures(1000);
  EXPECT_THAT(world.sent, IsEmpty());
  Measures(990);
  EXPECT_THAT(world.sent, IsEmpty()) << "it shrinks";
  Measures(995);
  EXPECT_TRUE(Closes());
  world.Settle();
  EXPECT_TRUE(Storage().closed);
  EXPECT_EQ(Storage().size_bytes, 995 * kMiB);
}

TEST_F(LimitGrowth, AGraceLetsItGrowAndEnds) {
  Update(With<&domain::Tenant::storage, &domain::Storage::grace_time>(world.now + absl::Hours(1)));
  Measures(1200);
  EXPECT_EQ(Storage().level, StorageLevel::kFull);
  EXPECT_THAT(world.sent, IsEmpty());
  world.Pass(absl::Hours(1));
  Measures(1200);
  EXPECT_TRUE(Closes());
  world.Settle();
  Update(With<&domain::Tenant::storage, &domain::Storage::grace_time>(world.now + absl::Hours(1)));
  Measures(1200);
  EXPECT_FALSE(Closes());
  world.Settle();
  EXPECT_FALSE(Storage().closed);
}

TEST_F(LimitGrowth, ItIsOpenedWithoutAQuotaAndWithALargerOne) {
  for (const int64_t quota : {int64_t{0}, 2 * kQuota}) {
    Measures(1000);
    world.Settle();
    ASSERT_TRUE(Storage().closed);
    Update(With<&domain::Tenant::quota, &domain::Quota::storage_bytes>(quota));
    EXPECT_THAT(world.sent, IsEmpty()) << "no host has to know of a storage quota";
    Measures(1000);
    EXPECT_FALSE(Closes());
    world.Settle();
    EXPECT_FALSE(Storage().closed);
    EXPECT_EQ(Storage().level, StorageLevel::kNormal);
    Update(With<&domain::Tenant::quota, &domain::Quota::storage_bytes>(kQuota));
  }
}

TEST_F(LimitGrowth, WhatCannotBeClosedIsOpenAgain) {
  Measures(1000);
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  EXPECT_FALSE(Closes()) << "what was closed of it is opened";
  world.Settle();
  EXPECT_FALSE(Storage().closed);
  EXPECT_EQ(Storage().level, StorageLevel::kFull);
  Measures(1000);
  EXPECT_TRUE(Closes()) << "the next look tries again";
}

TEST_F(LimitGrowth, WhatCannotBeOpenedIsClosedAgain) {
  Measures(1000);
  world.Settle();
  Measures(100);
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  EXPECT_TRUE(Closes());
  world.Settle();
  EXPECT_TRUE(Storage().closed);
}

TEST_F(LimitGrowth, ARepeatThatFailsLeavesItClosed) {
  Measures(1000);
  world.Settle();
  Measures(1100);
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  EXPECT_THAT(world.sent, IsEmpty()) << "there is nothing to take back";
  EXPECT_TRUE(Storage().closed);
}

TEST_F(LimitGrowth, ItWaitsForOtherWorkAndForItsHost) {
  world.Begin(NewBackup("acme", "b1"));
  Measures(1000);
  EXPECT_EQ(Storage().level, StorageLevel::kFull) << "the warning does not wait";
  EXPECT_FALSE(Storage().closed);
  world.Settle();
  world.Post(HostLost{.host = "h1"});
  Measures(1000);
  EXPECT_THAT(world.sent, IsEmpty());
  EXPECT_EQ(world.Tenant("acme").current_operation, "") << "nobody else is kept waiting";
  world.Post(HostSeen{.host = "h1", .report = World::Report()});
  Measures(1000);
  EXPECT_TRUE(Closes());
}

TEST_F(LimitGrowth, AnOlderAgentIsNotAskedForWhatItDoesNotKnow) {
  domain::HostReport report = World::Report();
  report.task_kinds = {"create", "configure"};
  world.Post(HostSeen{.host = "h1", .report = report});
  Measures(1000);
  EXPECT_THAT(world.sent, IsEmpty());
  EXPECT_EQ(Storage().level, StorageLevel::kFull);
}

TEST_F(LimitGrowth, ASuspendedTenantIsJudgedAndLeftAlone) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  world.Settle();
  Measures(1000);
  EXPECT_EQ(Storage().level, StorageLevel::kFull);
  EXPECT_THAT(world.sent, IsEmpty());
}

TEST_F(LimitGrowth, TheSizeOfAnotherDatabaseIsNotItsOwn) {
  Measures(1000, /*generation=*/2);
  EXPECT_EQ(Storage(), domain::Storage());
}

TEST_F(LimitGrowth, ARestoredDatabaseIsOpenUntilItIsLookedAt) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  Measures(1000);
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").placement.generation, 2);
  EXPECT_FALSE(Storage().closed);
  Measures(100, /*generation=*/2);
  EXPECT_EQ(Storage().level, StorageLevel::kNormal);
}

TEST_F(LimitGrowth, AFailedConfigureKeepsAStorageQuotaThatWasSetMeanwhile) {
  Update(With<&domain::Tenant::quota, &domain::Quota::connections>(70));
  Update(With<&domain::Tenant::quota, &domain::Quota::storage_bytes>(2 * kQuota));
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").quota.connections, 50);
  EXPECT_EQ(world.Tenant("acme").quota.storage_bytes, 2 * kQuota);
}

TEST_F(LimitGrowth, WhatIsJudgedIsAuditedAndALookIsNot) {
  const auto judgements = [&] {
    int count = 0;
    const std::vector<domain::AuditRow> rows = *world.catalog().ListAudit(0, 1000);
    for (const domain::AuditRow& row : rows) count += row.event.method == "Storage/JudgeStorage" ? 1 : 0;
    return count;
  };
  Measures(10);
  EXPECT_EQ(judgements(), 0);
  Measures(800);
  EXPECT_EQ(judgements(), 1);
  Measures(1000);
  EXPECT_EQ(judgements(), 2);
}

TEST_F(LimitGrowth, EventsTellOfLevelsAndOfTheMode) {
  const auto types = [&] {
    std::vector<std::string> found;
    const catalog::EventPage page = *world.catalog().ListEvents({.limit = 1000});
    for (const domain::FleetEvent& event : page.events) {
      if (event.data.contains("quota_bytes")) found.push_back(event.type);
    }
    return found;
  };
  Measures(800);
  Measures(1000);
  world.Settle();
  Measures(10);
  world.Settle();
  EXPECT_THAT(types(),
              testing::ElementsAre("croft.tenant.storage_level_changed",
                                   "croft.tenant.storage_level_changed", "croft.tenant.closed_for_growth",
                                   "croft.tenant.storage_level_changed", "croft.tenant.opened_for_growth"));
}

}  // namespace
}  // namespace croft::engine
