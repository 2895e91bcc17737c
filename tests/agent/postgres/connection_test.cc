#include "agent/postgres/connection.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionTest : public ::testing::Test {
 protected:
  Connection connection_ = TestPostgres::Shared().Admin();
};

TEST_F(ConnectionTest, ReadsTheDeclaredTypes) {
  auto row =
      connection_
          .Row<std::string, bool, int32_t, int64_t, std::optional<std::string>, std::optional<int64_t>>(
              "SELECT 'a''b', true, -7, 9223372036854775807, NULL, 5");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(*row, std::make_tuple("a'b", true, -7, 9223372036854775807, std::nullopt, 5));
}

TEST_F(ConnectionTest, AnotherShapeIsInternal) {
  EXPECT_TRUE(absl::IsInternal(connection_.Value<int64_t>("SELECT 'x'").status()));
  EXPECT_TRUE(absl::IsInternal(connection_.Value<std::string>("SELECT NULL").status()));
  EXPECT_TRUE(absl::IsInternal(connection_.Value<int64_t>("SELECT 1, 2").status()));
  EXPECT_TRUE(absl::IsInternal(connection_.Value<int64_t>("SELECT 1 WHERE false").status()));
  EXPECT_TRUE(absl::IsInternal(connection_.Value<int64_t>("SELECT generate_series(1, 2)").status()));
  EXPECT_TRUE(absl::IsInternal(connection_.Value<bool>("SELECT 1").status()));
  EXPECT_TRUE(connection_.Value<int64_t>("SELECT 1").ok());
}

TEST_F(ConnectionTest, TextArraysComeBackAsTheyWent) {
  const std::vector<std::string> odd = {"plain", "", "a,b", "a\"b", "a\\b", "{x}", "NULL", " spaced ", "ä"};
  EXPECT_EQ(*connection_.Value<std::vector<std::string>>(Bind("SELECT $1::text[]", {TextArray(odd)})), odd);
  EXPECT_EQ(*connection_.Value<std::vector<std::string>>(Bind("SELECT $1::text[]", {TextArray({})})),
            std::vector<std::string>());
}

TEST_F(ConnectionTest, ArgumentsCannotLeaveTheirPlace) {
  for (const std::string odd : {"x' OR '1'='1", "x\"; DROP TABLE t; --", "\\", "$$", "%I", "a\nb", "ä"}) {
    EXPECT_EQ(*connection_.Value<std::string>({"SELECT %L", {odd}}), odd);
    EXPECT_EQ(*connection_.Value<std::string>({"SELECT v.%I FROM (SELECT %L AS %I) v", {odd, odd, odd}}),
              odd);
    EXPECT_EQ(*connection_.Value<std::string>(Bind("SELECT $1", {odd})), odd);
  }
  EXPECT_EQ(*connection_.Value<int64_t>({"SELECT %d %% 5", {"12"}}), 2);
}

TEST_F(ConnectionTest, ArgumentsThatPostgresqlWouldCutOrMisreadAreRefused) {
  const std::string nul("a\0b", 3);
  for (const Statement& bad : std::vector<Statement>{{"SELECT 1 AS %I", {std::string(64, 'x')}},
                                                     {"SELECT 1 AS %I", {""}},
                                                     {"SELECT 1 AS %I", {nul}},
                                                     {"SELECT %L", {nul}},
                                                     {"SELECT %L", {"\xff\xfe"}},
                                                     {"SELECT %d", {"1; SELECT 2"}},
                                                     {"SELECT %L"},
                                                     {"SELECT 1", {"too many"}},
                                                     {"SELECT $1", {}, {nul}}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(connection_.Execute(bad))) << bad.text();
  }
  EXPECT_EQ(*connection_.Value<int64_t>({"SELECT 1 AS %I", {std::string(63, 'x')}}), 1);
}

TEST_F(ConnectionTest, StatementsTogetherAreOneTransaction) {
  ASSERT_TRUE(connection_.Execute("CREATE TEMP TABLE t (one int PRIMARY KEY)").ok());
  const absl::Status failed =
      connection_.ExecuteTogether({"INSERT INTO pg_temp.t VALUES (1)", "INSERT INTO pg_temp.t VALUES (1)"});
  EXPECT_EQ(SqlStateOf(failed), sqlstate::kUniqueViolation);
  EXPECT_EQ(*connection_.Value<int64_t>("SELECT count(*) FROM pg_temp.t"), 0);
}

TEST_F(ConnectionTest, PrivilegedSessionsFindNothingOfATenantsByItsBareName) {
  EXPECT_EQ(*connection_.Value<std::string>("SHOW search_path"), "pg_catalog,pg_temp");
}

