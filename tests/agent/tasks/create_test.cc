#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

using CreateTest = TenantTest;

TEST_F(CreateTest, LoginsWorkAndObjectsBelongToTheOwnerRole) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.orders (id int)").ok());
  Connection admin = postgres_.Admin(tenant.objects.database);
  EXPECT_EQ(*admin.Value<std::string>("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'"),
            tenant.objects.owner_role);
}

TEST_F(CreateTest, ReadersSeeWhatTheOwnerMakesInAnySchemaAndChangeNothing) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.orders AS SELECT 1 AS id").ok());
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE SCHEMA extra CREATE TABLE t (id int)").ok());
  EXPECT_TRUE(Sql(tenant, tenant.ra(), "SELECT id FROM public.orders").ok());
  EXPECT_TRUE(Sql(tenant, tenant.ra(), "SELECT id FROM extra.t").ok());
  EXPECT_FALSE(Sql(tenant, tenant.ra(), "DELETE FROM public.orders").ok());
  EXPECT_FALSE(Sql(tenant, tenant.ra(), "CREATE TABLE public.mine (id int)").ok());
}

TEST_F(CreateTest, RepeatsAndCutsAnywhereEndTheSameWay) {
  const TestTenant tenant = NewTenant();
  RunCutEverywhere(tenant, CreateOf(tenant));
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
  // Owner, reader, two logins and the database: no probe login stays.
  EXPECT_EQ(Count(tenant.objects.owner_role), 5);
}

TEST_F(CreateTest, OtherTenantsCannotConnect) {
  const TestTenant acme = MadeTenant("acme");
  const TestTenant globex = MadeTenant("globex");
  for (const std::string& database :
       {acme.objects.database, std::string("postgres"), std::string("template1")}) {
    const absl::Status refused = postgres_.Login(database, globex.a(), globex.password).status();
    EXPECT_EQ(DetailsOf(refused).reason, "NOT_PERMITTED") << database << ": " << refused;
  }
  EXPECT_FALSE(CanLogIn(acme, globex.a()));
  EXPECT_FALSE(CanLogIn(globex, acme.ra()));
}

TEST_F(CreateTest, CommentHoldsUidAndGenerationAlone) {
  const TestTenant tenant = MadeTenant();
  Connection admin = postgres_.Admin();
  EXPECT_EQ(*admin.Value<std::string>(Bind("SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                                           "WHERE datname = $1",
                                           {tenant.objects.database})),
            absl::StrCat("croft uid=", tenant.objects.uid, " generation=1"));
}

TEST_F(CreateTest, LimitsBindLoginAndDatabase) {
  const TestTenant tenant = MadeTenant();
  Connection admin = postgres_.Admin();
  EXPECT_EQ(*admin.Value<int32_t>(
                Bind("SELECT datconnlimit FROM pg_database WHERE datname = $1", {tenant.objects.database})),
            28);
  EXPECT_EQ(
      *admin.Value<int32_t>(Bind("SELECT rolconnlimit FROM pg_roles WHERE rolname = $1", {tenant.a()})),
      20);
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(*session->Value<std::string>("SHOW statement_timeout"), "30s");
  EXPECT_EQ(*session->Value<std::string>("SHOW temp_file_limit"), "4GB");
  EXPECT_FALSE(session->Execute("SET temp_file_limit = -1").ok());
}

TEST_F(CreateTest, TrustedExtensionIsThereAndBelongsToTheTenant) {
  const TestTenant tenant = NewTenant();
  CreateWork work = CreateOf(tenant);
  work.extensions = {"citext", "pgcrypto"};
  const absl::Status made = RunDone(tenant, work);
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_TRUE(Sql(tenant, tenant.a(), "SELECT 'A'::citext = 'a', gen_random_bytes(4)").ok());
  EXPECT_TRUE(Sql(tenant, tenant.a(), "DROP EXTENSION citext").ok());
}

TEST_F(CreateTest, ExtensionsThatCannotBeHadAreNamed) {
  for (const auto& [extension, reason] :
       {std::pair("no_such_thing", "EXTENSION_NOT_AVAILABLE"),
        std::pair("pg_stat_statements", "EXTENSION_NOT_TRUSTED"),
        std::pair("x\"; DROP SCHEMA public; --", "EXTENSION_NOT_AVAILABLE")}) {
    const TestTenant tenant = NewTenant();
    CreateWork work = CreateOf(tenant);
    work.extensions = {extension};
    const absl::Status made = RunDone(tenant, work);
    EXPECT_EQ(DetailsOf(made).reason, reason) << made;
    EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  }
}

