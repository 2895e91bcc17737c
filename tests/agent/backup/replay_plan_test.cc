#include "agent/backup/replay_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/backup/replay_advice.h"
#include "agent/postgres/sql_error.h"

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kOwner[] = "t_x";

ReplayRoles Roles() {
  return {.old_owner = kOwner, .old_reader = "t_x_r", .new_owner = kOwner, .new_reader = "t_x_r"};
}

TocEntry Entry(int32_t id, const std::string& kind, const std::string& tag, Section section,
               const std::string& owner = kOwner) {
  return {.dump_id = id, .tag = tag, .kind = kind, .section = section, .schema = "public", .owner = owner};
}

std::vector<int32_t> Ids(const std::vector<const TocEntry*>& entries) {
  std::vector<int32_t> ids;
  for (const TocEntry* entry : entries) ids.push_back(entry->dump_id);
  return ids;
}

std::vector<std::string> Reasons(const ReplayPlan& plan) {
  std::vector<std::string> reasons;
  for (const Finding& finding : plan.findings) reasons.push_back(finding.reason);
  return reasons;
}

TEST(PlanReplayTest, GrantsComeAfterTheDataAndRefreshesLast) {
  Toc toc{.entries = {
              Entry(1, "ENCODING", "ENCODING", Section::kPreData),
              Entry(2, "TABLE", "t", Section::kPreData), Entry(3, "ACL", "TABLE t", Section::kNone),
              Entry(4, "COMMENT", "TABLE t", Section::kNone), Entry(5, "TABLE DATA", "t", Section::kData),
              Entry(6, "SEQUENCE SET", "s", Section::kData), Entry(7, "INDEX", "i", Section::kPostData),
              Entry(8, "COMMENT", "INDEX i", Section::kNone),
              Entry(9, "MATERIALIZED VIEW DATA", "m", Section::kPostData),
              Entry(10, "DATABASE", "d", Section::kPreData), Entry(11, "ACL", "DATABASE d", Section::kNone),
              Entry(12, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", Section::kPostData)}};
  const ReplayPlan plan = PlanReplay(toc, Roles(), {});
  EXPECT_THAT(Ids(plan.before_data), ElementsAre(2, 4));
  EXPECT_THAT(Ids(plan.data), ElementsAre(5, 6));
  EXPECT_THAT(Ids(plan.after_data), ElementsAre(7, 8));
  EXPECT_THAT(Ids(plan.grants), ElementsAre(3, 12));
  EXPECT_THAT(Ids(plan.refreshes), ElementsAre(9));
  EXPECT_THAT(plan.findings, IsEmpty());
  EXPECT_FALSE(plan.drop_public);
}

TEST(PlanReplayTest, WhatOnlyASuperuserMakesIsLeftOutAndNamedOnce) {
  Toc toc{.entries = {
              Entry(1, "EVENT TRIGGER", "snoop", Section::kPostData, "postgres"),
              Entry(2, "COMMENT", "EVENT TRIGGER snoop", Section::kNone, "postgres"),
              Entry(3, "PUBLICATION", "every", Section::kPostData, "postgres"),
              Entry(4, "PUBLICATION", "in_schema", Section::kPostData, "postgres"),
              Entry(5, "PUBLICATION TABLES IN SCHEMA", "in_schema public", Section::kPostData, "postgres"),
              Entry(6, "COMMENT", "PUBLICATION in_schema", Section::kNone, "postgres"),
              Entry(7, "SUBSCRIPTION", "s", Section::kPostData, "postgres"),
              Entry(8, "EVENT TRIGGER", "croft_guard_extensions", Section::kPostData, "postgres"),
              Entry(9, "PUBLICATION", "own", Section::kPostData)}};
  toc.entries[2].definition = "CREATE PUBLICATION \"every\" FOR ALL TABLES WITH (publish = 'insert');";
  toc.entries[3].definition = "CREATE PUBLICATION \"in_schema\" WITH (publish = 'insert');";
  toc.entries[4].definition = "ALTER PUBLICATION \"in_schema\" ADD TABLES IN SCHEMA \"public\";";
  const ReplayPlan plan = PlanReplay(toc, Roles(), {});
  EXPECT_THAT(Ids(plan.after_data), ElementsAre(9));
  EXPECT_THAT(Reasons(plan), ElementsAre("EVENT_TRIGGER_LEFT_OUT", "PUBLICATION_LEFT_OUT",
                                         "PUBLICATION_LEFT_OUT", "SUBSCRIPTION_LEFT_OUT"));
  for (const Finding& finding : plan.findings) EXPECT_EQ(finding.severity, Severity::kNote);
}

TEST(PlanReplayTest, WhatAnotherOwnsIsMissingWithItsRemedy) {
  Toc toc{.entries = {Entry(1, "FUNCTION", "f(integer)", Section::kPreData, "dba"),
                      Entry(2, "COMMENT", "FUNCTION f(integer)", Section::kNone, "dba"),
                      Entry(3, "SCHEMA", "theirs", Section::kPreData, "dba"),
                      Entry(4, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", Section::kPostData, "dba")}};
  toc.entries[1].dependencies = {1};
  toc.entries[2].schema = "";
  const ReplayPlan plan = PlanReplay(toc, Roles(), {});
  EXPECT_THAT(Ids(plan.before_data), ElementsAre(3));
  ASSERT_THAT(Reasons(plan), ElementsAre("FOREIGN_OWNER", "FOREIGN_OWNER", "FOREIGN_DEFAULT_PRIVILEGES"));
  EXPECT_EQ(plan.findings[0].severity, Severity::kMissing);
  EXPECT_EQ(plan.findings[0].owner, "dba");
  EXPECT_EQ(plan.findings[0].remedy, "ALTER FUNCTION \"public\".\"f\"(integer) OWNER TO \"t_x\";");
  EXPECT_EQ(plan.findings[1].severity, Severity::kNote);
}

TEST(PlanReplayTest, ExtensionsComeBackAsPlanned) {
  Toc toc{.entries = {Entry(1, "EXTENSION", "made", Section::kPreData, ""),
                      Entry(2, "COMMENT", "EXTENSION made", Section::kNone, ""),
                      Entry(3, "EXTENSION", "gone", Section::kPreData, ""),
                      Entry(4, "EXTENSION", "own", Section::kPreData, "")}};
  const std::map<std::string, ExtensionPlan> extensions = {
      {"made", {.how = ExtensionPlan::How::kMade}},
      {"gone",
       {.how = ExtensionPlan::How::kNotPossible,
        .finding = {.severity = Severity::kMissing, .reason = "EXTENSION_NOT_ALLOWED"}}},
      {"own", {.version = "1.3"}}};
  const ReplayPlan plan = PlanReplay(toc, Roles(), extensions);
  EXPECT_THAT(Ids(plan.before_data), ElementsAre(4));
  EXPECT_THAT(Reasons(plan), ElementsAre("EXTENSION_NOT_ALLOWED"));
}

TEST(PlanReplayTest, ASchemaPublicThatWasDroppedIsDropped) {
  Toc toc{.entries = {Entry(1, "SCHEMA", "app", Section::kPreData)}};
  toc.entries[0].schema = "";
  EXPECT_TRUE(PlanReplay(toc, Roles(), {}).drop_public);
}

TEST(ReplayAdviceTest, NamesTheFunctionThatReliesOnASearchPathAndItsColumn) {
  Toc toc{.entries = {Entry(1, "FUNCTION", "slug(text)", Section::kPreData),
                      Entry(2, "TABLE", "articles", Section::kPreData),
                      Entry(3, "TABLE DATA", "articles", Section::kData)}};
  toc.entries[1].definition =
      "CREATE TABLE \"public\".\"articles\" (\n    \"title\" \"text\",\n    \"s\" \"text\" GENERATED "
      "ALWAYS AS "
      "(\"public\".\"slug\"(\"title\")) STORED\n);\n";
  const absl::Status failed = WithPostgresMessage(
      SqlError("42883", "function unaccent(text) does not exist"),
      "ERROR:  function unaccent(text) does not exist\nLINE 1: lower(unaccent(t))\nHINT:  No function "
      "matches.\n"
      "CONTEXT:  PL/pgSQL function public.slug(text) line 1 at RETURN\nCOPY articles, line 1: \"x\"");
  const Finding healed = HealedByPath(toc, toc.entries[2], failed);
  EXPECT_EQ(healed.severity, Severity::kNote);
  EXPECT_EQ(healed.object, "TABLE \"public\".\"articles\"");
  EXPECT_THAT(healed.message, HasSubstr("FUNCTION \"public\".\"slug\"(text)"));
  EXPECT_THAT(healed.message, HasSubstr("column \"s\""));
  EXPECT_EQ(healed.remedy, "ALTER FUNCTION \"public\".\"slug\"(text) SET search_path = \"$user\", public;");
  EXPECT_THAT(healed.postgres_message, HasSubstr("HINT:  No function matches."));
  EXPECT_EQ(MissingEntry(toc, toc.entries[2], failed).severity, Severity::kMissing);
}

}  // namespace
}  // namespace croft::agent
