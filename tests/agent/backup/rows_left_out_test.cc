#include <algorithm>

#include <absl/strings/str_cat.h>

#include "tests/agent/backup/backup_fixture.h"

// Backups without the rows of some tables, and restores of a part of a backup, on a real server.
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

  absl::StatusOr<Outcome> RestorePart(const TestTenant& target, const TestTenant& source,
                                      const BackUpWork& work, const BackedUp& made,
                                      const std::vector<std::string>& only) {
    return Run(target, RestorePartWork{.restore = {.source = SourceOf(source, work, made),
                                                   .limits = limits_,
                                                   .logins = target.logins},
                                       .only = only});
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

TEST_F(RowsLeftOut, APartIsRestoredWithWhatItNeedsAndComparedExactly) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE EXTENSION citext", "CREATE SCHEMA \"Bill.ing\"", "CREATE TYPE mood AS ENUM ('low', 'high')",
        "CREATE TABLE people (id int PRIMARY KEY, name citext)", "INSERT INTO people VALUES (1, 'Ann')",
        "CREATE TABLE \"Bill.ing\".\"In\"\"voice 100%%\" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY "
        "KEY, "
        "buyer int CONSTRAINT buyer REFERENCES people, mood mood, note citext, UNIQUE (buyer))",
        "INSERT INTO \"Bill.ing\".\"In\"\"voice 100%%\" (buyer, mood, note) VALUES (1, 'high', 'Ünï')",
        "CREATE TABLE log (k int, v text) PARTITION BY LIST (k)",
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1)",
        "CREATE TABLE log_2 PARTITION OF log FOR VALUES IN (2)", "CREATE INDEX log_v ON log (v)",
        "INSERT INTO log VALUES (1, 'a'), (2, 'b')", "CREATE TABLE other (i int)",
        "INSERT INTO other VALUES (1)", "CREATE VIEW \"Bill.ing\".names AS SELECT name FROM people",
        "SELECT lo_from_bytea(4711, 'large')"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);

  const TestTenant schema = NextGeneration(tenant);
  const auto outcome = RestorePart(schema, tenant, work, made, {"\"Bill.ing\".*"});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto& restored = std::get<Restored>(*outcome);
  EXPECT_EQ(restored.table_count, 1);
  EXPECT_EQ(restored.row_count, 1);
  EXPECT_THAT(Said(restored.findings),
              ::testing::UnorderedElementsAre(
                  "FOREIGN_KEY_LEFT_OUT FK CONSTRAINT \"buyer\" ON \"Bill.ing\".\"In\"\"voice 100%\"",
                  "NEEDED_WITHOUT_ROWS TABLE \"public\".\"people\"", "RESTORED_IN_PART DATABASE"));
  ASSERT_TRUE(Unfence(schema).ok());
  EXPECT_EQ(Ask<std::string>(schema, "SELECT note::text FROM \"Bill.ing\".\"In\"\"voice 100%%\""), "Ünï");
  EXPECT_EQ(Ask<int64_t>(schema, "SELECT count(*) FROM people"), 0);
  EXPECT_EQ(Ask<int64_t>(schema, "SELECT count(*) FROM pg_class WHERE relname IN ('other', 'log')"), 0);
  EXPECT_EQ(Ask<int64_t>(schema, "SELECT count(*) FROM pg_largeobject_metadata"), 0);
  EXPECT_EQ(Ask<int64_t>(schema,
                         "INSERT INTO \"Bill.ing\".\"In\"\"voice 100%%\" (buyer) VALUES (9) RETURNING id"),
            2)
      << "its sequence goes on";
}

TEST_F(RowsLeftOut, PartitionsByTheHashOfAnEnumAreRestoredTogetherAlone) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TYPE mood AS ENUM ('low', 'high', 'odd')",
                "CREATE TABLE log (m mood, v text, PRIMARY KEY (m, v)) PARTITION BY HASH (m)",
                "CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
                "CREATE TABLE log_1 PARTITION OF log FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
                "CREATE INDEX log_v ON log (v)",
                "INSERT INTO log SELECT m, 'x' || i FROM unnest(enum_range(NULL::mood)) m, "
                "generate_series(1, 9) i"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant all = NextGeneration(tenant);
  const auto together = RestorePart(all, tenant, work, made, {"*.log"});
  ASSERT_TRUE(together.ok()) << together.status();
  EXPECT_THAT(Said(std::get<Restored>(*together).findings), ElementsAre("RESTORED_IN_PART DATABASE"));
  ASSERT_TRUE(Unfence(all).ok());
  EXPECT_EQ(Ask<int64_t>(all, "SELECT count(*) FROM log"), 27);

  // Its rows come by way of the table that was not chosen: where a row belongs, the hash of an enum's value says.
  const TestTenant one = NextGeneration(all);
  const absl::Status alone = RestorePart(one, tenant, work, made, {"public.log_1"}).status();
  EXPECT_EQ(DetailsOf(alone).reason, "PART_INCOMPLETE") << alone;
  EXPECT_THAT(std::string(alone.message()), HasSubstr("\"log_1\""));
}

TEST_F(RowsLeftOut, APartThatMatchesNothingLeavesNothingOnTheServer) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE orders (i int)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant target = NextGeneration(tenant);
  const absl::Status status =
      RestorePart(target, tenant, work, made, {"public.orders", "public.\"Orders\""}).status();
  EXPECT_EQ(DetailsOf(status).reason, "ONLY_MATCHES_NOTHING") << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("public.\"Orders\""));
  Connection admin = postgres_.Admin("postgres");
  EXPECT_EQ(*admin.Value<int64_t>(
                Bind("SELECT count(*) FROM pg_database WHERE datname = $1", {target.objects.database})),
            0);
}

}  // namespace
}  // namespace croft::agent
