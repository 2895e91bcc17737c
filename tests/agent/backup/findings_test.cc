#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/backup/failure.h"
#include "tests/agent/backup/backup_fixture.h"

// What is said of databases that do not restore as they stand, or only in part.
namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FindingsTest : public BackupTest {
 protected:
  struct Proof {
    TestTenant tenant;
    BackUpWork work;
    BackedUp made;
    std::vector<Finding> findings;
  };

  // Backs up and verifies; both must come to their end.
  Proof Prove(const TestTenant& tenant) {
    Proof proof{.tenant = tenant, .work = BackUpOf(absl::StrCat("20261123t031100z-", 1000 + backups_++))};
    proof.made = MakeBackup(tenant, proof.work);
    const absl::StatusOr<Outcome> outcome =
        Run(tenant, VerifyWork{SourceOf(tenant, proof.work, proof.made)});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (outcome.ok()) proof.findings = std::get<Verified>(*outcome).findings;
    ExpectNothingLeft(tenant);
    return proof;
  }

  absl::StatusOr<Outcome> RestoreAs(const TestTenant& target, const Proof& proof,
                                    bool allow_incomplete = false) {
    return Run(target, RestoreWork{.source = SourceOf(proof.tenant, proof.work, proof.made),
                                   .limits = limits_,
                                   .logins = target.logins,
                                   .allow_incomplete = allow_incomplete});
  }

  // As the server's superuser, inside the tenant's database.
  void AsSuperuser(const TestTenant& tenant, const Statement& statement) {
    Connection admin = postgres_.Admin(tenant.objects.database);
    const absl::Status status = admin.Execute(statement);
    ASSERT_TRUE(status.ok()) << status;
  }

  static Finding Find(const std::vector<Finding>& findings, const std::string& reason) {
    for (const Finding& finding : findings) {
      if (finding.reason == reason) return finding;
    }
    ADD_FAILURE() << "no " << reason << " among:\n" << Text(findings);
    return {};
  }

  static std::string Text(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
      absl::StrAppend(&text, static_cast<int>(finding.severity), " ", finding.reason, " ", finding.object,
                      ": ", finding.message, " [", finding.postgres_message, "] ", finding.remedy, "\n");
    }
    return text;
  }

  static bool All(const std::vector<Finding>& findings, Severity severity) {
    return std::all_of(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.severity == severity; });
  }

  int backups_ = 0;
};

TEST_F(FindingsTest, NothingIsSaidOfAnOrdinaryDatabase) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (i int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'x')",
                "CREATE VIEW w AS SELECT i FROM t"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.made.findings, IsEmpty()) << Text(proof.made.findings);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
}

TEST_F(FindingsTest, ColumnsThatAChildHasInAnotherOrderAreTheSame) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE base (f1 int, f2 int)", "CREATE TABLE child (f3 int) INHERITS (base)",
                "ALTER TABLE base ADD f4 int", "INSERT INTO child VALUES (1, 2, 3, 4)"});
  EXPECT_THAT(Prove(tenant).findings, IsEmpty());
}

TEST_F(FindingsTest, AnInvalidIndexIsNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE doubled (v int)", "INSERT INTO doubled VALUES (1), (1)"});
  EXPECT_FALSE(Sql(tenant, tenant.a(), "CREATE UNIQUE INDEX CONCURRENTLY doubled_v ON doubled (v)").ok());
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.made.findings, "INVALID_INDEX").object, "INDEX \"public\".\"doubled_v\"");
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
}

TEST_F(FindingsTest, ATableThatBecameAnExtensionsIsMissing) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE EXTENSION citext", "CREATE TABLE queue (v int)", "INSERT INTO queue VALUES (1)",
                "ALTER EXTENSION citext ADD TABLE queue"});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.made.findings, "EXTENSION_TABLE_ROWS").object, "TABLE \"public\".\"queue\"");
  const Finding missing = Find(proof.findings, "EXTENSION_MEMBER_MISSING");
  EXPECT_EQ(missing.severity, Severity::kMissing);
  EXPECT_EQ(missing.remedy, "ALTER EXTENSION \"citext\" DROP table public.queue;");
}

TEST_F(FindingsTest, APolicyFollowsTheNewTenantsRole) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE notes (id int)", "INSERT INTO notes VALUES (1)",
                "ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "ALTER TABLE notes FORCE ROW LEVEL SECURITY",
                "CREATE POLICY mine ON notes TO CURRENT_USER USING (true)"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
  const TestTenant copy = NewTenant("copy");
  const auto restored = RestoreAs(copy, proof);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_THAT(std::get<Restored>(*restored).findings, IsEmpty());
  ASSERT_TRUE(Unfence(copy).ok());
  EXPECT_EQ(Ask<int64_t>(copy, "SELECT count(*) FROM notes"), 1);
}

