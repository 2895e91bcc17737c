#include "common/table_pattern.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft {
namespace {

using ::testing::HasSubstr;

TablePattern Parsed(const std::string& text) {
  const absl::StatusOr<TablePattern> pattern = ParseTablePattern(text, "only");
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status();
  return pattern.value_or(TablePattern());
}

TEST(TablePatternTest, NamesAreReadAsInSql) {
  EXPECT_EQ(Parsed("public.jobs"), (TablePattern{"public", "jobs"}));
  EXPECT_EQ(Parsed("Public.JOBS_2$x"), (TablePattern{"public", "jobs_2$x"})) << "folded to lower case";
  EXPECT_EQ(Parsed("\"Cache\".\"items.v2\""), (TablePattern{"Cache", "items.v2"}));
  EXPECT_EQ(Parsed("a.\"say \"\"hi\"\"\""), (TablePattern{"a", "say \"hi\""}));
  EXPECT_EQ(Parsed("a.\"100%, * done\""), (TablePattern{"a", "100%, * done"}));
  EXPECT_EQ(Parsed("größe.übersicht"), (TablePattern{"größe", "übersicht"}));
}

TEST(TablePatternTest, AStarStandsForAnyOneName) {
  EXPECT_EQ(Parsed("cache.*"), (TablePattern{"cache", std::nullopt}));
  EXPECT_EQ(Parsed("*.jobs"), (TablePattern{std::nullopt, "jobs"}));
  EXPECT_EQ(Parsed("a.\"*\""), (TablePattern{"a", "*"})) << "a name in quotes";
  EXPECT_TRUE(Parsed("cache.*").Matches("cache", "Items"));
  EXPECT_FALSE(Parsed("cache.*").Matches("cache2", "Items"));
  EXPECT_TRUE(Parsed("*.jobs").Matches("any", "jobs"));
  EXPECT_FALSE(Parsed("*.jobs").Matches("any", "Jobs"));
  EXPECT_FALSE(Parsed("a.b").Matches("b", "a"));
}

TEST(TablePatternTest, AnythingElseIsRefusedByField) {
  const std::string longest(63, 'x');
  EXPECT_EQ(Parsed("a." + longest).table, longest);
  for (const std::string& text : {std::string(),
                                  std::string("jobs"),
                                  std::string("public."),
                                  std::string(".jobs"),
                                  std::string("."),
                                  std::string("*.*"),
                                  std::string("a.b.c"),
                                  std::string("a.job*"),
                                  std::string("a.**"),
                                  std::string("a .b"),
                                  std::string("1a.b"),
                                  std::string("a.b "),
                                  std::string("a.\"b"),
                                  std::string("a.\"\""),
                                  std::string("a.\"b\"c"),
                                  std::string("a.b;drop"),
                                  std::string("a.\"b\nc\""),
                                  std::string("a.b\0c", 5),
                                  std::string("a.\"b\0c\"", 7),
                                  "a." + longest + "x",
                                  "a.\"" + longest + "x\"",
                                  std::string("a.\xff"),
                                  std::string("a.\"\xff\"")}) {
    const absl::Status status = ParseTablePattern(text, "only").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    ASSERT_EQ(DetailsOf(status).violations.size(), 1) << text;
    EXPECT_EQ(DetailsOf(status).violations.front().field, "only");
  }
  EXPECT_THAT(std::string(ParseTablePattern("jobs", "only").status().message()), HasSubstr("SCHEMA.TABLE"));
}

}  // namespace
}  // namespace croft
