#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DropTest : public TenantTest {
 protected:
  DropWork DropOf(const TestTenant& tenant) const {
    return {.databases = {tenant.objects.database}, .roles = true};
  }
  std::string MessageOf(const absl::StatusOr<Outcome>& outcome) {
    return outcome.ok() ? std::get<Done>(*outcome).message : outcome.status().ToString();
  }
};

TEST_F(DropTest, CutsAnywhereLeaveNothing) {
  const TestTenant tenant = MadeTenant();
  RunCutEverywhere(tenant, DropOf(tenant));
  EXPECT_EQ(Count(tenant.objects.owner_role), 0);
}

TEST_F(DropTest, SealedDatabaseAndOpenSessionsAreNoObstacle) {
  const TestTenant sealed = MadeTenant();
  ASSERT_TRUE(RunDone(sealed, FenceWork{}).ok());
  EXPECT_TRUE(RunDone(sealed, DropOf(sealed)).ok());
  EXPECT_EQ(Count(sealed.objects.owner_role), 0);

  const TestTenant busy = MadeTenant();
  auto session = postgres_.Login(busy.objects.database, busy.a(), busy.password);
  ASSERT_TRUE(session->Execute("BEGIN").ok());
  EXPECT_TRUE(RunDone(busy, DropOf(busy)).ok());
  EXPECT_EQ(Count(busy.objects.owner_role), 0);
}

TEST_F(DropTest, InvalidDatabaseGoes) {
  const TestTenant tenant = MadeTenant();
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin
                  .Execute(Bind("UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1",
                                {tenant.objects.database}))
                  .ok());
  EXPECT_TRUE(RunDone(tenant, DropOf(tenant)).ok());
  EXPECT_EQ(Count(tenant.objects.owner_role), 0);
}

TEST_F(DropTest, DatabaseAloneLeavesTheRoles) {
  const TestTenant tenant = MadeTenant();
  EXPECT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}}).ok());
  EXPECT_EQ(Count(tenant.objects.owner_role), 4);
}

TEST_F(DropTest, RoleThatAnotherTenantGrantedToStaysWithoutLoginAndIsNamed) {
  const TestTenant acme = MadeTenant("acme");
  const TestTenant globex = MadeTenant("globex");
  ASSERT_TRUE(Sql(globex, globex.a(), "CREATE TABLE public.t (one int)").ok());
  ASSERT_TRUE(Sql(globex, globex.a(), {"GRANT SELECT ON public.t TO %I", {acme.objects.owner_role}}).ok());
  ASSERT_TRUE(Sql(globex, globex.a(), {"GRANT SELECT ON public.t TO %I", {acme.a()}}).ok());

  const absl::StatusOr<Outcome> dropped = Run(acme, DropOf(acme));
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  const std::string holder = absl::StrCat(" (", globex.objects.database, ")");
  EXPECT_THAT(MessageOf(dropped),
              HasSubstr(absl::StrCat(acme.a(), holder, ", ", acme.objects.owner_role, holder)));
  EXPECT_THAT(MessageOf(dropped), Not(HasSubstr(acme.objects.reader_role)));
  EXPECT_FALSE(CanLogIn(acme, acme.a(), globex.objects.database));
  Connection admin = postgres_.Admin();
  EXPECT_EQ(
      *admin.Value<int64_t>(Bind("SELECT count(*) FROM pg_authid WHERE starts_with(rolname::text, $1) "
                                 "AND (rolcanlogin OR rolpassword IS NOT NULL)",
                                 {acme.objects.owner_role})),
      0);
  EXPECT_EQ(Count(acme.objects.owner_role), 2);
  const absl::StatusOr<Outcome> found = Run(globex, InventoryWork{});
  ASSERT_TRUE(found.ok()) << found.status();
  for (const InventoryRole& role : std::get<InventoryTaken>(*found).roles) {
    const bool left = role.name == acme.a() || role.name == acme.objects.owner_role;
    EXPECT_EQ(role.held_by,
              left ? std::vector<std::string>{globex.objects.database} : std::vector<std::string>());
  }

  // Once the other's table is gone, so are they.
  ASSERT_TRUE(Sql(globex, globex.a(), "DROP TABLE public.t").ok());
  EXPECT_TRUE(RunDone(acme, DropOf(acme)).ok());
  EXPECT_EQ(Count(acme.objects.owner_role), 0);
}

TEST_F(DropTest, AnotherTenantsDatabaseIsRefused) {
  const TestTenant acme = MadeTenant("acme");
  const TestTenant globex = MadeTenant("globex");
  EXPECT_EQ(DetailsOf(RunDone(acme, DropWork{.databases = {globex.objects.database}})).reason,
            "WRONG_DATABASE");
  EXPECT_EQ(DetailsOf(RunDone(acme, DropWork{.databases = {"postgres"}})).reason, "INVALID_FIELD");
  EXPECT_TRUE(CanLogIn(globex, globex.a()));
}

TEST_F(DropTest, WhatIsNotThereIsPassedOver) {
  const TestTenant tenant = NewTenant();
  EXPECT_TRUE(RunDone(tenant, DropOf(tenant)).ok());
}

using RotateTest = TenantTest;