TEST_F(CreateTest, UnknownLocaleIsInvalid) {
  const TestTenant tenant = NewTenant();
  CreateWork work = CreateOf(tenant);
  work.locale = "tlh_QO'.UTF-8";
  EXPECT_EQ(DetailsOf(RunDone(tenant, work)).reason, "INVALID_LOCALE");
}

TEST_F(CreateTest, OddNamesAreTakenAsTheyAre) {
  for (const char* odd : {"a\"b", "a'b", "a b;--", "a\\b", "Ä$$ü", "%I%s"}) {
    TestTenant tenant = NewTenant();
    tenant.objects.owner_role = absl::StrCat(odd, tenant.objects.uid);
    tenant.objects.reader_role = tenant.objects.owner_role + "_r";
    tenant.objects.database = DatabaseName(tenant.objects.owner_role, 1);
    tenant.logins = {LoginFor(tenant.a(), tenant.password)};
    const absl::Status made = RunDone(tenant, CreateOf(tenant));
    EXPECT_TRUE(made.ok()) << odd << ": " << made;
    EXPECT_TRUE(CanLogIn(tenant, tenant.a())) << odd;
    EXPECT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}, .roles = true}).ok())
        << odd;
    EXPECT_EQ(Count(tenant.objects.owner_role), 0) << odd;
  }
}

TEST_F(CreateTest, NamesThatAreNotATenantsAreRefused) {
  const TestTenant good = NewTenant();
  const auto refused = [&](auto change) {
    TestTenant bad = good;
    change(bad);
    return DetailsOf(RunDone(bad, CreateOf(bad))).reason;
  };
  EXPECT_EQ(refused([](TestTenant& t) { t.objects.database = "postgres"; }), "INVALID_FIELD");
  EXPECT_EQ(refused([](TestTenant& t) { t.objects.owner_role = "pg_read_all_data"; }), "INVALID_FIELD");
  EXPECT_EQ(refused([](TestTenant& t) { t.objects.database = std::string(62, 'x'); }), "INVALID_FIELD");
  EXPECT_EQ(refused([](TestTenant& t) { t.logins[0].name = "croft"; }), "INVALID_FIELD");
  EXPECT_EQ(refused([](TestTenant& t) { t.logins[0].verifier = "hunter2"; }), "INVALID_FIELD");
  EXPECT_EQ(Count(good.objects.owner_role), 0);
}

TEST_F(CreateTest, DatabaseOfAnotherTenantIsLeftAlone) {
  const TestTenant first = MadeTenant();
  TestTenant second = NewTenant();
  second.objects.database = first.objects.database;
  EXPECT_EQ(DetailsOf(RunDone(second, CreateOf(second))).reason, "WRONG_DATABASE");
  EXPECT_TRUE(CanLogIn(first, first.a()));
  EXPECT_FALSE(CanLogIn(second, second.a(), first.objects.database));
}

TEST_F(CreateTest, DatabaseOfACutDropIsMadeAnew) {
  const TestTenant tenant = MadeTenant();
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin
                  .Execute(Bind("UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1",
                                {tenant.objects.database}))
                  .ok());
  const absl::Status made = RunDone(tenant, CreateOf(tenant));
  EXPECT_TRUE(made.ok()) << made;
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
}

TEST_F(CreateTest, DeadlineEndsTheTask) {
  const TestTenant tenant = NewTenant();
  CountingContext context;
  const Task task{
      .tenant = tenant.objects, .deadline = absl::Now() - absl::Seconds(1), .work = CreateOf(tenant)};
  EXPECT_TRUE(absl::IsDeadlineExceeded(runner_.Run(task, context).status()));
}

TEST_F(CreateTest, AnotherTaskOfTheTenantWaitsForTheLock) {
  const TestTenant tenant = NewTenant();
  auto holder = postgres_.cluster().Begin(tenant.objects.uid, LockMode::kExclusive, TestTimeout());
  ASSERT_TRUE(holder.ok());
  CountingContext context;
  const Task task{.tenant = tenant.objects,
                  .deadline = absl::Now() + absl::Milliseconds(300),
                  .work = CreateOf(tenant)};
  EXPECT_TRUE(absl::IsDeadlineExceeded(runner_.Run(task, context).status()));
  holder->reset();
  EXPECT_TRUE(RunDone(tenant, CreateOf(tenant)).ok());
}

}  // namespace
}  // namespace croft::agent
