#include <atomic>
#include <optional>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;

class FenceTest : public TenantTest {
 protected:
  using TenantTest::TenantTest;

  std::string SealedOf(const TestTenant& tenant) const { return SealedName(tenant.objects.database); }
  int64_t Sessions(const std::string& database) {
    Connection admin = postgres_.Admin();
    return *admin.Value<int64_t>(
        Bind("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", {database}));
  }
};

// Connects, writes and connects again until told to stop; counts what the server acknowledged.
class Writer {
 public:
  Writer(TestPostgres& postgres, const TestTenant& tenant)
      : thread_([&postgres, tenant, this] {
          while (!stop_) {
            auto session = postgres.Login(tenant.objects.database, tenant.a(), tenant.password);
            while (!stop_ && session.ok() && session->Execute("INSERT INTO public.written VALUES (1)").ok())
              ++acknowledged_;
          }
        }) {}
  ~Writer() {
    stop_ = true;
    thread_.join();
  }
  int acknowledged() const { return acknowledged_; }
  void AwaitSome() const {
    while (acknowledged_ == 0) absl::SleepFor(absl::Milliseconds(1));
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> acknowledged_{0};
  std::thread thread_;
};

TEST_F(FenceTest, WritersOfEveryKindAreOutAndNothingAcknowledgedIsLost) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.written (one int)").ok());
  auto idle = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(idle.ok());
  ASSERT_TRUE(idle->Execute("BEGIN").ok());
  ASSERT_TRUE(idle->Execute("INSERT INTO public.written VALUES (2)").ok());
  std::thread active([&] { EXPECT_FALSE(Sql(tenant, tenant.ra(), "SELECT pg_sleep(60)").ok()); });
  int acknowledged = 0;
  {
    Writer first(postgres_, tenant);
    Writer second(postgres_, tenant);
    first.AwaitSome();
    second.AwaitSome();
    while (Sessions(tenant.objects.database) < 4) absl::SleepFor(absl::Milliseconds(1));

    const absl::Status fenced = RunDone(tenant, FenceWork{});
    ASSERT_TRUE(fenced.ok()) << fenced;
    acknowledged = first.acknowledged() + second.acknowledged();
    EXPECT_EQ(Sessions(SealedOf(tenant)), 0);
    EXPECT_FALSE(idle->Execute("COMMIT").ok());
    EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
    EXPECT_FALSE(CanLogIn(tenant, tenant.a(), SealedOf(tenant)));
    EXPECT_FALSE(CanLogIn(tenant, tenant.ra(), SealedOf(tenant)));
    EXPECT_EQ(first.acknowledged() + second.acknowledged(), acknowledged);
  }
  active.join();

  ASSERT_TRUE(RunDone(tenant, UnfenceOf(tenant)).ok());
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session.ok());
  EXPECT_GE(*session->Value<int64_t>("SELECT count(*) FROM public.written WHERE one = 1"), acknowledged);
  EXPECT_EQ(*session->Value<int64_t>("SELECT count(*) FROM public.written WHERE one = 2"), 0);
}

TEST_F(FenceTest, CutsAnywhereEndSealedAndOpenAgain) {
  const TestTenant tenant = MadeTenant();
  RunCutEverywhere(tenant, FenceWork{});
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  RunCutEverywhere(tenant, UnfenceOf(tenant));
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
  EXPECT_TRUE(CanLogIn(tenant, tenant.ra()));
  EXPECT_EQ(Count(tenant.objects.owner_role), 5);
}

TEST_F(FenceTest, TenantCannotOpenADoor) {
  const TestTenant tenant = MadeTenant();
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session.ok());
  const std::string database = tenant.objects.database;
  const std::string a = tenant.a();
  for (const Statement& attempt :
       std::vector<Statement>{{"ALTER DATABASE %I ALLOW_CONNECTIONS true", {database}},
                              {"ALTER DATABASE %I CONNECTION LIMIT -1", {database}},
                              {"ALTER DATABASE %I RENAME TO mine", {database}},
                              {"ALTER DATABASE %I OWNER TO %I", {database, tenant.objects.owner_role}},
                              {"DROP DATABASE %I", {database}},
                              {"ALTER ROLE %I LOGIN", {tenant.objects.owner_role}},
                              {"ALTER ROLE %I CONNECTION LIMIT -1", {a}},
                              {"ALTER ROLE %I VALID UNTIL 'infinity'", {a}},
                              {"CREATE ROLE mine LOGIN"},
                              {"GRANT pg_write_all_data TO %I", {a}},
                              {"COMMENT ON DATABASE %I IS 'croft uid=x generation=9'", {database}}}) {
    EXPECT_EQ(SqlStateOf(session->Execute(attempt)), sqlstate::kInsufficientPrivilege) << attempt.text();
    ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
    EXPECT_EQ(SqlStateOf(session->Execute(attempt)), sqlstate::kInsufficientPrivilege) << attempt.text();
    ASSERT_TRUE(session->Execute({"SET ROLE %I", {tenant.objects.owner_role}}).ok());
  }
  // Grants nothing: it holds no grant option.
  EXPECT_TRUE(session->Execute({"GRANT CONNECT ON DATABASE %I TO PUBLIC", {database}}).ok());
  const TestTenant other = MadeTenant("other");
  EXPECT_FALSE(CanLogIn(other, other.a(), database));
}