TEST_F(RotateTest, NewLoginWorksBesideTheOldUntilThatIsDisabled) {
  const TestTenant tenant = MadeTenant();
  auto old_session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(old_session.ok());
  const Login b = LoginFor(tenant.b(), tenant.password);
  RunCutEverywhere(tenant, RotateWork{.enable = true, .login = b});
  ASSERT_TRUE(Sql(tenant, tenant.b(), "CREATE TABLE public.made_by_b (one int)").ok());
  EXPECT_TRUE(old_session->Execute("INSERT INTO public.made_by_b VALUES (1)").ok());

  RunCutEverywhere(tenant, RotateWork{.enable = false, .login = {.name = tenant.a()}});
  EXPECT_FALSE(old_session->Execute("SELECT 1").ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  EXPECT_TRUE(CanLogIn(tenant, tenant.b()));
  // Owner, reader, _a, _b, _ra, the database.
  EXPECT_EQ(Count(tenant.objects.owner_role), 6);

  // And back: the disabled one is the next to be enabled.
  EXPECT_TRUE(
      RunDone(tenant, RotateWork{.enable = true, .login = LoginFor(tenant.a(), tenant.password)}).ok());
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
}

TEST_F(RotateTest, WhatTheOldLoginOwnsGoesToTheOwner) {
  const TestTenant tenant = MadeTenant();
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
  ASSERT_TRUE(session->Execute("SELECT lo_create(4711)").ok());
  ASSERT_TRUE(session->Execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC").ok());
  const absl::Status disabled = RunDone(tenant, RotateWork{.enable = false, .login = {.name = tenant.a()}});
  ASSERT_TRUE(disabled.ok()) << disabled;
  Connection admin = postgres_.Admin(tenant.objects.database);
  EXPECT_EQ(*admin.Value<std::string>("SELECT rolname FROM pg_largeobject_metadata l "
                                      "JOIN pg_roles r ON r.oid = l.lomowner WHERE l.oid = 4711"),
            tenant.objects.owner_role);
  EXPECT_EQ(*admin.Value<int64_t>(Bind("SELECT count(*) FROM pg_default_acl d JOIN pg_roles r "
                                       "ON r.oid = d.defaclrole WHERE r.rolname = $1",
                                       {tenant.a()})),
            0);
}

TEST_F(RotateTest, FencedTenantStaysFenced) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  const absl::Status enabled =
      RunDone(tenant, RotateWork{.enable = true, .login = LoginFor(tenant.b(), tenant.password)});
  ASSERT_TRUE(enabled.ok()) << enabled;
  EXPECT_FALSE(CanLogIn(tenant, tenant.b(), SealedName(tenant.objects.database)));
  EXPECT_TRUE(RunDone(tenant, RotateWork{.enable = false, .login = {.name = tenant.a()}}).ok());
}

using ConfigureTest = TenantTest;

TEST_F(ConfigureTest, LimitsChangeAndDriftIsMended) {
  const TestTenant tenant = MadeTenant();
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
  ASSERT_TRUE(session->Execute({"ALTER ROLE %I PASSWORD 'changed'", {tenant.a()}}).ok());
  ASSERT_TRUE(session->Execute({"ALTER ROLE %I SET statement_timeout = 0", {tenant.a()}}).ok());
  ASSERT_TRUE(session->Execute({"ALTER ROLE %I RESET role", {tenant.a()}}).ok());
  ASSERT_FALSE(CanLogIn(tenant, tenant.a()));

  const ConfigureWork work{.limits = {.connections = 3, .statement_timeout = absl::Seconds(5)},
                           .logins = tenant.logins};
  RunCutEverywhere(tenant, work);
  auto mended = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(mended.ok()) << mended.status();
  EXPECT_EQ(*mended->Value<std::string>("SHOW statement_timeout"), "5s");
  EXPECT_EQ(*mended->Value<std::string>("SELECT current_user"), tenant.objects.owner_role);
  auto second = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  const absl::Status fourth =
      postgres_.Login(tenant.objects.database, tenant.a(), tenant.password).status();
  EXPECT_EQ(DetailsOf(fourth).reason, "TOO_MANY_CONNECTIONS") << fourth;
}

TEST_F(ConfigureTest, WhatAFenceClosedStaysClosed) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(RunDone(tenant, FenceWork{.allow_readers = true}).ok());
  const ConfigureWork work{.limits = limits_, .logins = tenant.logins};
  ASSERT_TRUE(RunDone(tenant, work).ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
  EXPECT_TRUE(CanLogIn(tenant, tenant.ra()));
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  ASSERT_TRUE(RunDone(tenant, work).ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.ra(), SealedName(tenant.objects.database)));
}

using InventoryTest = TenantTest;

TEST_F(InventoryTest, ShowsWhatIsCroftsAndNothingElse) {
  const TestTenant open = MadeTenant("open");
  const TestTenant sealed = MadeTenant("sealed");
  ASSERT_TRUE(RunDone(sealed, FenceWork{}).ok());
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute("CREATE ROLE somebody_else").ok());
  const absl::StatusOr<Outcome> outcome = Run({}, InventoryWork{});
  ASSERT_TRUE(admin.Execute("DROP ROLE somebody_else").ok());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  const auto& inventory = std::get<InventoryTaken>(*outcome);
  ASSERT_EQ(inventory.databases.size(), 2u);
  EXPECT_EQ(inventory.databases[0].name, open.objects.database);
  EXPECT_EQ(inventory.databases[0].uid, open.objects.uid);
  EXPECT_EQ(inventory.databases[0].generation, 1);
  EXPECT_TRUE(inventory.databases[0].allows_connections);
  EXPECT_GT(inventory.databases[0].size_bytes, 1000000);
  EXPECT_EQ(inventory.databases[1].name, SealedName(sealed.objects.database));
  EXPECT_FALSE(inventory.databases[1].allows_connections);
  EXPECT_EQ(inventory.roles.size(), 8u);
}

TEST_F(InventoryTest, UnknownKindOfTaskIsUnimplemented) {
  TaskRunner empty;
  CountingContext context;
  EXPECT_TRUE(absl::IsUnimplemented(empty.Run({.work = InventoryWork{}}, context).status()));
}

}  // namespace
}  // namespace croft::agent