TEST_F(FindingsTest, PublicationsOfASuperuserAreLeftOutAndNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (i int)"});
  AsSuperuser(tenant, "CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA public");
  AsSuperuser(tenant, "CREATE PUBLICATION everything FOR ALL TABLES");
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.made.findings, "PUBLICATION_LEFT_OUT").severity, Severity::kNote);
  EXPECT_EQ(proof.findings.size(), 2u) << Text(proof.findings);
  EXPECT_TRUE(All(proof.findings, Severity::kNote));
}

TEST_F(FindingsTest, AnExtensionOfTheDbasComesBackWhereTheHostAllowsIt) {
  const TestTenant tenant = MadeTenant();
  AsSuperuser(tenant, "CREATE EXTENSION pg_stat_statements SCHEMA public");
  Fill(tenant, {"CREATE TABLE t (i int)"});
  const Proof allowed = Prove(tenant);
  EXPECT_EQ(Find(allowed.made.findings, "EXTENSION_MADE_BY_AGENT").object,
            "EXTENSION \"pg_stat_statements\"");
  EXPECT_TRUE(All(allowed.findings, Severity::kNote)) << Text(allowed.findings);
  access_.restore_extensions.clear();
  const Proof refused = Prove(tenant);
  const Finding said = Find(refused.made.findings, "EXTENSION_NOT_ALLOWED");
  EXPECT_EQ(said.object, "EXTENSION \"pg_stat_statements\"");
  EXPECT_EQ(Find(refused.findings, "EXTENSION_NOT_ALLOWED").severity, Severity::kMissing);
}

TEST_F(FindingsTest, ATableOfAnothersIsNamedAndTheRestIsBackedUp) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE own (i int)", "INSERT INTO own VALUES (1)"});
  AsSuperuser(tenant, "CREATE TABLE public.dba_notes (t text, s serial)");
  const Proof proof = Prove(tenant);
  const Finding said = Find(proof.made.findings, "FOREIGN_OWNER");
  EXPECT_EQ(said.severity, Severity::kMissing);
  EXPECT_EQ(said.object, "TABLE \"public\".\"dba_notes\"");
  EXPECT_EQ(said.owner, "croft");
  EXPECT_EQ(said.remedy, absl::StrCat("ALTER TABLE \"public\".\"dba_notes\" OWNER TO \"",
                                      tenant.objects.owner_role, "\";"));
  EXPECT_EQ(Find(proof.findings, "FOREIGN_OWNER").object, said.object);
  const TestTenant next = NextGeneration(tenant);
  const auto refused = RestoreAs(next, proof);
  EXPECT_EQ(DetailsOf(refused.status()).reason, "BACKUP_INCOMPLETE");
  EXPECT_EQ(Find(croft::agent::FindingsOf(refused.status()), "FOREIGN_OWNER").object, said.object);
  const auto allowed = RestoreAs(next, proof, /*allow_incomplete=*/true);
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM own"), 1);
}

TEST_F(FindingsTest, ALargeObjectOfAnothersThatTheTenantMayNotReadKeepsAllFromTheBackup) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE TABLE own (i int)", "INSERT INTO own VALUES (1)", "SELECT lo_from_bytea(4711, 'own')"});
  AsSuperuser(tenant, "SELECT lo_from_bytea(4712, 'another''s')");
  const Proof proof = Prove(tenant);
  const Finding said = Find(proof.made.findings, "FOREIGN_OWNER");
  EXPECT_EQ(said.severity, Severity::kMissing);
  EXPECT_EQ(said.object, "LARGE OBJECT 4712");
  EXPECT_EQ(said.remedy,
            absl::StrCat("ALTER LARGE OBJECT 4712 OWNER TO \"", tenant.objects.owner_role, "\";"));
  EXPECT_EQ(Find(proof.findings, "LARGE_OBJECTS_LEFT_OUT").severity, Severity::kMissing);
  const TestTenant next = NextGeneration(tenant);
  EXPECT_EQ(DetailsOf(RestoreAs(next, proof).status()).reason, "BACKUP_INCOMPLETE");
  const auto allowed = RestoreAs(next, proof, /*allow_incomplete=*/true);
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM own"), 1);
}

