#include "agent/tasks/backup_tasks.h"

#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>

#include "agent/backup/manifest.h"
#include "tests/agent/backup/backup_fixture.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

// One of everything that a tenant can make and that a dump could lose.
std::vector<Statement> Everything() {
  return {
      "CREATE EXTENSION citext",
      "CREATE SCHEMA \"Weird \"\"schema\"\"\"",
      "CREATE TYPE mood AS ENUM ('sad', 'ok')",
      "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
      "CREATE TYPE span AS RANGE (subtype = float8)",
      "CREATE TABLE kinds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, c citext, b bytea, "
      "f float8, n numeric, ts timestamptz, i interval, j jsonb, u uuid, a int[], m mood, p positive, s "
      "span, "
      "d date, bits bit(3), net inet, x xml, mon money, twice int GENERATED ALWAYS AS (length(t) * 2) "
      "STORED)",
      "INSERT INTO kinds (t, c, b, f, n, ts, i, j, u, a, m, p, s, d, bits, net, x, mon) SELECT 'row ' || "
      "g, "
      "'Cased', decode(md5(g::text), 'hex'), g / 3.0, 1.50, '2026-11-23 03:11:00+01', '1 day 2 hours', "
      "'{\"k\": [1, null]}', md5(g::text)::uuid, ARRAY[g, NULL], 'ok', g, '[1.5,2.5)', '2026-02-28', "
      "B'101', "
      "'10.0.0.1/8', '<a/>', 3.50 FROM generate_series(1, 1000) g",
      "CREATE TABLE \"Weird \"\"schema\"\"\".\"t; DROP TABLE x; --\" (t int, \"select\" text)",
      "INSERT INTO \"Weird \"\"schema\"\"\".\"t; DROP TABLE x; --\" VALUES (1, E'line\\nbreak'), (NULL, "
      "'')",
      "CREATE TABLE nothing ()",
      "INSERT INTO nothing DEFAULT VALUES",
      "CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k)",
      "CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)",
      "CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20)",
      "INSERT INTO parts VALUES (1, 'low'), (11, 'high')",
      "CREATE TABLE parent (k int)",
      "CREATE TABLE child (v int) INHERITS (parent)",
      "INSERT INTO parent VALUES (1)",
      "INSERT INTO child VALUES (2, 3)",
      "CREATE SEQUENCE counter START 5",
      "SELECT nextval('counter')",
      "CREATE VIEW seen AS SELECT t FROM kinds",
      "CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM kinds",
      "CREATE FUNCTION double(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'",
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      "CREATE TRIGGER touched BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION touch()",
      "CREATE INDEX by_double ON kinds (double(a[1]))",
      "CREATE TABLE secret (owner text, v int)",
      "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE secret FORCE ROW LEVEL SECURITY",
      "CREATE POLICY mine ON secret USING (owner = 'me') WITH CHECK (true)",
      "INSERT INTO secret VALUES ('me', 1), ('you', 2)",
      "CREATE UNLOGGED TABLE fast (v int)",
      "INSERT INTO fast VALUES (1)",
      "CREATE PUBLICATION own FOR TABLE kinds",
      "COMMENT ON TABLE kinds IS 'a comment'",
      "SELECT lo_from_bytea(0, 'large'), lo_from_bytea(0, decode(repeat('ab', 600000), 'hex'))",
      "REVOKE ALL ON FUNCTION double(int) FROM PUBLIC"};
}

TEST_F(BackupTest, EverythingComesBackAsTheNextGeneration) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, Everything());
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_EQ(made.table_count, 9);
  EXPECT_EQ(made.row_count, 1000 + 2 + 1 + 2 + 2 + 2 + 1);
  EXPECT_EQ(made.size_bytes,
            static_cast<int64_t>(fs::file_size(StorePath(ArchiveObject(tenant.objects.uid, work.backup)))));
  Fill(tenant, {"INSERT INTO parent VALUES (99)"});
  const TestTenant next = NextGeneration(tenant);
  const absl::Status restored = Restore(next, SourceOf(tenant, work, made));
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_FALSE(CanLogIn(next, next.a()));
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM ONLY parent"), 1);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT sum(twice) FROM kinds"),
            Ask<int64_t>(tenant, "SELECT sum(twice) FROM kinds"));
  EXPECT_EQ(Ask<int64_t>(next, "SELECT nextval('counter')"), 6);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT n FROM kept"), 1000);
  EXPECT_EQ(Ask<std::string>(next, "SELECT obj_description('kinds'::regclass)"), "a comment");
  EXPECT_EQ(Ask<std::string>(next, "SELECT tableowner FROM pg_tables WHERE tablename = 'kinds'"),
            tenant.objects.owner_role);
  EXPECT_EQ(Ask<bool>(next, "SELECT proacl IS NOT NULL FROM pg_proc WHERE proname = 'double'"), true);
  // Row security holds for the owner again.
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM secret"), 1);
  ExpectNothingLeft(tenant);
}

