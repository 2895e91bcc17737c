#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

struct RestrictedRole {
  const char* name;
  bool provider;
};

// Tasks by an agent whose role is no superuser, as on a service that somebody else keeps.
class RestrictedAgentTest : public TenantTest, public ::testing::WithParamInterface<RestrictedRole> {
 protected:
  RestrictedAgentTest()
      : TenantTest(TestPostgres::Shared(),
                   TestPostgres::Shared().restricted_cluster(GetParam().name, GetParam().provider)) {}
};

INSTANTIATE_TEST_SUITE_P(OnPostgres, RestrictedAgentTest,
                         ::testing::Values(RestrictedRole{"restricted_agent", false},
                                           RestrictedRole{"providers_agent", true}),
                         [](const auto& role) { return role.param.provider ? "Provider" : "Superuser"; });

TEST_P(RestrictedAgentTest, KeepsATenantThroughItsWholeLife) {
  const TestTenant tenant = NewTenant();
  CreateWork create = CreateOf(tenant);
  create.extensions = {"citext"};
  RunCutEverywhere(tenant, create);
  ASSERT_TRUE(Sql(tenant, tenant.a(), "CREATE TABLE public.t AS SELECT 'x'::citext AS one").ok());
  EXPECT_TRUE(Sql(tenant, tenant.ra(), "SELECT one FROM public.t").ok());

  RunCutEverywhere(tenant, RotateWork{.enable = true, .login = LoginFor(tenant.b(), tenant.password)});
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
  ASSERT_TRUE(session->Execute("SELECT lo_create(4711)").ok());
  RunCutEverywhere(tenant, RotateWork{.enable = false, .login = {.name = tenant.a()}});
  EXPECT_TRUE(CanLogIn(tenant, tenant.b()));
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));

  RunCutEverywhere(tenant, FenceWork{});
  EXPECT_FALSE(CanLogIn(tenant, tenant.b()));
  RunCutEverywhere(tenant, FenceWork{.allow_readers = true});
  EXPECT_TRUE(CanLogIn(tenant, tenant.ra()));
  RunCutEverywhere(tenant, UnfenceOf(tenant));
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
  RunCutEverywhere(tenant, ConfigureWork{.limits = {.connections = 2}, .logins = tenant.logins});
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));

  RunCutEverywhere(tenant, DropWork{.databases = {tenant.objects.database}, .roles = true});
  EXPECT_EQ(Count(tenant.objects.owner_role), 0);
}

TEST_P(RestrictedAgentTest, HandsOverAgainAfterACut) {
  const TestTenant tenant = MadeTenant();
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
  ASSERT_TRUE(session->Execute("SELECT lo_create(4711)").ok());
  auto* cluster = &TestPostgres::Shared().restricted_cluster(GetParam().name, GetParam().provider);
  const auto agent = cluster->Begin(tenant.objects.uid, LockMode::kExclusive, TestTimeout());
  ASSERT_TRUE(agent.ok()) << agent.status();
  const std::string left_over = tenant.objects.owner_role + "_h";
  ASSERT_TRUE(
      (*agent)->Apply({CreateRole{{.name = left_over, .member_of = {tenant.objects.owner_role}}}}).ok());
  const absl::Status handed =
      (*agent)->HandOver(tenant.objects.database, tenant.a(), tenant.objects.owner_role);
  EXPECT_TRUE(handed.ok()) << handed;
  EXPECT_FALSE(*(*agent)->LeavesTraces(tenant.objects.database, tenant.a()));
}

TEST_P(RestrictedAgentTest, ChangedPasswordIsMendedThoughTheServerDoesNotShowIt) {
  const TestTenant tenant = MadeTenant();
  auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(session->Execute("SET ROLE NONE").ok());
  ASSERT_TRUE(session->Execute({"ALTER ROLE %I PASSWORD 'changed'", {tenant.a()}}).ok());
  ASSERT_FALSE(CanLogIn(tenant, tenant.a()));
  ASSERT_TRUE(RunDone(tenant, ConfigureWork{.limits = limits_, .logins = tenant.logins}).ok());
  EXPECT_TRUE(CanLogIn(tenant, tenant.a()));
}

TEST_P(RestrictedAgentTest, DisabledLoginLosesItsPasswordThoughTheServerDoesNotShowIt) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(RunDone(tenant, FenceWork{}).ok());
  ASSERT_TRUE(RunDone(tenant, RotateWork{.enable = false, .login = {.name = tenant.a()}}).ok());
  Connection admin = postgres_.Admin();
  EXPECT_TRUE(*admin.Value<bool>(
      Bind("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = $1", {tenant.a()})));
}

}  // namespace
}  // namespace croft::agent