TEST_F(FindingsTest, ALargeObjectOfAnothersThatTheTenantMayReadIsMissingAlone) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"SELECT lo_from_bytea(4711, 'own')", "SELECT lo_from_bytea(4713, 'own, too')"});
  AsSuperuser(tenant, "SELECT lo_from_bytea(4712, 'another''s')");
  AsSuperuser(tenant, {"GRANT SELECT ON LARGE OBJECT 4712 TO %I", {tenant.objects.owner_role}});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.made.findings, "FOREIGN_OWNER").object, "LARGE OBJECT 4712");
  const Finding said = Find(proof.findings, "FOREIGN_OWNER");
  EXPECT_EQ(said.remedy,
            absl::StrCat("ALTER LARGE OBJECT 4712 OWNER TO \"", tenant.objects.owner_role, "\";"));
  EXPECT_EQ(proof.findings.size(), 1U) << Text(proof.findings);
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(RestoreAs(next, proof, /*allow_incomplete=*/true).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<std::string>(next,
                             "SELECT string_agg(convert_from(lo_get(oid), 'UTF8'), ', ' ORDER BY oid) "
                             "FROM pg_largeobject_metadata"),
            "own, own, too");
}

TEST_F(FindingsTest, AGrantThatIsLeftOutIsNamedAndTheOthersAreCompared) {
  const TestTenant tenant = MadeTenant();
  AsSuperuser(tenant, "CREATE ROLE shared_role_of_a_test");
  Fill(tenant, {"CREATE TABLE t (i int)", "GRANT INSERT ON t TO PUBLIC",
                "GRANT SELECT, DELETE ON t TO shared_role_of_a_test"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
  const TestTenant copy = NewTenant("copy");
  const auto restored = RestoreAs(copy, proof);
  ASSERT_TRUE(restored.ok()) << restored.status();
  const std::vector<Finding>& findings = std::get<Restored>(*restored).findings;
  EXPECT_THAT(Find(findings, "GRANT_LEFT_OUT").message, HasSubstr("shared_role_of_a_test"));
  EXPECT_EQ(findings.size(), 1U) << Text(findings);
  ASSERT_TRUE(Unfence(copy).ok());
  EXPECT_EQ(Ask<bool>(copy, "SELECT has_table_privilege('public', 't', 'INSERT')"), true);
  AsSuperuser(tenant, "DROP OWNED BY shared_role_of_a_test");
  AsSuperuser(tenant, "DROP ROLE shared_role_of_a_test");
}

TEST_F(FindingsTest, AGeneratedColumnThatReliesOnASearchPathIsRestoredAndNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE EXTENSION unaccent",
        "CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN "
        "lower(unaccent(t)); END$$",
        "CREATE TABLE articles (title text, s text GENERATED ALWAYS AS (public.slug(title)) STORED)",
        "INSERT INTO articles (title) VALUES ('Été')"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(Find(proof.made.findings, "SEARCH_PATH_RELIED_ON").message, HasSubstr("unaccent"));
  const Finding needed = Find(proof.findings, "SEARCH_PATH_NEEDED");
  EXPECT_EQ(needed.object, "TABLE \"public\".\"articles\"");
  EXPECT_THAT(needed.message, HasSubstr("column \"s\""));
  EXPECT_EQ(needed.remedy,
            "ALTER FUNCTION \"public\".\"slug\"(\"text\") SET search_path = \"$user\", public;");
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
}

TEST_F(FindingsTest, AnIndexOnAFunctionThatReliesOnASearchPathIsRestoredAndNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(
      tenant,
      {"CREATE EXTENSION unaccent",
       "CREATE FUNCTION plain(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT unaccent('unaccent', "
       "t)$$",
       "CREATE TABLE people (name text)", "CREATE INDEX ON people (plain(name))",
       "INSERT INTO people VALUES ('Zoë')"});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.findings, "SEARCH_PATH_NEEDED").remedy,
            "ALTER FUNCTION \"public\".\"plain\"(\"text\") SET search_path = \"$user\", public;");
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
}

TEST_F(FindingsTest, AMaterializedViewThatReliesOnASearchPathIsRestoredAndNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE texts (v tsvector)", "INSERT INTO texts VALUES (to_tsvector('one two two'))",
                "CREATE MATERIALIZED VIEW words AS SELECT word FROM ts_stat('SELECT v FROM texts')"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(Find(proof.findings, "SEARCH_PATH_NEEDED").object, HasSubstr("\"words\""));
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(RestoreAs(next, proof).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM words"),
            Ask<int64_t>(tenant, "SELECT count(*) FROM words"));
}

