#include "tests/agent/tasks/tenant_fixture.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

namespace croft::agent {

TenantTest::~TenantTest() {
  for (const TestTenant& tenant : made_) {
    EXPECT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}, .roles = true}).ok());
  }
}

Login TenantTest::LoginFor(const std::string& name, const std::string& password, bool read_only) {
  return {
      .name = name, .read_only = read_only, .verifier = crypto::ScramVerifier(password, random_.Bytes(16))};
}

TestTenant TenantTest::NewTenant(const std::string& id) {
  TestTenant tenant;
  tenant.objects.uid = UidFrom(random_.Bytes(16));
  tenant.objects.generation = 1;
  tenant.objects.owner_role = OwnerRoleName(id, tenant.objects.uid);
  tenant.objects.reader_role = tenant.objects.owner_role + "_r";
  tenant.objects.database = DatabaseName(tenant.objects.owner_role, 1);
  tenant.password = crypto::NewPassword(random_);
  tenant.logins = {LoginFor(tenant.a(), tenant.password), LoginFor(tenant.ra(), tenant.password, true)};
  made_.push_back(tenant);
  return tenant;
}

TestTenant TenantTest::MadeTenant(const std::string& id) {
  TestTenant tenant = NewTenant(id);
  const absl::Status made = RunDone(tenant, CreateOf(tenant));
  EXPECT_TRUE(made.ok()) << made;
  return tenant;
}

absl::StatusOr<Outcome> TenantTest::Run(const TestTenant& tenant, Work work, int stop_at) {
  CountingContext context(stop_at);
  return runner_.Run(
      {.tenant = tenant.objects, .deadline = absl::Now() + absl::Seconds(60), .work = std::move(work)},
      context);
}

absl::Status TenantTest::RunDone(const TestTenant& tenant, Work work, int stop_at) {
  return Run(tenant, std::move(work), stop_at).status();
}

void TenantTest::RunCutEverywhere(const TestTenant& tenant, const Work& work) {
  constexpr int kMoreThanAnyTaskAsks = 100;
  for (int stop_at = 0; stop_at < kMoreThanAnyTaskAsks; ++stop_at) {
    const absl::Status status = RunDone(tenant, work, stop_at);
    if (status.ok()) {
      EXPECT_GT(stop_at, 1) << "the task was never cut";
      const absl::Status again = RunDone(tenant, work);
      EXPECT_TRUE(again.ok()) << again;
      return;
    }
    ASSERT_TRUE(absl::IsCancelled(status)) << "cut at ask " << stop_at << ": " << status;
  }
  FAIL() << "the task never ended";
}

absl::Status TenantTest::Sql(const TestTenant& tenant, const std::string& user,
                             const Statement& statement) {
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         postgres_.Login(tenant.objects.database, user, tenant.password));
  return connection.Execute(statement);
}

bool TenantTest::CanLogIn(const TestTenant& tenant, const std::string& user, const std::string& database) {
  return postgres_.Login(database.empty() ? tenant.objects.database : database, user, tenant.password).ok();
}

int64_t TenantTest::Count(const std::string& like) {
  Connection admin = postgres_.Admin();
  return *admin.Value<int64_t>(
      Bind("SELECT (SELECT count(*) FROM pg_roles WHERE starts_with(rolname::text, $1)) + "
           "(SELECT count(*) FROM pg_database WHERE starts_with(datname::text, $1))",
           {like}));
}

}  // namespace croft::agent
