#include "agent/postgres/statement_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ShowStatementTest, QueryIsShownInOneLine) {
  const ShownStatement shown = ShowStatement("SELECT *\n\tFROM  t\r\nWHERE id = $1\n");
  EXPECT_EQ(shown.text, "SELECT * FROM t WHERE id = $1");
  EXPECT_FALSE(shown.cut);
  EXPECT_EQ(ShowStatement("((select 1))").text, "((select 1))");
  EXPECT_EQ(ShowStatement("/* from: web */ update t set n = $1").text,
            "/* from: web */ update t set n = $1");
  EXPECT_EQ(ShowStatement("").text, "");
}

// The server keeps these as the application wrote them.
TEST(ShowStatementTest, OfAnythingButQueriesTheFirstWordsAlone) {
  for (const auto& [text, words] :
       std::vector<std::pair<std::string, std::string>>{{"ALTER ROLE me PASSWORD 'hush'", "ALTER ROLE"},
                                                        {"SET app.token TO hush", "SET app"},
                                                        {"DO $$ BEGIN PERFORM 'hush'; END $$", "DO"},
                                                        {"EXECUTE p(42, 'hush')", "EXECUTE p"},
                                                        {"CREATE TABLE t AS SELECT 'hush'", "CREATE TABLE"},
                                                        {"-- hush\nSELECT 1", ""},
                                                        {"COPY", "COPY"}}) {
    const ShownStatement shown = ShowStatement(text);
    EXPECT_EQ(shown.text, words) << text;
    EXPECT_EQ(shown.cut, text != words) << text;
  }
}

TEST(ShowStatementTest, NoQuotedTextIsShown) {
  for (const char* text :
       {"SELECT 'hush' INTO t", "SELECT E'hush'", "SELECT $$hush$$ INTO t", "SELECT $q$hush$q$",
        "WITH a AS (SELECT U&'hush') SELECT", "/* 'hush' */ SELECT 'hush'"}) {
    const ShownStatement shown = ShowStatement(text);
    EXPECT_THAT(shown.text, Not(HasSubstr("hush"))) << text;
    EXPECT_TRUE(shown.cut) << text;
  }
  EXPECT_EQ(ShowStatement("SELECT $1, $22").text, "SELECT $1, $22");
}

TEST(ShowStatementTest, LongAndBrokenTextIsBoundedAndWellFormed) {
  const ShownStatement shown = ShowStatement("SELECT " + std::string(5000, 'x'));
  EXPECT_EQ(shown.text.size(), kLongestStatement);
  EXPECT_TRUE(shown.cut);
  EXPECT_EQ(ShowStatement("SELECT \"\xff\x1b[2J\"").text, "SELECT \"? [2J\"");
}

class StatementReaderTest : public ::testing::Test {
 protected:
  static absl::Status WhyNot(const ServerAccess& access) {
    return StatementReader([access] { return access; }).ReadSlowest("t_acme", 20, TestTimeout()).status();
  }
};

TEST_F(StatementReaderTest, ServerThatDoesNotCountSaysSo) {
  ServerAccess own = TestPostgres::Shared().access();
  EXPECT_EQ(DetailsOf(WhyNot(own)).reason, "STATEMENTS_NOT_COUNTED");
  EXPECT_THAT(WhyNot(own).message(), HasSubstr("local.conf"));
  own.own_server = false;
  EXPECT_THAT(WhyNot(own).message(), HasSubstr("not in the maintenance database"));
  Connection admin = TestPostgres::Shared().Admin();
  ASSERT_TRUE(admin.Execute("CREATE EXTENSION pg_stat_statements SCHEMA public").ok());
  EXPECT_EQ(DetailsOf(WhyNot(own)).reason, "STATEMENTS_NOT_COUNTED") << "the library is not loaded";
  ASSERT_TRUE(admin.Execute("DROP EXTENSION pg_stat_statements").ok());
}

TEST_F(StatementReaderTest, RoleThatSeesItsOwnStatementsAloneIsRefused) {
  ServerAccess access = TestPostgres::Shared().access();
  access.own_server = false;
  const std::string password = TestPostgres::Shared().SetUp({.role = "statement_agent"});
  access.agent = TenantConninfo(access, "postgres", "statement_agent", password);
  access.agent.erase("dbname");
  EXPECT_EQ(DetailsOf(WhyNot(access)).reason, "STATEMENTS_DENIED");
  ASSERT_TRUE(TestPostgres::Shared().Admin().Execute("GRANT pg_read_all_stats TO statement_agent").ok());
  EXPECT_EQ(DetailsOf(WhyNot(access)).reason, "STATEMENTS_NOT_COUNTED");
}

}  // namespace
}  // namespace croft::agent