TEST_F(FindingsTest, RowsThatACheckOfOthersHoldsUpAreRestoredAndNamed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE rates (r int)", "INSERT INTO rates VALUES (1)",
                "CREATE FUNCTION known() RETURNS boolean LANGUAGE sql AS $$SELECT EXISTS (SELECT FROM "
                "public.rates)$$",
                "CREATE TABLE bookings (i int CHECK (public.known()))", "INSERT INTO bookings VALUES (1)"});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.findings, "RESTORED_OUT_OF_ORDER").object, "TABLE \"public\".\"bookings\"");
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
}

TEST_F(FindingsTest, WhatATenantsErrorSaysIsNotBelieved) {
  for (const char* words : {"terminating connection due to administrator command",
                            "No space left on device", "canceling statement due to lock timeout"}) {
    SCOPED_TRACE(words);
    const TestTenant tenant = MadeTenant();
    Fill(tenant, {{"CREATE FUNCTION guard() RETURNS boolean LANGUAGE plpgsql AS %L",
                   {absl::StrCat("BEGIN IF current_setting('search_path') = '' THEN RAISE EXCEPTION '",
                                 words, "' USING ERRCODE = '57P01'; END IF; RETURN true; END")}},
                  {"CREATE TABLE guarded (i int CHECK (public.guard()))"},
                  {"INSERT INTO guarded VALUES (1)"}});
    const Proof proof = Prove(tenant);
    EXPECT_THAT(Find(proof.findings, "SEARCH_PATH_NEEDED").postgres_message, HasSubstr(words));
    EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
  }
}

TEST_F(FindingsTest, ATenantThatEndsItsOwnSessionLosesItsRowsAlone) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE good (i int)", "INSERT INTO good VALUES (1)",
                "CREATE FUNCTION leave() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN IF current_setting("
                "'check_function_bodies') = 'off' THEN PERFORM set_config('role', 'none', true); PERFORM "
                "pg_terminate_backend(pg_backend_pid()); END IF; RETURN true; END$$",
                "CREATE TABLE bad (i int CHECK (public.leave()))", "INSERT INTO bad VALUES (1)"});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.findings, "ROWS_NOT_RESTORED").object, "TABLE \"public\".\"bad\"");
  EXPECT_EQ(proof.findings.size(), 1u) << Text(proof.findings);
}

TEST_F(FindingsTest, SettingsComeBack) {
  const TestTenant tenant = MadeTenant();
  const std::string& database = tenant.objects.database;
  AsSuperuser(tenant, {"ALTER DATABASE %I SET search_path = app, public", {database}});
  AsSuperuser(tenant, {"ALTER DATABASE %I SET timezone = 'Europe/Vienna'", {database}});
  AsSuperuser(tenant, {"ALTER ROLE %I SET work_mem = '5MB'", {tenant.a()}});
  AsSuperuser(tenant,
              {"ALTER ROLE %I IN DATABASE %I SET maintenance_work_mem = '6MB'", {tenant.a(), database}});
  Fill(tenant, {"CREATE SCHEMA app", "CREATE TABLE app.t (i int)"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
  for (const TestTenant& target : {NextGeneration(tenant), NewTenant("copy")}) {
    SCOPED_TRACE(target.objects.database);
    ASSERT_TRUE(RestoreAs(target, proof).ok());
    ASSERT_TRUE(Unfence(target).ok());
    EXPECT_EQ(Ask<std::string>(target, "SHOW search_path"), "app, public");
    EXPECT_EQ(Ask<std::string>(target, "SHOW timezone"), "Europe/Vienna");
    EXPECT_EQ(Ask<std::string>(target, "SHOW work_mem"), "5MB");
    EXPECT_EQ(Ask<std::string>(target, "SHOW maintenance_work_mem"), "6MB");
  }
}

TEST_F(FindingsTest, RotationTakesOverWhatTheOldLoginIsSetTo) {
  const TestTenant tenant = MadeTenant();
  AsSuperuser(tenant, {"ALTER ROLE %I SET work_mem = '5MB'", {tenant.a()}});
  AsSuperuser(tenant, {"ALTER ROLE %I IN DATABASE %I SET search_path = app, public",
                       {tenant.a(), tenant.objects.database}});
  const Login next = LoginFor(tenant.b(), "next");
  ASSERT_TRUE(RunDone(tenant, RotateWork{.enable = true, .login = next, .replaces = tenant.a()}).ok());
  auto connection = postgres_.Login(tenant.objects.database, tenant.b(), "next");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(*connection->Value<std::string>("SHOW work_mem"), "5MB");
  EXPECT_EQ(*connection->Value<std::string>("SHOW search_path"), "app, public");
}

TEST_F(FindingsTest, LargeObjectsOfAnySizeAndOrderComeBack) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"SELECT lo_from_bytea(2000, decode(repeat('00', 1000000), 'hex'))",
                "SELECT lo_from_bytea(1000, 'small')"});
  EXPECT_THAT(Prove(tenant).findings, IsEmpty());
}