TEST_F(BackupTest, ReaderSeesWhatItSawAndNoMore) {
  const TestTenant tenant = MadeTenant("acme");
  Fill(tenant,
       {"CREATE TABLE t (v int)", "CREATE TABLE hidden (v int)", "CREATE TABLE columns (v int, w int)"});
  Fill(tenant, {{"REVOKE ALL ON hidden, columns FROM %I", {tenant.objects.reader_role}},
                {"GRANT SELECT (v) ON columns TO %I", {tenant.objects.reader_role}},
                {"GRANT SELECT ON t TO %I", {tenant.a()}}});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant next = NextGeneration(tenant);
  const TestTenant copy = NewTenant("copy");
  for (const TestTenant& restored : {next, copy}) {
    SCOPED_TRACE(restored.objects.database);
    const absl::Status status = Restore(restored, SourceOf(tenant, work, made));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(Unfence(restored).ok());
    EXPECT_TRUE(Sql(restored, restored.ra(), "SELECT * FROM t").ok());
    EXPECT_EQ(SqlStateOf(Sql(restored, restored.ra(), "SELECT * FROM hidden")), "42501");
    EXPECT_EQ(SqlStateOf(Sql(restored, restored.ra(), "SELECT w FROM columns")), "42501");
    EXPECT_TRUE(Sql(restored, restored.ra(), "SELECT v FROM columns").ok());
    EXPECT_FALSE(Sql(restored, restored.ra(), "INSERT INTO t VALUES (1)").ok());
    // What is made from now on is the reader's to read too.
    Fill(restored, {"CREATE TABLE later (v int)"});
    EXPECT_TRUE(Sql(restored, restored.ra(), "SELECT * FROM later").ok());
  }
}

TEST_F(BackupTest, RestoredUnderAnothersNamesItIsTheOthers) {
  const TestTenant tenant = MadeTenant("acme");
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1), (2)", "CREATE SCHEMA app",
                "CREATE TABLE app.u (v int)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant copy = NewTenant("copy");
  const absl::Status restored = Restore(copy, SourceOf(tenant, work, made));
  ASSERT_TRUE(restored.ok()) << restored;
  ASSERT_TRUE(Unfence(copy).ok());
  EXPECT_EQ(Ask<int64_t>(copy, "SELECT count(*) FROM t"), 2);
  EXPECT_EQ(Ask<std::string>(copy, "SELECT tableowner FROM pg_tables WHERE tablename = 't'"),
            copy.objects.owner_role);
  EXPECT_TRUE(Sql(copy, copy.ra(), "SELECT * FROM app.u").ok());
  EXPECT_FALSE(postgres_.Login(copy.objects.database, tenant.a(), tenant.password).ok());
  ExpectNothingLeft(tenant);
  ExpectNothingLeft(copy);
}

TEST_F(BackupTest, OneThatWasClosedForGrowthIsProvenAndComesBackOpen) {
  const TestTenant tenant = MadeTenant("acme");
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1), (2)", "CREATE SCHEMA app",
                "CREATE TABLE app.u (v int)", "REVOKE INSERT ON app.u FROM CURRENT_USER"});
  ASSERT_TRUE(RunDone(tenant, LimitGrowthWork{true}).ok());
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  const TestTenant copy = NewTenant("copy");
  for (const TestTenant& target : {NextGeneration(tenant), copy}) {
    const absl::Status restored = Restore(target, SourceOf(tenant, work, made));
    ASSERT_TRUE(restored.ok()) << restored;
    ASSERT_TRUE(Unfence(target).ok());
    EXPECT_EQ(Ask<int64_t>(target, "SELECT count(*) FROM t"), 2);
    EXPECT_TRUE(Sql(target, target.a(), "INSERT INTO t VALUES (3)").ok());
    EXPECT_TRUE(Sql(target, target.a(), "CREATE TABLE app.more (v int)").ok());
    EXPECT_TRUE(Sql(target, target.a(), "CREATE SCHEMA more").ok());
    EXPECT_FALSE(Sql(target, target.a(), "INSERT INTO app.u VALUES (1)").ok()) << "as it was before";
  }
  EXPECT_FALSE(Sql(tenant, tenant.a(), "INSERT INTO t VALUES (3)").ok()) << "its own is as it was";
}

