#include "agent/dump_format/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// As pg_dump 17 writes it: the statements are those for the first.
TocEntry GrantsOnMany() {
  return {.dump_id = 8,
          .tag = "LARGE OBJECTS 11..13",
          .kind = "ACL",
          .definition =
              "REVOKE ALL ON LARGE OBJECT 11 FROM \"app\";\nGRANT SELECT ON LARGE OBJECT 11 TO \"11\";\n",
          .dependencies = {7}};
}

TocEntry MadeTogether() {
  return {.dump_id = 7, .tag = "11..13", .kind = "BLOB METADATA", .definition = "11\n12\n13\n"};
}

TEST(LargeObjectsOf, NamesThoseThatAnEntryMakes) {
  EXPECT_THAT(LargeObjectsOf(MadeTogether()), ElementsAre(11, 12, 13));
  EXPECT_THAT(LargeObjectsOf({.tag = "14", .kind = "BLOB"}), ElementsAre(14));
  EXPECT_THAT(LargeObjectsOf({.tag = "15", .kind = "TABLE"}), IsEmpty());
}

TEST(GrantStatements, AreMadeForEachOfManyLargeObjects) {
  EXPECT_THAT(
      GrantStatements(GrantsOnMany(), LargeObjectsOf(MadeTogether())),
      ElementsAre("REVOKE ALL ON LARGE OBJECT 11 FROM \"app\"", "GRANT SELECT ON LARGE OBJECT 11 TO \"11\"",
                  "REVOKE ALL ON LARGE OBJECT 12 FROM \"app\"", "GRANT SELECT ON LARGE OBJECT 12 TO \"11\"",
                  "REVOKE ALL ON LARGE OBJECT 13 FROM \"app\"",
                  "GRANT SELECT ON LARGE OBJECT 13 TO \"11\""));
}

TEST(GrantStatements, StayAsTheyAreOnAnythingElse) {
  const TocEntry table{
      .tag = "TABLE \"t\"", .kind = "ACL", .definition = "GRANT SELECT  ON TABLE \"t\" TO \"app\";\n"};
  EXPECT_THAT(GrantStatements(table, {}), ElementsAre("GRANT SELECT  ON TABLE \"t\" TO \"app\""));
  EXPECT_THAT(GrantStatements(table, {11, 12}), ElementsAre("GRANT SELECT  ON TABLE \"t\" TO \"app\""));
}

TEST(GrantsOf, KnowsEachLargeObjectsOwn) {
  DumpDigest dump;
  dump.entries = {MadeTogether(), GrantsOnMany()};
  const auto grants = GrantsOf(dump, {{"11", "reader"}});
  ASSERT_EQ(grants.size(), 3U);
  EXPECT_THAT(grants.at({"ACL", "", "LARGE OBJECT 13"}).statements,
              ElementsAre("GRANT SELECT ON LARGE OBJECT 13 TO \"reader\"",
                          "REVOKE ALL ON LARGE OBJECT 13 FROM \"app\""));
}

TEST(GrantsOf, LeavesOutThoseOfARoleByItsNameInTheDump) {
  DumpDigest dump;
  dump.entries = {MadeTogether(), GrantsOnMany()};
  const auto grants = GrantsOf(dump, {{"11", "reader"}}, {{8, {"11"}}});
  EXPECT_THAT(grants.at({"ACL", "", "LARGE OBJECT 12"}).statements,
              ElementsAre("REVOKE ALL ON LARGE OBJECT 12 FROM \"app\""));
}

}  // namespace
}  // namespace croft::agent
