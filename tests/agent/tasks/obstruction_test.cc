// A tenant that keeps locked what Croft has to change: rows of its own role and database, objects that are to
// change hands, another tenant's role. Each lock is held by a transaction that is never ended by itself.

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

class ObstructionTest : public TenantTest {
 protected:
  // A session of the tenant's own in an open transaction, after `statements` in it.
  Connection Holding(const TestTenant& tenant, const std::vector<Statement>& statements) {
    auto session = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
    EXPECT_TRUE(session.ok()) << session.status();
    EXPECT_TRUE(session->Execute("SET idle_in_transaction_session_timeout = 0").ok());
    EXPECT_TRUE(session->Execute("BEGIN").ok());
    for (const Statement& statement : statements) {
      const absl::Status status = session->Execute(statement);
      EXPECT_TRUE(status.ok()) << status;
    }
    return *std::move(session);
  }
};

TEST_F(ObstructionTest, AnAlterOfItsOwnRoleLeftOpenDoesNotHoldOffItsFence) {
  const TestTenant tenant = MadeTenant();
  Connection holder =
      Holding(tenant, {{"SET ROLE NONE"}, {"ALTER ROLE %I PASSWORD 'other'", {tenant.a()}}});
  const absl::Status fenced = RunDone(tenant, FenceWork{});
  EXPECT_TRUE(fenced.ok()) << fenced;
  EXPECT_FALSE(holder.Execute("COMMIT").ok());
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
}

TEST_F(ObstructionTest, AGrantOnItsDatabaseLeftOpenDoesNotHoldOffItsFence) {
  const TestTenant tenant = MadeTenant();
  Connection holder =
      Holding(tenant, {{"GRANT CONNECT ON DATABASE %I TO %I", {tenant.objects.database, tenant.a()}}});
  const absl::Status fenced = RunDone(tenant, FenceWork{});
  EXPECT_TRUE(fenced.ok()) << fenced;
  EXPECT_FALSE(CanLogIn(tenant, tenant.a()));
}

TEST_F(ObstructionTest, AnAlterOfItsOwnRoleLeftOpenDoesNotHoldOffAConfigure) {
  TestTenant tenant = MadeTenant();
  Connection holder =
      Holding(tenant, {{"SET ROLE NONE"}, {"ALTER ROLE %I PASSWORD 'other'", {tenant.a()}}});
  const absl::Status configured =
      RunDone(tenant, ConfigureWork{.limits = {.connections = 7, .statement_timeout = absl::Seconds(30)},
                                    .logins = tenant.logins});
  EXPECT_TRUE(configured.ok()) << configured;
  EXPECT_FALSE(holder.Execute("COMMIT").ok());
}

TEST_F(ObstructionTest, AGrantToAnotherTenantLeftOpenDoesNotHoldOffTheDropOfThatOne) {
  const TestTenant leaving = MadeTenant("leaving");
  const TestTenant holding = MadeTenant("holding");
  Connection holder =
      Holding(holding, {{"CREATE TABLE public.bait (i int)"},
                        {"GRANT SELECT ON public.bait TO %I", {leaving.objects.owner_role}}});
  const absl::Status dropped =
      RunDone(leaving, DropWork{.databases = {leaving.objects.database}, .roles = true});
  EXPECT_TRUE(dropped.ok()) << dropped;
  EXPECT_EQ(Count(leaving.objects.owner_role), 0);
}

TEST_F(ObstructionTest, ALockOnWhatALoginOwnsDoesNotHoldOffItsRotation) {
  TestTenant tenant = MadeTenant();
  tenant.logins.push_back(LoginFor(tenant.b(), tenant.password));
  ASSERT_TRUE(RunDone(tenant, RotateWork{.enable = true, .login = tenant.logins.back()}).ok());
  const Statement owned = {"SELECT lo_create(4711)"};
  ASSERT_TRUE(Holding(tenant, {{"SET ROLE NONE"}, owned, {"COMMIT"}}).Execute("SELECT 1").ok());
  auto other = postgres_.Login(tenant.objects.database, tenant.b(), tenant.password);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Execute("SET ROLE NONE").ok());
  Connection admin = postgres_.Admin(tenant.objects.database);
  ASSERT_TRUE(admin.Execute({"ALTER LARGE OBJECT 4711 OWNER TO %I", {tenant.a()}}).ok());
  ASSERT_TRUE(admin.Execute({"GRANT ALL ON LARGE OBJECT 4711 TO %I WITH GRANT OPTION", {tenant.b()}}).ok());
  ASSERT_TRUE(other->Execute("BEGIN").ok());
  ASSERT_TRUE(other->Execute("GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC").ok());

  const absl::Status disabled =
      RunDone(tenant, RotateWork{.enable = false, .login = tenant.logins.front()});
  EXPECT_TRUE(disabled.ok()) << disabled;
  EXPECT_FALSE(other->Execute("COMMIT").ok());
}

}  // namespace
}  // namespace croft::agent