TEST_F(FenceTest, LoginsNobodyToldOfAreClosedToo) {
  const TestTenant tenant = MadeTenant();
  const std::string stray = tenant.objects.owner_role + "_zz";
  auto lock = postgres_.cluster().Begin("setup", LockMode::kExclusive, TestTimeout());
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE((*lock)
                  ->Apply({CreateRole{{.name = stray,
                                       .can_login = true,
                                       .verifier = LoginFor(stray, tenant.password).verifier,
                                       .member_of = {tenant.objects.owner_role}}},
                           GrantOnDatabase{tenant.objects.database, stray, {DatabasePrivilege::kConnect}}})
                  .ok());
  ASSERT_TRUE(CanLogIn(tenant, stray));
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  ASSERT_TRUE(RunDone(tenant, UnfenceOf(tenant)).ok());
  EXPECT_FALSE(CanLogIn(tenant, stray));
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
}

TEST_F(FenceTest, ReadersStayWhereTheyAreAllowed) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.t AS SELECT 1 AS one").ok());
  auto writer = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  auto reader = postgres_.Login(tenant.objects.database, tenant.ra(), tenant.password);
  ASSERT_TRUE(writer.ok() && reader.ok());
  RunCutEverywhere(tenant, FenceWork{.allow_readers = true});
  EXPECT_FALSE(writer->Execute("SELECT 1").ok());
  EXPECT_TRUE(reader->Execute("SELECT one FROM public.t").ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  EXPECT_TRUE(CanLogIn(tenant, tenant.ra()));
}

TEST_F(FenceTest, AFenceCanBeLoosenedForReadersAndTightenedAgain) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  RunCutEverywhere(tenant, FenceWork{.allow_readers = true});
  EXPECT_TRUE(CanLogIn(tenant, tenant.ra()));
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  RunCutEverywhere(tenant, FenceWork{});
  EXPECT_FALSE(CanLogIn(tenant, tenant.ra()));
  EXPECT_FALSE(CanLogIn(tenant, tenant.ra(), SealedOf(tenant)));
}

TEST_F(FenceTest, FreshlyRestoredClosedDatabaseIsOpened) {
  TestTenant tenant = MadeTenant();
  // What a restore leaves: the database of the next generation, closed, its owner's schema made.
  tenant.objects.generation = 2;
  tenant.objects.database = DatabaseName(tenant.objects.owner_role, 2);
  auto session = postgres_.cluster().Begin("setup", LockMode::kExclusive, TestTimeout());
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE((*session)->CreateDatabase(tenant.objects.database, "").ok());
  const absl::Status opened = RunDone(tenant, UnfenceOf(tenant));
  EXPECT_TRUE(opened.ok()) << opened;
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
  EXPECT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}}).ok());
}

TEST_F(FenceTest, AReaderThatWasReplacedIsNotLetInAgain) {
  const TestTenant tenant = MadeTenant();
  UnfenceWork without_it = UnfenceOf(tenant);
  std::erase_if(without_it.logins, [](const Login& login) { return login.read_only; });
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  ASSERT_TRUE(RunDone(tenant, without_it).ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.ra()));
  ASSERT_TRUE(RunDone(tenant, FenceWork{.allow_readers = true}).ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.ra())) << "a fence lets readers stay, not come back";
}

TEST_F(FenceTest, MissingDatabaseIsNamed) {
  const TestTenant tenant = NewTenant();
  const absl::Status fenced = RunDone(tenant, FenceWork{});
  EXPECT_EQ(DetailsOf(fenced).reason, "DATABASE_MISSING");
  EXPECT_THAT(std::string(fenced.message()), HasSubstr(tenant.objects.database));
}

TEST_F(FenceTest, CreateLeavesAFencedDatabaseAlone) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  EXPECT_EQ(DetailsOf(RunDone(tenant, CreateOf(tenant))).reason, "DATABASE_SEALED");
}

class PreparedTransactionTest : public FenceTest {
 protected:
  PreparedTransactionTest() : FenceTest(Server()) {}

  static TestPostgres& Server() {
    static TestPostgres server("max_prepared_transactions = 5");
    return server;
  }
};

TEST_F(PreparedTransactionTest, IsRolledBackByFenceAndByDrop) {
  for (const Work& work : {Work(FenceWork{}), Work(FenceWork{.allow_readers = true})}) {
    const TestTenant tenant = MadeTenant();
    ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.t (one int)").ok());
    auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
    ASSERT_TRUE(session->Execute("BEGIN").ok());
    ASSERT_TRUE(session->Execute("INSERT INTO public.t VALUES (1)").ok());
    ASSERT_TRUE(session->Execute({"PREPARE TRANSACTION %L", {tenant.objects.uid}}).ok());
    RunCutEverywhere(tenant, work);
    Connection admin = postgres_.Admin();
    EXPECT_EQ(*admin.Value<int64_t>("SELECT count(*) FROM pg_prepared_xacts"), 0);
    ASSERT_TRUE(RunDone(tenant, UnfenceOf(tenant)).ok());

    session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
    ASSERT_TRUE(session->Execute("BEGIN").ok());
    ASSERT_TRUE(session->Execute({"SET ROLE NONE"}).ok());
    ASSERT_TRUE(session->Execute("SELECT lo_create(0)").ok());
    ASSERT_TRUE(session->Execute({"PREPARE TRANSACTION %L", {tenant.objects.uid}}).ok());
    const absl::Status dropped =
        RunDone(tenant, DropWork{.databases = {tenant.objects.database}, .roles = true});
    EXPECT_TRUE(dropped.ok()) << dropped;
    EXPECT_EQ(Count(tenant.objects.owner_role), 0);
  }
}

}  // namespace
}  // namespace croft::agent
