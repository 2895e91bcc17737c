#include "controlplane/domain/storage.h"

#include <limits>

#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using enum StorageLevel;

constexpr int64_t kMiB = int64_t{1} << 20;
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(StorageLevels, AreReachedFromBelow) {
  EXPECT_EQ(StorageLevelAfter(kNormal, 799, 1000), kNormal);
  EXPECT_EQ(StorageLevelAfter(kNormal, 800, 1000), kNearQuota);
  EXPECT_EQ(StorageLevelAfter(kNormal, 999, 1000), kNearQuota);
  EXPECT_EQ(StorageLevelAfter(kNormal, 1000, 1000), kFull);
  EXPECT_EQ(StorageLevelAfter(kNearQuota, 1000, 1000), kFull);
}

TEST(StorageLevels, AreLeftSomewhatBelow) {
  EXPECT_EQ(StorageLevelAfter(kNearQuota, 750, 1000), kNearQuota);
  EXPECT_EQ(StorageLevelAfter(kNearQuota, 749, 1000), kNormal);
  EXPECT_EQ(StorageLevelAfter(kFull, 950, 1000), kFull);
  EXPECT_EQ(StorageLevelAfter(kFull, 949, 1000), kNearQuota);
  EXPECT_EQ(StorageLevelAfter(kFull, 749, 1000), kNormal);
  EXPECT_EQ(StorageLevelAfter(kFull, 760, 1000), kNearQuota) << "one that was full was near it, too";
}

TEST(StorageLevels, WithoutAQuotaThereIsNone) {
  EXPECT_EQ(StorageLevelAfter(kFull, 1'000'000, 0), kNormal);
}

TEST(StorageLevels, TheLargestQuotaDoesNotOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(StorageLevelAfter(kNormal, kMost / 100 * 79, kMost), kNormal);
  EXPECT_EQ(StorageLevelAfter(kNormal, kMost / 100 * 81, kMost), kNearQuota);
  EXPECT_EQ(StorageLevelAfter(kNormal, kMost, kMost), kFull);
}

TEST(Growth, AFullDatabaseIsClosedUntilItsGraceBegins) {
  EXPECT_FALSE(IsToBeClosed({.level = kNearQuota}, kNow));
  EXPECT_TRUE(IsToBeClosed({.level = kFull}, kNow));
  EXPECT_FALSE(IsToBeClosed({.level = kFull, .grace_time = kNow + absl::Seconds(1)}, kNow));
  EXPECT_TRUE(IsToBeClosed({.level = kFull, .grace_time = kNow}, kNow));
}

TEST(Growth, OnlyAClosedDatabaseIsSeenToAgainWhenItMoves) {
  const Storage closed{.level = kFull, .closed = true, .size_bytes = 10'000 * kMiB};
  EXPECT_FALSE(HasMoved(closed, 10'010 * kMiB - 1, 10'000 * kMiB));
  EXPECT_TRUE(HasMoved(closed, 10'010 * kMiB, 10'000 * kMiB));
  EXPECT_TRUE(HasMoved(closed, 9'990 * kMiB, 10'000 * kMiB));
  EXPECT_FALSE(HasMoved(closed, 10'000 * kMiB + 1, 32 * kMiB)) << "PostgreSQL's own";
  EXPECT_FALSE(HasMoved({.level = kFull, .size_bytes = 10'000 * kMiB}, 20'000 * kMiB, 10'000 * kMiB));
}

TEST(Growth, ASizeThatChangesNothingCallsForNoJudgement) {
  Tenant tenant;
  tenant.quota.storage_bytes = 1000 * kMiB;
  EXPECT_FALSE(CallsForJudgement(tenant, 799 * kMiB, kNow));
  EXPECT_TRUE(CallsForJudgement(tenant, 800 * kMiB, kNow));
  tenant.storage.level = kFull;
  EXPECT_TRUE(CallsForJudgement(tenant, 1000 * kMiB, kNow)) << "it is still open";
  tenant.storage.closed = true;
  tenant.storage.size_bytes = 1000 * kMiB;
  EXPECT_FALSE(CallsForJudgement(tenant, 1000 * kMiB, kNow));
  EXPECT_TRUE(CallsForJudgement(tenant, 1001 * kMiB, kNow)) << "it grows although it is closed";
  tenant.storage.grace_time = kNow + absl::Hours(1);
  EXPECT_TRUE(CallsForJudgement(tenant, 1000 * kMiB, kNow)) << "it may grow for a while";
  tenant.storage.grace_time.reset();
  tenant.quota.storage_bytes = 0;
  tenant.storage.level = kNormal;
  EXPECT_TRUE(CallsForJudgement(tenant, 0, kNow)) << "its quota was taken away";
}

TEST(Growth, AClosedDatabaseIsKnownByTheRightThatItsOwnerLacks) {
  FoundDatabase database{.name = "t_acme_u_g1"};
  EXPECT_FALSE(ShowsClosed(database, "t_acme_u"));
  database.missing_grants = {"CONNECT to t_acme_u", "CREATE to t_acme_u"};
  EXPECT_TRUE(ShowsClosed(database, "t_acme_u"));
  EXPECT_FALSE(ShowsClosed(database, "t_other_u"));
}

}  // namespace
}  // namespace croft::domain