TEST_F(BackupTest, VerifiedBackupLeavesNothingBehind) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, Everything());
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const absl::StatusOr<Outcome> outcome = Run(tenant, VerifyWork{SourceOf(tenant, work, made)});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(std::get<Verified>(*outcome).table_count, made.table_count);
  EXPECT_EQ(std::get<Verified>(*outcome).row_count, made.row_count);
  ExpectNothingLeft(tenant);
}

TEST_F(BackupTest, VerifyingWhereTheTenantDoesNotLiveRemovesTheRolesItMade) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ASSERT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}, .roles = true}).ok());
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  EXPECT_EQ(Count(tenant.objects.owner_role), 0);
}

TEST_F(BackupTest, FencedDatabaseIsBackedUpAndStaysClosed) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1)"});
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  const BackUpWork work = BackUpOf("20261123t031100z-abcd", /*sealed=*/true);
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_EQ(made.row_count, 1);
  Connection admin = postgres_.Admin();
  EXPECT_FALSE(*admin.Value<bool>(Bind("SELECT datallowconn FROM pg_database WHERE datname = $1",
                                       {SealedName(tenant.objects.database)})));
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  ExpectNothingLeft(tenant);
}

TEST_F(BackupTest, FencedDatabaseIsClosedAgainAfterACutBackup) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  const BackUpWork work = BackUpOf("20261123t031100z-abcd", /*sealed=*/true);
  Connection admin = postgres_.Admin();
  for (int stop_at = 0;; ++stop_at) {
    const absl::Status status = RunDone(tenant, work, stop_at);
    EXPECT_FALSE(*admin.Value<bool>(Bind("SELECT datallowconn FROM pg_database WHERE datname = $1",
                                         {SealedName(tenant.objects.database)})));
    ExpectNothingLeft(tenant);
    if (status.ok()) break;
    ASSERT_TRUE(absl::IsCancelled(status)) << status;
  }
}

TEST_F(BackupTest, EveryTaskCanBeCutAnywhereAndRepeated) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1)"});
  const BackUpWork work = BackUpOf();
  RunCutEverywhere(tenant, work);
  const BackedUp made = MakeBackup(tenant, work);
  RunCutEverywhere(tenant, VerifyWork{SourceOf(tenant, work, made)});
  const TestTenant next = NextGeneration(tenant);
  RunCutEverywhere(
      next, RestoreWork{.source = SourceOf(tenant, work, made), .limits = limits_, .logins = next.logins});
  ExpectNothingLeft(tenant);
}

TEST_F(BackupTest, WhatAKilledAgentLeftIsRemoved) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const std::string login = tenant.objects.owner_role + "_mabcdefgh";
  const std::string scratch_database = absl::StrCat("v_", tenant.objects.uid, "_old1");
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute({"CREATE DATABASE %I", {scratch_database}}).ok());
  ASSERT_TRUE(
      admin.Execute({"CREATE ROLE %I LOGIN PASSWORD 'left' IN ROLE %I", {login, tenant.objects.owner_role}})
          .ok());
  for (const std::string& database : {scratch_database, tenant.objects.database}) {
    ASSERT_TRUE(admin.Execute({"GRANT CONNECT ON DATABASE %I TO %I", {database, login}}).ok());
  }
  auto restoring = postgres_.Login(scratch_database, login, "left");
  ASSERT_TRUE(restoring.ok()) << restoring.status();
  std::ofstream(folder_.path() + "/scratch/" + tenant.objects.uid + "-left") << "secret";
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  EXPECT_FALSE(restoring->Execute("SELECT 1").ok());
  ExpectNothingLeft(tenant);
}

// What this process held at most since `work` began, beyond what it held before.
template <typename Work>
int64_t PeakGrowth(const Work& work) {
  const auto kilobytes = [](const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with(field)) return std::stoll(line.substr(field.size()));
    }
    return 0LL;
  };
  std::ofstream("/proc/self/clear_refs") << "5";
  const int64_t before = kilobytes("VmRSS:");
  work();
  return (kilobytes("VmHWM:") - before) * 1024;
}

