#include "agent/backup/skipped_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<TableFact>& Tables() {
  static const auto* const tables = new std::vector<TableFact>{
      {.oid = 1, .name = {"public", "jobs"}},
      {.oid = 2, .name = {"public", "orders"}},
      {.oid = 3, .name = {"cache", "Items"}},
      {.oid = 4, .name = {"cache", "pages"}},
      {.oid = 5, .name = {"public", "events"}, .partitioned = true},
      {.oid = 6, .name = {"parts", "events_1"}, .partition_of = 5},
      {.oid = 7, .name = {"public", "events_2"}, .partitioned = true, .partition_of = 5},
      {.oid = 8, .name = {"public", "events_2a"}, .partition_of = 7}};
  return *tables;
}

SkippedRows Choose(const std::vector<std::string>& texts, const std::vector<ForeignKeyFact>& keys = {}) {
  std::vector<TablePattern> patterns;
  for (const std::string& text : texts) patterns.push_back(*ParseTablePattern(text, "skip_rows"));
  return ChooseSkippedRows(patterns, Tables(), keys);
}

std::vector<std::string> Names(const SkippedRows& skipped) {
  std::vector<std::string> names;
  for (const SkippedTable& table : skipped.tables)
    names.push_back(table.table.schema + "." + table.table.name);
  return names;
}

TEST(SkippedRowsTest, TablesAreMatchedByNameOrSchema) {
  EXPECT_THAT(Names(Choose({"public.jobs"})), ElementsAre("public.jobs"));
  EXPECT_THAT(Names(Choose({"cache.*", "*.orders"})),
              ElementsAre("cache.Items", "cache.pages", "public.orders"));
  EXPECT_THAT(Names(Choose({"cache.items"})), IsEmpty()) << "no quotes, no upper case";
  EXPECT_THAT(Names(Choose({"cache.\"Items\""})), ElementsAre("cache.Items"));
}

TEST(SkippedRowsTest, APartitionedTableStandsForItsPartitionsAtEveryLevel) {
  const SkippedRows all = Choose({"public.events"});
  EXPECT_THAT(Names(all), ElementsAre("parts.events_1", "public.events_2a"));
  EXPECT_THAT(NotesOnSkipped(all.tables),
              ElementsAre(AllOf(::testing::Field(&Finding::object, "TABLE \"public\".\"events\""),
                                ::testing::Field(&Finding::reason, kRowsLeftOut),
                                ::testing::Field(&Finding::message, HasSubstr("2 of its partitions")))));
  EXPECT_THAT(Names(Choose({"public.events_2"})), ElementsAre("public.events_2a"));
  EXPECT_THAT(Names(Choose({"parts.*"})), ElementsAre("parts.events_1")) << "one partition by itself";
  const SkippedRows both = Choose({"parts.*", "public.events"});
  EXPECT_THAT(NotesOnSkipped(both.tables), ::testing::SizeIs(1)) << "said of the topmost";
}

TEST(SkippedRowsTest, WhatAForeignKeyOfKeptRowsRefersToKeepsItsRows) {
  const SkippedRows kept = Choose({"public.jobs"}, {{.name = "on job", .from = 2, .to = 1}});
  EXPECT_THAT(Names(kept), IsEmpty());
  ASSERT_EQ(kept.notes.size(), 1);
  EXPECT_EQ(kept.notes.front().reason, "ROWS_KEPT");
  EXPECT_EQ(kept.notes.front().object, "TABLE \"public\".\"jobs\"");
  EXPECT_THAT(kept.notes.front().message,
              AllOf(HasSubstr("\"on job\""), HasSubstr("\"public\".\"orders\"")));
}

TEST(SkippedRowsTest, AForeignKeyOfSkippedRowsKeepsNothing) {
  const SkippedRows skipped = Choose({"public.jobs", "public.orders"}, {{.name = "k", .from = 2, .to = 1}});
  EXPECT_THAT(Names(skipped), ElementsAre("public.jobs", "public.orders"));
  EXPECT_THAT(skipped.notes, IsEmpty());
  EXPECT_THAT(Names(Choose({"public.jobs"}, {{.name = "self", .from = 1, .to = 1}})),
              ElementsAre("public.jobs"));
  EXPECT_THAT(Names(Choose({"public.jobs"}, {{.name = "k", .from = 99, .to = 1}})),
              ElementsAre("public.jobs"))
      << "what is not the tenant's is not dumped";
  EXPECT_THAT(Names(Choose({"public.jobs"}, {{.name = "k", .from = 5, .to = 1}})),
              ElementsAre("public.jobs"))
      << "a partitioned table has no rows of its own";
}

TEST(SkippedRowsTest, KeepingRowsKeepsWhatTheyReferTo) {
  // orders -> jobs -> cache.Items, and jobs is kept for orders.
  const SkippedRows kept = Choose({"public.jobs", "cache.*"},
                                  {{.name = "a", .from = 1, .to = 3}, {.name = "b", .from = 2, .to = 1}});
  EXPECT_THAT(Names(kept), ElementsAre("cache.pages"));
  EXPECT_EQ(kept.notes.size(), 2);
}

TEST(SkippedRowsTest, OnePartitionThatIsReferredToKeepsItsRowsAlone) {
  const SkippedRows kept = Choose({"public.events"}, {{.name = "k", .from = 2, .to = 6}});
  EXPECT_THAT(Names(kept), ElementsAre("public.events_2a"));
  ASSERT_EQ(kept.notes.size(), 1);
  EXPECT_EQ(kept.notes.front().object, "TABLE \"parts\".\"events_1\"");
}

TEST(SkippedRowsTest, APartitionedTableThatIsReferredToIsNamedOnce) {
  const SkippedRows kept = Choose({"public.events"}, {{.name = "k", .from = 2, .to = 5},
                                                      {.name = "k_1", .from = 2, .to = 6},
                                                      {.name = "k_2", .from = 2, .to = 7},
                                                      {.name = "k_3", .from = 2, .to = 8}});
  EXPECT_THAT(Names(kept), IsEmpty());
  ASSERT_EQ(kept.notes.size(), 1);
  EXPECT_EQ(kept.notes.front().object, "TABLE \"public\".\"events\"");
}

}  // namespace
}  // namespace croft::agent
