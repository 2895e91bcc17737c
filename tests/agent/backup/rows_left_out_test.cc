#include <algorithm>

#include <absl/strings/str_cat.h>

#include "tests/agent/backup/backup_fixture.h"

// Backups without the rows of some tables, on a real server.
namespace croft::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RowsLeftOut : public BackupTest {
 protected:
  static std::vector<std::string> Said(const std::vector<Finding>& findings) {
    std::vector<std::string> said;
    for (const Finding& finding : findings)
      said.push_back(absl::StrCat(finding.reason, " ", finding.object));
    return said;
  }

  Verified Verify(const TestTenant& tenant, const BackUpWork& work, const BackedUp& made) {
    const absl::StatusOr<Outcome> outcome = Run(tenant, VerifyWork{SourceOf(tenant, work, made)});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? std::get<Verified>(*outcome) : Verified();
  }

};

TEST_F(RowsLeftOut, TheBackupHasTheDefinitionAndTheProofHolds) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE TABLE jobs (i bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)",
        "INSERT INTO jobs (v) SELECT 'x' FROM generate_series(1, 50)",
        "CREATE TABLE orders (i int PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2)",
        "CREATE SCHEMA \"Cache.1\"", "CREATE TABLE \"Cache.1\".\"100%% \"\"Ünï\"\"\" (v text)",
        "INSERT INTO \"Cache.1\".\"100%% \"\"Ünï\"\"\" VALUES ('x')",
        "CREATE TYPE mood AS ENUM ('low', 'high')", "CREATE TABLE log (m mood) PARTITION BY HASH (m)",
        "CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "INSERT INTO log VALUES ('low'), ('high')", "SELECT lo_from_bytea(4711, 'large')"});
  BackUpWork work = BackUpOf();
  work.skip_rows = {"public.jobs", "\"Cache.1\".*", "public.log", "public.jbos"};
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_EQ(made.row_count, 2);
  const std::vector<std::string> left_out = {"ROWS_LEFT_OUT TABLE \"Cache.1\".\"100% \"\"Ünï\"\"\"",
                                             "ROWS_LEFT_OUT TABLE \"public\".\"jobs\"",
                                             "ROWS_LEFT_OUT TABLE \"public\".\"log\""};
  EXPECT_THAT(Said(made.findings), ::testing::IsSupersetOf(left_out));
  EXPECT_THAT(Said(made.findings), Contains("SKIP_MATCHES_NOTHING public.jbos"));
  EXPECT_THAT(Said(Verify(tenant, work, made).findings), ::testing::UnorderedElementsAreArray(left_out));
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM jobs"), 0);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM orders"), 2);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM log"), 0);
  EXPECT_EQ(Ask<int64_t>(next, "INSERT INTO jobs (v) VALUES ('y') RETURNING i"), 51)
      << "the sequence goes on";
  EXPECT_EQ(Ask<std::string>(next, "SELECT convert_from(lo_get(4711), 'UTF8')"), "large");
}

TEST_F(RowsLeftOut, RowsThatAForeignKeyRefersToAreKept) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE jobs (i int PRIMARY KEY)", "INSERT INTO jobs VALUES (1)",
                "CREATE TABLE runs (job int REFERENCES jobs)", "INSERT INTO runs VALUES (1)"});
  BackUpWork work = BackUpOf();
  work.skip_rows = {"public.jobs"};
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_EQ(made.row_count, 2);
  EXPECT_THAT(Said(made.findings), ElementsAre("ROWS_KEPT TABLE \"public\".\"jobs\""));
  ExpectVerified(tenant, SourceOf(tenant, work, made));
}

// A view that changes the scratch database: what a proof restores is then not what was backed up.
TEST_F(RowsLeftOut, ARowMoreOrLessIsFoundInAllTables) {
  const std::vector<Statement> functions = {
      "CREATE FUNCTION change() RETURNS int LANGUAGE plpgsql AS 'BEGIN IF current_database() ~ ''^v_'' "
      "THEN "
      "DELETE FROM public.orders; END IF; RETURN 1; END'",
      "CREATE FUNCTION change() RETURNS int LANGUAGE plpgsql AS 'BEGIN IF current_database() ~ ''^v_'' "
      "THEN "
      "INSERT INTO public.jobs VALUES (7); END IF; RETURN 1; END'"};
  for (const Statement& function : functions) {
    const TestTenant tenant = MadeTenant();
    Fill(tenant, {"CREATE TABLE jobs (i int)", "INSERT INTO jobs VALUES (1)", "CREATE TABLE orders (i int)",
                  "INSERT INTO orders VALUES (1)", function,
                  "CREATE MATERIALIZED VIEW trap AS SELECT public.change() AS c"});
    BackUpWork work = BackUpOf();
    work.skip_rows = {"public.jobs"};
    const BackedUp made = MakeBackup(tenant, work);
    const Verified verified = Verify(tenant, work, made);
    EXPECT_TRUE(std::any_of(verified.findings.begin(), verified.findings.end(), [](const Finding& finding) {
      return finding.severity == Severity::kDifferent && finding.reason == "CONTENT_DIFFERS";
    })) << function.text();
  }
}

}  // namespace
}  // namespace croft::agent
