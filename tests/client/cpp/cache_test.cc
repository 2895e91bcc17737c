#include "client/cpp/cache.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::client {
namespace {

const std::vector<std::string> kNone;

Knowledge At(int64_t epoch, int64_t revision, int64_t generation, const std::string& uid = "u") {
  Placement placement{.tenant = "acme", .uid = uid, .generation = generation};
  placement.conninfo = "dbname=g" + std::to_string(generation);
  return {.placement = std::make_shared<Placement>(placement),
          .generation = generation,
          .epoch = epoch,
          .revision = revision,
          .confirmed = std::chrono::steady_clock::now(),
          .mentioned = std::chrono::steady_clock::now()};
}

int64_t Generation(const Cache& cache) { return cache.Find("acme")->placement->generation; }

TEST(Cache, LateNewsDoesNotReplaceWhatIsNewer) {
  Cache cache;
  EXPECT_TRUE(cache.Learn("acme", kNone, At(1, 10, 2)));
  EXPECT_FALSE(cache.Learn("acme", kNone, At(1, 9, 1)));
  EXPECT_EQ(Generation(cache), 2);
}

TEST(Cache, ALaterEpochWinsWhateverItsRevision) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 1000, 2));
  EXPECT_TRUE(cache.Learn("acme", kNone, At(2, 1, 3)));
  EXPECT_EQ(Generation(cache), 3);
}

TEST(Cache, AGenerationNeverGoesBackForTheSameTenant) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 10, 5));
  EXPECT_FALSE(cache.Learn("acme", kNone, At(2, 1, 4)));
  EXPECT_EQ(Generation(cache), 5);
  EXPECT_TRUE(cache.Learn("acme", kNone, At(2, 2, 1, "another life")));
}

TEST(Cache, SameNewsTwiceIsNoNews) {
  Cache cache;
  EXPECT_TRUE(cache.Learn("acme", kNone, At(1, 10, 2)));
  EXPECT_FALSE(cache.Learn("acme", kNone, At(1, 11, 2)));
}

TEST(Cache, ARestoredCatalogThatDoesNotKnowYetTakesNothingAway) {
  Cache cache;
  cache.Learn("acme", {}, At(1, 10, 2));
  const TimePoint later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_FALSE(cache.Learn("acme", {},
                           {.refusal = MakeError(absl::StatusCode::kUnavailable, "not shown yet",
                                                 {.reason = "TENANT_UNCONFIRMED"}),
                            .epoch = 2,
                            .revision = 1,
                            .mentioned = later}));
  EXPECT_TRUE(cache.Find("acme")->refusal.ok());
  EXPECT_EQ(Generation(cache), 2);
  EXPECT_TRUE(cache.ForgetUnmentioned(later).empty());
}

TEST(Cache, ARefusalKeepsTheAddress) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 10, 2));
  EXPECT_TRUE(cache.Learn(
      "acme", kNone,
      {.refusal = absl::FailedPreconditionError("retired"), .generation = 2, .epoch = 1, .revision = 11}));
  EXPECT_FALSE(cache.Find("acme")->refusal.ok());
  EXPECT_EQ(Generation(cache), 2);
}

TEST(Cache, AliasesFollowTheTenantThatHoldsThem) {
  Cache cache;
  cache.Learn("acme", std::vector<std::string>{"shop.acme.com"}, At(1, 1, 1));
  EXPECT_TRUE(cache.Find("shop.acme.com"));
  cache.Learn("globex", std::vector<std::string>{"shop.acme.com"}, At(1, 2, 7));
  cache.Learn("acme", kNone, At(1, 3, 2));
  ASSERT_TRUE(cache.Find("shop.acme.com"));
  EXPECT_EQ(cache.Find("shop.acme.com")->generation, 7);
  cache.Learn("globex", kNone, At(1, 4, 7));
  EXPECT_FALSE(cache.Find("shop.acme.com"));
}

TEST(Cache, ANameLearntByAskingIsOneMoreAlias) {
  Cache cache;
  cache.Learn("acme", std::vector<std::string>{"shop"}, At(1, 1, 1));
  cache.AddAlias("acme", "www");
  cache.AddAlias("acme", "acme");
  cache.Learn("acme", std::nullopt, At(1, 2, 2));
  EXPECT_EQ(cache.AliasesOf("acme"), (std::vector<std::string>{"shop", "www"}));
}

TEST(Cache, AliasesGoWithTheTenantThatIsForgotten) {
  Cache cache;
  cache.Learn("acme", std::vector<std::string>{"shop"}, At(1, 1, 1));
  EXPECT_TRUE(cache.Forget("acme", 1, 2));
  cache.Learn("acme", std::nullopt, At(1, 3, 1, "another life"));
  EXPECT_FALSE(cache.Find("shop"));
}

TEST(Cache, WhatIsToldButNotBelievedIsNotForgotten) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 10, 5));
  const TimePoint later = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  Knowledge lower = At(2, 1, 4);
  lower.mentioned = later;
  EXPECT_FALSE(cache.Learn("acme", kNone, lower));
  EXPECT_TRUE(cache.ForgetUnmentioned(later).empty());
  EXPECT_EQ(Generation(cache), 5);
}

TEST(Cache, WhatAFreshSnapshotLacksIsForgotten) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 1, 1));
  const TimePoint later = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  EXPECT_EQ(cache.ForgetUnmentioned(later), std::vector<std::string>{"acme"});
  EXPECT_FALSE(cache.Find("acme"));
}

TEST(Cache, ReadersNeverSeeAGenerationGoBack) {
  Cache cache;
  cache.Learn("acme", kNone, At(1, 0, 0));
  std::atomic<bool> done{false};
  std::atomic<int> went_back{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      int64_t seen = 0;
      while (!done) {
        const int64_t now = Generation(cache);
        if (now < seen) ++went_back;
        seen = now;
      }
    });
  }
  for (int64_t i = 1; i <= 1000; ++i) {
    cache.Learn("acme", kNone, At(1, i, i));
    cache.Learn("acme", kNone, At(1, i - 1, i - 1));  // told late
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(went_back, 0);
  EXPECT_EQ(Generation(cache), 1000);
}

}  // namespace
}  // namespace croft::client