TEST_F(BackupTest, MemoryDoesNotGrowWithTheData) {
  const TestTenant tenant = MadeTenant();
  // 50 MB that do not compress.
  Fill(tenant,
       {"CREATE TABLE t (v bytea)", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
        "INSERT INTO t SELECT (SELECT decode(string_agg(md5(random()::text || g || i), ''), 'hex') FROM "
        "generate_series(1, 640) i) FROM generate_series(1, 5000) g"});
  const BackUpWork work = BackUpOf();
  BackedUp made;
  constexpr int64_t kBound = 32 << 20;
  EXPECT_LT(PeakGrowth([&] { made = MakeBackup(tenant, work); }), kBound);
  EXPECT_GT(made.size_bytes, kBound);
  EXPECT_LT(PeakGrowth([&] { ExpectVerified(tenant, SourceOf(tenant, work, made)); }), kBound);
}

TEST_F(BackupTest, RestoreNeverReplacesAnOpenDatabase) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_EQ(ReasonOf(Restore(tenant, SourceOf(tenant, work, made))), "DATABASE_IN_PLACE");
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
}

// Two agents of one identity may both be sent a restore, and the control plane go on by the answer of either.
TEST_F(BackupTest, AWholeRestoreIsKeptAndHalfOfOneMadeAnew) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  const TestTenant next = NextGeneration(tenant);
  Connection admin = postgres_.Admin();
  const auto which = [&] {
    return *admin.Value<int64_t>(
        Bind("SELECT oid::bigint FROM pg_database WHERE datname = $1", {next.objects.database}));
  };
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  const int64_t whole = which();
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  EXPECT_EQ(which(), whole);
  // As it is before the archive is in it.
  ASSERT_TRUE(admin.Execute({"COMMENT ON DATABASE %I IS NULL", {next.objects.database}}).ok());
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  EXPECT_NE(which(), whole);
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM t"), 1);
}

TEST_F(BackupTest, UnknownStoreIsNamed) {
  const TestTenant tenant = MadeTenant();
  BackUpWork work = BackUpOf();
  work.store = "store-elsewhere";
  const absl::Status status = RunDone(tenant, work);
  EXPECT_EQ(ReasonOf(status), "STORE_NOT_REACHED");
  EXPECT_THAT(std::string(status.message()), HasSubstr("store-elsewhere"));
}

// A store whose disk fills up after some bytes.
class FillingStore final : public Store {
 public:
  FillingStore(Store& store, int64_t room) : store_(store), room_(room) {}
  const std::string& id() const override { return store_.id(); }
  absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view name, int64_t size_hint) override {
    CROFT_ASSIGN_OR_RETURN(auto writer, store_.Put(name, size_hint));
    return std::make_unique<Writer>(std::move(writer), room_);
  }
  absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) override {
    return store_.Get(name);
  }
  absl::StatusOr<std::vector<StoredObject>> List(absl::string_view uid) override {
    return store_.List(uid);
  }
  absl::Status Delete(absl::string_view name) override { return store_.Delete(name); }
  absl::Status DeleteAll(absl::string_view uid) override { return store_.DeleteAll(uid); }
  absl::StatusOr<int64_t> FreeBytes() override { return store_.FreeBytes(); }

 private:
  class Writer final : public ObjectWriter {
   public:
    Writer(std::unique_ptr<ObjectWriter> writer, int64_t& room) : writer_(std::move(writer)), room_(room) {}
    absl::Status Append(absl::string_view data) override {
      room_ -= static_cast<int64_t>(data.size());
      return room_ < 0 ? DiskFull("the test's disk") : writer_->Append(data);
    }
    absl::Status Commit() override { return writer_->Commit(); }

   private:
    std::unique_ptr<ObjectWriter> writer_;
    int64_t& room_;
  };

  Store& store_;
  int64_t room_;
};

TEST_F(BackupTest, FullDiskIsSaidAndLeavesNoBackup) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t AS SELECT md5(g::text) AS w FROM generate_series(1, 20000) g"});
  const std::unique_ptr<Store> whole = std::move(stores_[0]);
  stores_[0] = std::make_unique<FillingStore>(*whole, 100'000);
  const absl::Status status = RunDone(tenant, BackUpOf());
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  const auto objects = whole->List(tenant.objects.uid);
  ASSERT_TRUE(objects.ok());
  for (const StoredObject& object : *objects) EXPECT_EQ(object.name, KeyObject(tenant.objects.uid));
  ExpectNothingLeft(tenant);
}

// ---- what a tenant could do to its backup

