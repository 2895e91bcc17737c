#include <algorithm>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A tenant that lacks what Croft granted it: it reset its database, as test suites do, or somebody took it away.
class LostGrantsTest : public TenantTest {
 protected:
  LostGrantsTest() : tenant_(MadeTenant()) {}

  void Reset() {
    for (const Statement& statement :
         {Statement("DROP SCHEMA public CASCADE"), Statement("CREATE SCHEMA public"),
          Statement("CREATE TABLE fresh (i int)"), Statement("DROP OWNED BY CURRENT_USER CASCADE")}) {
      ASSERT_TRUE(Sql(tenant_, tenant_.a(), statement).ok()) << statement.text();
    }
  }

  void TakeFromOwner() {
    ASSERT_TRUE(postgres_.Admin()
                    .Execute({"REVOKE ALL ON DATABASE %I FROM %I",
                              {tenant_.objects.database, tenant_.objects.owner_role}})
                    .ok());
  }

  RotateWork Rotation() {
    return {.enable = true, .login = LoginFor(tenant_.b(), tenant_.password), .replaces = tenant_.a()};
  }

  std::vector<std::string> Missing() {
    const absl::StatusOr<Outcome> found = Run(tenant_, InventoryWork{});
    EXPECT_TRUE(found.ok()) << found.status();
    for (const InventoryDatabase& database : std::get<InventoryTaken>(*found).databases) {
      if (database.name == tenant_.objects.database) return database.missing_grants;
    }
    ADD_FAILURE() << "the database is not listed";
    return {};
  }

  const TestTenant tenant_;
};

TEST_F(LostGrantsTest, OpeningGivesBackWhatAResetDropped) {
  EXPECT_THAT(Missing(), IsEmpty());
  Reset();
  const std::string& reader = tenant_.objects.reader_role;
  EXPECT_THAT(Missing(),
              UnorderedElementsAre("USAGE on a schema to " + reader, "default privileges to " + reader));
  RunCutEverywhere(tenant_, UnfenceOf(tenant_));
  EXPECT_THAT(Missing(), IsEmpty());
  EXPECT_TRUE(Sql(tenant_, tenant_.a(), "CREATE TABLE public.greeting AS SELECT 'hello' AS t").ok());
  EXPECT_TRUE(Sql(tenant_, tenant_.ra(), "SELECT t FROM public.greeting").ok()) << "readers read again";
}

TEST_F(LostGrantsTest, DefaultPrivilegesAloneAreMissedAndGivenBack) {
  const std::string& reader = tenant_.objects.reader_role;
  ASSERT_TRUE(
      Sql(tenant_, tenant_.a(), {"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM %I", {reader}})
          .ok());
  EXPECT_THAT(Missing(), UnorderedElementsAre("default privileges to " + reader));
  EXPECT_TRUE(RunDone(tenant_, UnfenceOf(tenant_)).ok());
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(LostGrantsTest, WhatATenantKeepsFromItsReadersStaysTheirs) {
  const std::string& reader = tenant_.objects.reader_role;
  ASSERT_TRUE(Sql(tenant_, tenant_.a(), "CREATE SCHEMA secret").ok());
  ASSERT_TRUE(Sql(tenant_, tenant_.a(), {"REVOKE USAGE ON SCHEMA secret FROM %I", {reader}}).ok());
  ASSERT_TRUE(
      Sql(tenant_, tenant_.a(), {"ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM %I", {reader}})
          .ok());
  EXPECT_TRUE(RunDone(tenant_, UnfenceOf(tenant_)).ok());
  EXPECT_THAT(Missing(), IsEmpty());
  ASSERT_TRUE(Sql(tenant_, tenant_.a(), "CREATE TABLE secret.t (i int)").ok());
  EXPECT_FALSE(Sql(tenant_, tenant_.ra(), "SELECT i FROM secret.t").ok());
}

TEST_F(LostGrantsTest, WhatAnAdministratorTookIsGivenBack) {
  const std::string& owner = tenant_.objects.owner_role;
  TakeFromOwner();
  EXPECT_THAT(Missing(),
              UnorderedElementsAre("CONNECT to " + owner, "CREATE to " + owner, "TEMPORARY to " + owner));
  RunCutEverywhere(tenant_, UnfenceOf(tenant_));
  EXPECT_THAT(Missing(), IsEmpty());
}

TEST_F(LostGrantsTest, ARotationOfATenantThatLacksItsGrantsOpensTheNewLogin) {
  TakeFromOwner();
  const absl::Status rotated = RunDone(tenant_, Rotation());
  ASSERT_TRUE(rotated.ok()) << rotated;
  EXPECT_TRUE(CanLogIn(tenant_, tenant_.b()));
  EXPECT_TRUE(Sql(tenant_, tenant_.b(), "CREATE SCHEMA again").ok());
}

TEST_F(LostGrantsTest, ARotationOfAFencedTenantOpensNothing) {
  ASSERT_TRUE(RunDone(tenant_, FenceWork{.allow_readers = true}).ok());
  ASSERT_TRUE(RunDone(tenant_, Rotation()).ok());
  EXPECT_FALSE(CanLogIn(tenant_, tenant_.b()));
}

TEST_F(LostGrantsTest, RightsOverTheServerAndAnotherOwnerAreNoticed) {
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute("CREATE ROLE somebody").ok());
  ASSERT_TRUE(admin.Execute({"ALTER ROLE %I CREATEDB", {tenant_.a()}}).ok());
  ASSERT_TRUE(admin.Execute({"ALTER DATABASE %I OWNER TO somebody", {tenant_.objects.database}}).ok());
  const absl::StatusOr<Outcome> found = Run(tenant_, InventoryWork{});
  ASSERT_TRUE(found.ok()) << found.status();
  const auto& taken = std::get<InventoryTaken>(*found);
  for (const InventoryRole& role : taken.roles) {
    EXPECT_EQ(role.overprivileged, role.name == tenant_.a()) << role.name;
  }
  for (const InventoryDatabase& database : taken.databases) {
    EXPECT_EQ(database.owner, database.name == tenant_.objects.database ? "somebody" : "");
  }
  ASSERT_TRUE(admin.Execute({"ALTER DATABASE %I OWNER TO CURRENT_USER", {tenant_.objects.database}}).ok());
  ASSERT_TRUE(admin.Execute("DROP ROLE somebody").ok());
}

}  // namespace
}  // namespace croft::agent
