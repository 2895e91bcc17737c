#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

class OutageTest : public TenantTest {
 protected:
  OutageTest() : TenantTest(Server()) {}

  static TestPostgres& Server() {
    static TestPostgres server;
    return server;
  }
};

TEST_F(OutageTest, EveryTaskAnswersUnavailableAndWorksOnceTheServerIsBack) {
  const TestTenant tenant = MadeTenant();
  const Work works[] = {CreateOf(tenant),
                        ConfigureWork{.limits = limits_, .logins = tenant.logins},
                        FenceWork{},
                        UnfenceOf(tenant),
                        RotateWork{.enable = true, .login = LoginFor(tenant.b(), tenant.password)},
                        InventoryWork{},
                        DropWork{.databases = {tenant.objects.database}, .roles = true}};
  ASSERT_TRUE(postgres_.server().Stop(TestTimeout()).ok());
  for (const Work& work : works) {
    const absl::Status status = RunDone(tenant, work);
    EXPECT_TRUE(absl::IsUnavailable(status)) << work.index() << ": " << status;
    EXPECT_EQ(DetailsOf(status).reason, "POSTGRES_UNAVAILABLE");
    EXPECT_TRUE(DetailsOf(status).retry_delay.has_value());
  }
  ASSERT_TRUE(postgres_.server().EnsureRunning(TestTimeout()).ok());
  for (const Work& work : works) {
    const absl::Status status = RunDone(tenant, work);
    EXPECT_TRUE(status.ok()) << work.index() << ": " << status;
  }
}

}  // namespace
}  // namespace croft::agent