TEST_F(BackupTest, LockedTableEndsTheBackupAndMayBeTriedAgain) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"CREATE TABLE t (v int)"});
  auto locker = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(locker.ok());
  ASSERT_TRUE(locker->Execute("BEGIN").ok());
  ASSERT_TRUE(locker->Execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE").ok());
  const absl::Status status = RunDone(tenant, BackUpOf());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "TABLE_LOCKED");
  ExpectNothingLeft(tenant);
}

TEST_F(BackupTest, GrantsAndPoliciesForOtherRolesDoNotStandInTheWay) {
  const TestTenant tenant = MadeTenant("acme");
  const TestTenant other = MadeTenant("other");
  Fill(tenant, {"CREATE TABLE t (v int)", "INSERT INTO t VALUES (1)",
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON t USING (true)"});
  Fill(tenant, {{"GRANT SELECT ON t TO %I", {other.a()}},
                {"CREATE POLICY foreign_one ON t TO %I USING (true)", {other.a()}},
                {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO %I", {other.a()}}});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  Fill(tenant, {{"DROP POLICY foreign_one ON t"},
                {"REVOKE ALL ON t FROM %I", {other.a()}},
                {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM %I", {other.a()}}});
  ASSERT_TRUE(RunDone(other, DropWork{.databases = {other.objects.database}, .roles = true}).ok());
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  const TestTenant next = NextGeneration(tenant);
  const absl::Status restored = Restore(next, SourceOf(tenant, work, made));
  EXPECT_TRUE(restored.ok()) << restored;
}

TEST_F(BackupTest, WhatLandedOnTheLoginIsBackedUpToo) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {"SET ROLE NONE", "SELECT lo_from_bytea(0, 'mine')"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM pg_largeobject_metadata"), 1);
}

TEST_F(BackupTest, WhatAReaderOwnsDoesNotStandInTheWayAndIsBackedUpToo) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant, {{"GRANT CREATE ON SCHEMA public TO %I", {tenant.objects.reader_role}}});
  auto reader = postgres_.Login(tenant.objects.database, tenant.ra(), tenant.password);
  ASSERT_TRUE(reader.ok()) << reader.status();
  for (const Statement& statement :
       std::vector<Statement>{"SET default_transaction_read_only = off", "SELECT lo_from_bytea(0, 'mine')",
                              "CREATE TABLE public.mine AS SELECT 1 AS i"}) {
    ASSERT_TRUE(reader->Execute(statement).ok()) << statement.text();
  }
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  const TestTenant next = NextGeneration(tenant);
  ASSERT_TRUE(Restore(next, SourceOf(tenant, work, made)).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM pg_largeobject_metadata"), 1);
  EXPECT_EQ(Ask<int64_t>(next, "SELECT i FROM public.mine"), 1);
}

TEST_F(BackupTest, DroppedPublicSchemaAndOwnCastDoNotStandInTheWay) {
  const TestTenant tenant = MadeTenant();
  Fill(tenant,
       {"CREATE SCHEMA app", "CREATE TABLE app.t (v int, t int)", "INSERT INTO app.t VALUES (1, 1)",
        "CREATE FUNCTION app.lie(app.t) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT random()::text'",
        "CREATE CAST (app.t AS text) WITH FUNCTION app.lie(app.t)", "DROP SCHEMA public CASCADE"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ExpectVerified(tenant, SourceOf(tenant, work, made));
}

TEST_F(BackupTest, NothingOfTheArchiveRunsAsAnybodyButTheTenant) {
  const TestTenant tenant = MadeTenant();
  // The check runs while rows are restored; as more than the tenant it would make a superuser.
  Fill(tenant,
       {"CREATE FUNCTION climb() RETURNS bool LANGUAGE plpgsql AS 'BEGIN EXECUTE $$ALTER ROLE CURRENT_USER "
        "SUPERUSER$$; RETURN true; EXCEPTION WHEN insufficient_privilege THEN RETURN true; END'",
        "CREATE TABLE t (v int CHECK (public.climb()))", "INSERT INTO t VALUES (1)"});
  const BackUpWork work = BackUpOf();
  const BackedUp made = MakeBackup(tenant, work);
  ExpectVerified(tenant, SourceOf(tenant, work, made));
  Connection admin = postgres_.Admin();
  EXPECT_EQ(*admin.Value<int64_t>("SELECT count(*) FROM pg_roles WHERE rolsuper"), 1);
}

}  // namespace
}  // namespace croft::agent
