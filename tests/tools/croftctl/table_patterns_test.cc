#include "tools/croftctl/table_patterns.h"

#include <gtest/gtest.h>

namespace croft::ctl {
namespace {

TEST(TablePatterns, AreSplitAtCommasOutsideOfQuotes) {
  EXPECT_EQ(SplitPatterns({"public.jobs,cache.*", "a.\"b,\"\",c\""}),
            (std::vector<std::string>{"public.jobs", "cache.*", "a.\"b,\"\",c\""}));
  EXPECT_EQ(SplitPatterns({"a.b,"}), (std::vector<std::string>{"a.b", ""})) << "for Croft to refuse";
  EXPECT_TRUE(SplitPatterns({}).empty());
}

}  // namespace
}  // namespace croft::ctl
