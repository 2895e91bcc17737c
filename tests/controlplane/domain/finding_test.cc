#include "controlplane/domain/finding.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using ::testing::SizeIs;

Finding One(FindingSeverity severity, const std::string& object) {
  return {.severity = severity, .reason = "REASON", .object = object};
}

TEST(FindingsTest, TheGravestComeFirstAndEqualsKeepTheirOrder) {
  const Findings findings =
      Bounded({One(FindingSeverity::kNote, "a"), One(FindingSeverity::kMissing, "b"),
               One(FindingSeverity::kNote, "c"), One(FindingSeverity::kDifferent, "d")},
              4);
  std::string order;
  for (const Finding& finding : findings.listed) order += finding.object;
  EXPECT_EQ(order, "dbac");
}

TEST(FindingsTest, AHundredAreKeptAndAllAreCounted) {
  std::vector<Finding> many(130, One(FindingSeverity::kNote, "x"));
  EXPECT_THAT(Bounded(many, 5000).listed, SizeIs(100));
  EXPECT_EQ(Bounded(many, 5000).count, 5000);
  EXPECT_EQ(Bounded(many, 0).count, 130);
  EXPECT_EQ(Bounded(many, int64_t{1} << 40).count, std::numeric_limits<int32_t>::max());
  const Findings both = Together(Bounded(many, 5000), Bounded({One(FindingSeverity::kDifferent, "y")}, 1));
  EXPECT_EQ(both.count, 5001);
  EXPECT_EQ(both.listed.front().object, "y");
}

TEST(FindingsTest, TextsAreCutAndMadeUtf8) {
  Finding finding = One(FindingSeverity::kNote, "bad \xff byte");
  for (int i = 0; i < 3000; ++i) finding.postgres_message += "ü";
  const Findings findings = Bounded({finding}, 1);
  EXPECT_EQ(findings.listed.front().object, "bad ? byte");
  EXPECT_LE(findings.listed.front().postgres_message.size(), 4096u);
  EXPECT_TRUE(findings.listed.front().postgres_message.ends_with("ü…"));
}

TEST(FindingsTest, FirstObjectsAreNamed) {
  EXPECT_EQ(NamesOf({}, FindingSeverity::kMissing), "");
  std::vector<Finding> some = {One(FindingSeverity::kNote, "n"), One(FindingSeverity::kMissing, "a"),
                               One(FindingSeverity::kMissing, "b")};
  EXPECT_EQ(NamesOf(Bounded(some, 3), FindingSeverity::kMissing), "a, b");
  some.push_back(One(FindingSeverity::kMissing, "c"));
  some.push_back(One(FindingSeverity::kMissing, "d"));
  EXPECT_EQ(NamesOf(Bounded(some, 5), FindingSeverity::kMissing), "a, b, c and 1 more");
}

}  // namespace
}  // namespace croft::domain