TEST_F(FindingsTest, PartitionsByTheHashOfAnEnumAreTheSame) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey')",
        "CREATE TABLE paint (c colour) PARTITION BY HASH (c)",
        "CREATE TABLE paint_0 PARTITION OF paint FOR VALUES WITH (MODULUS 3, REMAINDER 0)",
        "CREATE TABLE paint_1 PARTITION OF paint FOR VALUES WITH (MODULUS 3, REMAINDER 1)",
        "CREATE TABLE paint_2 PARTITION OF paint FOR VALUES WITH (MODULUS 3, REMAINDER 2)",
        "INSERT INTO paint SELECT (enum_range(NULL::colour))[1 + g %% 4] FROM generate_series(1, 80) g"});
  EXPECT_THAT(Prove(tenant).findings, IsEmpty());
}

TEST_F(FindingsTest, AGeneratedColumnWhoseFunctionWasReplacedIsComputedAnew) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2'",
        "CREATE TABLE sums (i int, d int GENERATED ALWAYS AS (public.twice(i)) STORED)",
        "INSERT INTO sums (i) VALUES (1)",
        "CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 3'"});
  const Proof proof = Prove(tenant);
  EXPECT_EQ(Find(proof.made.findings, "GENERATED_COLUMN_COMPUTED_ANEW").object,
            "COLUMN \"public\".\"sums\".\"d\"");
  EXPECT_TRUE(All(proof.findings, Severity::kNote)) << Text(proof.findings);
}

TEST_F(FindingsTest, AnExtensionKeepsItsVersion) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE EXTENSION pg_trgm VERSION '1.3'"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(RestoreAs(next, proof).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<std::string>(next, "SELECT extversion FROM pg_extension WHERE extname = 'pg_trgm'"), "1.3");
}

TEST_F(FindingsTest, ARightThatTheOwnerTookFromItselfIsMissingThereToo) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE frozen (i int)", "INSERT INTO frozen VALUES (1)",
                "REVOKE INSERT, SELECT ON frozen FROM CURRENT_USER"});
  const Proof proof = Prove(tenant);
  EXPECT_THAT(proof.findings, IsEmpty()) << Text(proof.findings);
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(RestoreAs(next, proof).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(SqlStateOf(Sql(next, next.a(), "SELECT * FROM frozen")), "42501");
  Fill(next, {"GRANT SELECT ON frozen TO CURRENT_USER"});
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM frozen"), 1);
}

TEST_F(FindingsTest, ARestoredDatabaseHasPlannerStatistics) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE measured AS SELECT g, md5(g::text) FROM generate_series(1, 1000) g"});
  const Proof proof = Prove(tenant);
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(RestoreAs(next, proof).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_GT(Ask<int64_t>(next, "SELECT count(*) FROM pg_stats WHERE tablename = 'measured'"), 0);
}

TEST_F(FindingsTest, AnObjectThatDoesNotRestoreIsNamedWithItsDetailsAndTheRestIsThere) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (i int)", "INSERT INTO t VALUES (1), (1)",
                "CREATE FUNCTION no() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN true; END$$",
                "CREATE TABLE refused (i int CHECK (public.no()))", "INSERT INTO refused VALUES (7)",
                "CREATE OR REPLACE FUNCTION no() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE "
                "EXCEPTION 'never' "
                "USING DETAIL = 'a detail', HINT = 'a hint'; END$$"});
  const Proof proof = Prove(tenant);
  const Finding missing = Find(proof.findings, "ROWS_NOT_RESTORED");
  EXPECT_EQ(missing.object, "TABLE \"public\".\"refused\"");
  for (const char* part : {"never", "DETAIL:  a detail", "HINT:  a hint", "CONTEXT:"}) {
    EXPECT_THAT(missing.postgres_message, HasSubstr(part));
  }
  EXPECT_EQ(proof.findings.size(), 1u) << Text(proof.findings);
}

TEST_F(FindingsTest, ABackupThatTakesTooLongIsEnded) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  BackUpWork work = BackUpOf();
  work.max_duration = absl::Milliseconds(1);
  const absl::Status status = RunDone(tenant, work);
  EXPECT_EQ(DetailsOf(status).reason, "MAX_DURATION_REACHED");
  ExpectNothingLeft(tenant);
}

}  // namespace
}  // namespace croft::agent