TEST_F(ConnectionTest, DeadlineCancelsOnTheServerAndTheConnectionGoesOn) {
  connection_.SetTimeout({.deadline = absl::Now() + absl::Milliseconds(100)});
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(connection_.Execute("SELECT pg_sleep(60)")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  connection_.SetTimeout(TestTimeout());
  EXPECT_TRUE(connection_.Execute("SELECT 1").ok());
  EXPECT_EQ(*connection_.Value<int64_t>(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%'"),
            0);
}

TEST_F(ConnectionTest, AWishToStopIsHonoured) {
  int asked = 0;
  connection_.SetTimeout(
      {.keep_going = [&] { return ++asked == 2 ? absl::CancelledError("enough") : absl::OkStatus(); }});
  EXPECT_TRUE(absl::IsCancelled(connection_.Execute("SELECT pg_sleep(60)")));
}

TEST_F(ConnectionTest, LostConnectionIsUnavailableAndStaysLost) {
  Connection other = TestPostgres::Shared().Admin();
  ASSERT_TRUE(
      other.Execute(Bind("SELECT pg_terminate_backend($1::int)", {absl::StrCat(connection_.backend_pid())}))
          .ok());
  const absl::Status lost = connection_.Execute("SELECT pg_sleep(60)");
  EXPECT_EQ(DetailsOf(lost).reason, "POSTGRES_UNAVAILABLE") << lost;
  while (connection_.usable()) (void)connection_.Execute("SELECT 1");
  EXPECT_TRUE(absl::IsUnavailable(connection_.Execute("SELECT 1")));
}

TEST_F(ConnectionTest, RefusalsSayWhy) {
  TestPostgres& postgres = TestPostgres::Shared();
  EXPECT_EQ(DetailsOf(postgres.Login("postgres", "nobody", "x").status()).reason, "LOGIN_REFUSED");
  Conninfo elsewhere = postgres.access().agent;
  elsewhere["dbname"] = "no_such_database";
  EXPECT_TRUE(absl::IsNotFound(Connection::Open(elsewhere, Trust::kPrivileged, TestTimeout()).status()));
  elsewhere["dbname"] = "host=evil.example dbname=postgres";
  EXPECT_TRUE(absl::IsNotFound(Connection::Open(elsewhere, Trust::kPrivileged, TestTimeout()).status()));
  elsewhere["port"] = "1";
  EXPECT_EQ(DetailsOf(Connection::Open(elsewhere, Trust::kPrivileged, TestTimeout()).status()).reason,
            "POSTGRES_UNAVAILABLE");
}

TEST(ParseConninfoTest, TakesKeywordsAndUris) {
  EXPECT_EQ(*ParseConninfo("host=db port=5433 user=a"),
            (Conninfo{{"host", "db"}, {"port", "5433"}, {"user", "a"}}));
  EXPECT_EQ(*ParseConninfo("postgresql://a@db/x?sslmode=require"),
            (Conninfo{{"dbname", "x"}, {"host", "db"}, {"sslmode", "require"}, {"user", "a"}}));
}

TEST(ParseConninfoTest, ErrorsDoNotRepeatWhatMayBeASecret) {
  const absl::Status bad = ParseConninfo("password=hunter2 nonsense").status();
  EXPECT_TRUE(absl::IsInvalidArgument(bad));
  EXPECT_THAT(std::string(bad.message()), Not(HasSubstr("hunter2")));
}

TEST(SqlErrorTest, TellsWhatIsWorthAnotherAttempt) {
  const auto code = [](absl::string_view state) { return SqlError(state, "m").code(); };
  EXPECT_EQ(code("53100"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(SqlError("53100", "m")).reason, "DISK_FULL");
  EXPECT_EQ(code("57P01"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code("55006"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code("40P01"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code("42601"), absl::StatusCode::kInternal);
  EXPECT_EQ(SqlStateOf(SqlError("42601", "m")), "42601");
  EXPECT_EQ(SqlStateOf(absl::OkStatus()), "");
  EXPECT_EQ(SqlStateOf(absl::InternalError("other")), "");
}

// Text of an archive runs with a tenant's rights or not at all.
class ArchivedTextTest : public ::testing::Test {
 protected:
  static Connection Tenants() {
    Conninfo conninfo = TestPostgres::Shared().access().agent;
    conninfo["dbname"] = "postgres";
    auto opened = Connection::Open(conninfo, Trust::kTenant, TestTimeout());
    EXPECT_TRUE(opened.ok()) << opened.status();
    opened->SetTimeout(TestTimeout());
    return *std::move(opened);
  }

  Connection connection_ = Tenants();
};

TEST_F(ArchivedTextTest, IsRefusedOnAPrivilegedSession) {
  Connection privileged = TestPostgres::Shared().Admin();
  EXPECT_TRUE(absl::IsInternal(privileged.ExecuteArchived("SELECT 1")));
  EXPECT_TRUE(absl::IsInternal(privileged.BeginCopyIn("COPY t FROM stdin")));
  EXPECT_TRUE(absl::IsInternal(privileged.WriteLargeObject(1, 0, "x")));
}

TEST_F(ArchivedTextTest, RunsAllStatementsOrNone) {
  EXPECT_EQ(SqlStateOf(connection_.ExecuteArchived("CREATE TEMP TABLE a (i int); SELECT 1/0")), "22012");
  EXPECT_EQ(SqlStateOf(connection_.Execute("SELECT * FROM a")), "42P01");
  EXPECT_TRUE(connection_.ExecuteArchived("CREATE TEMP TABLE a (i int); INSERT INTO a VALUES (1)").ok());
  EXPECT_EQ(*connection_.Value<int64_t>("SELECT count(*) FROM a"), 1);
}

TEST_F(ArchivedTextTest, CopiesRowsInPieces) {
  ASSERT_TRUE(connection_.Execute("CREATE TEMP TABLE c (i int, t text)").ok());
  ASSERT_TRUE(connection_.BeginCopyIn("COPY c FROM stdin;\n").ok());
  ASSERT_TRUE(connection_.CopyIn("1\tone\n2\tt").ok());
  ASSERT_TRUE(connection_.CopyIn("wo\n\\.\n\n\n").ok());
  ASSERT_TRUE(connection_.EndCopyIn().ok());
  EXPECT_EQ(*connection_.Value<std::string>("SELECT string_agg(t, ',' ORDER BY i) FROM c"), "one,two");
}

TEST_F(ArchivedTextTest, ARefusedRowIsToldWithItsContextAndTheSessionGoesOn) {
  ASSERT_TRUE(connection_.Execute("CREATE TEMP TABLE c (i int)").ok());
  ASSERT_TRUE(connection_.BeginCopyIn("COPY c FROM stdin").ok());
  ASSERT_TRUE(connection_.CopyIn("1\nx\n").ok());
  const absl::Status refused = connection_.EndCopyIn();
  EXPECT_EQ(SqlStateOf(refused), "22P02");
  EXPECT_THAT(PostgresMessageOf(refused), HasSubstr("CONTEXT:  COPY c, line 2"));
  EXPECT_EQ(*connection_.Value<int64_t>("SELECT count(*) FROM c"), 0);
}

TEST_F(ArchivedTextTest, AStatementThatTakesDataItIsNotGivenFails) {
  ASSERT_TRUE(connection_.Execute("CREATE TEMP TABLE c (i int)").ok());
  EXPECT_FALSE(connection_.ExecuteArchived("COPY c FROM stdin").ok());
  EXPECT_TRUE(connection_.Execute("SELECT 1").ok());
  EXPECT_FALSE(connection_.BeginCopyIn("SELECT 1").ok());
  EXPECT_FALSE(connection_.ExecuteArchived("COPY c TO stdout").ok());
}

TEST_F(ArchivedTextTest, WritesLargeObjectsOfAnyBytes) {
  ASSERT_TRUE(connection_.Execute("BEGIN").ok());
  ASSERT_TRUE(connection_.Execute("SELECT lo_create(4711)").ok());
  EXPECT_TRUE(connection_.WriteLargeObject(4711, 0, std::string("a\0b", 3)).ok());
  EXPECT_TRUE(connection_.WriteLargeObject(4711, 3, "\xff").ok());
  EXPECT_EQ(*connection_.Value<std::string>("SELECT encode(lo_get(4711), 'hex')"), "610062ff");
  EXPECT_TRUE(connection_.Execute("ROLLBACK").ok());
}

TEST(CutMessageTest, CutsAtFourKilobytes) {
  EXPECT_EQ(CutMessage(" short \n"), "short");
  EXPECT_EQ(CutMessage(std::string(5000, 'x')).size(), kMostMessageBytes);
}

TEST(DatabaseTagTest, ComesBackAsItWent) {
  const DatabaseTag tag{"abcdefgh234567xy", 12};
  EXPECT_EQ(FormatDatabaseTag(tag), "croft uid=abcdefgh234567xy generation=12");
  EXPECT_EQ(ParseDatabaseTag(FormatDatabaseTag(tag)), tag);
}

TEST(DatabaseTagTest, NothingElseIsATag) {
  for (const char* comment :
       {"", "croft", "croft uid= generation=1", "croft uid=a generation=", "croft uid=a generation=x",
        "croft uid=a generation=01", "croft uid=a generation=1 ", " croft uid=a generation=1",
        "croft uid=a generation=99999999999999999999", "uid=a generation=1"}) {
    EXPECT_FALSE(ParseDatabaseTag(comment).has_value()) << comment;
  }
}

}  // namespace
}  // namespace croft::agent
