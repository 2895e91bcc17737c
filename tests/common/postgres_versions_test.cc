#include "common/postgres_versions.h"

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(PostgresVersionsTest, FollowsTheFixes) {
  EXPECT_TRUE(BelowFloor(15, 13));
  EXPECT_FALSE(BelowFloor(15, 14));
  EXPECT_TRUE(BelowFloor(16, 9));
  EXPECT_FALSE(BelowFloor(16, 10));
  EXPECT_TRUE(BelowFloor(17, 5));
  EXPECT_FALSE(BelowFloor(17, 6));
  EXPECT_FALSE(BelowFloor(18, 0));
  EXPECT_TRUE(BelowFloor(12, 99));
}

TEST(PostgresVersionsTest, TextsAreReadAsServersWriteThem) {
  EXPECT_TRUE(BelowFloor("15.13"));
  EXPECT_FALSE(BelowFloor("15.20"));
  for (const char* other : {"", "19beta1", "18devel", "15", "fifteen.1", "15.13.1"}) {
    EXPECT_FALSE(BelowFloor(other)) << other;
  }
}

}  // namespace
}  // namespace croft
