#include "common/closest.h"

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(Suggest, DistanceCountsSwappedNeighboursOnce) {
  EXPECT_EQ(EditDistance("create", "create"), 0u);
  EXPECT_EQ(EditDistance("craete", "create"), 1u);
  EXPECT_EQ(EditDistance("", "get"), 3u);
  EXPECT_EQ(EditDistance("lst", "list"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(Closest, TakesTheWordThatIsMeant) {
  EXPECT_EQ(Closest("lisen", {"state", "listen", "log_level"}), "listen");
  EXPECT_EQ(Closest("advert", {"advertise", "state"}), "advertise");
}

TEST(Closest, TakesNoneWhereAllAreFar) {
  EXPECT_EQ(Closest("colour", {"state", "listen"}), "");
  EXPECT_EQ(DidYouMean("colour", {"state", "listen"}), "");
}

}  // namespace
}  // namespace croft
