#include <optional>
#include <string>

#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

class RenumberTest : public TenantTest {
 protected:
  RenumberTest() : tenant_(MadeTenant()), renumbered_(tenant_) {
    EXPECT_TRUE(Sql(tenant_, tenant_.a(), "CREATE TABLE public.kept AS SELECT 1 AS one").ok());
    renumbered_.objects.generation = 7;
    renumbered_.objects.database = DatabaseName(tenant_.objects.owner_role, 7);
  }

  RenumberWork Forth() const {
    return {.database = tenant_.objects.database, .generation = tenant_.objects.generation};
  }
  RenumberWork Back() const {
    return {.database = renumbered_.objects.database, .generation = renumbered_.objects.generation};
  }
  std::optional<DatabaseState> Observe(const std::string& database) {
    auto session = *postgres_.cluster().Begin("look", LockMode::kExclusive, TestTimeout());
    return *session->ObserveDatabase(database);
  }
  std::string ReasonOf(const TestTenant& tenant, const RenumberWork& work) {
    return DetailsOf(RunDone(tenant, work)).reason;
  }

  const TestTenant tenant_;
  TestTenant renumbered_;
};

TEST_F(RenumberTest, ASealedDatabaseHasAnotherNameAndTagAndStaysSealed) {
  ASSERT_TRUE(RunDone(tenant_, FenceWork{}).ok());
  RunCutEverywhere(renumbered_, Forth());
  EXPECT_FALSE(Observe(SealedName(tenant_.objects.database)));
  const std::optional<DatabaseState> found = Observe(SealedName(renumbered_.objects.database));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tag, (DatabaseTag{tenant_.objects.uid, 7}));
  EXPECT_FALSE(found->allows_connections);
  EXPECT_FALSE(CanLogIn(renumbered_, tenant_.a(), SealedName(renumbered_.objects.database)));
  // From now on tasks know it as the later one.
  ASSERT_TRUE(RunDone(renumbered_, UnfenceOf(renumbered_)).ok());
  EXPECT_TRUE(Sql(renumbered_, tenant_.a(), "SELECT one FROM public.kept").ok());
  EXPECT_EQ(DetailsOf(RunDone(tenant_, FenceWork{})).reason, "DATABASE_MISSING");
  EXPECT_TRUE(RunDone(renumbered_, DropWork{.databases = {renumbered_.objects.database}}).ok());
}

TEST_F(RenumberTest, ItIsTakenBackByTheSame) {
  ASSERT_TRUE(RunDone(tenant_, FenceWork{}).ok());
  ASSERT_TRUE(RunDone(renumbered_, Forth()).ok());
  ASSERT_TRUE(RunDone(tenant_, Back()).ok());
  ASSERT_TRUE(RunDone(tenant_, Back()).ok()) << "a repeat finds it done";
  ASSERT_TRUE(RunDone(tenant_, UnfenceOf(tenant_)).ok());
  EXPECT_TRUE(Sql(tenant_, tenant_.a(), "SELECT one FROM public.kept").ok());
}

TEST_F(RenumberTest, AnOpenDatabaseIsRefused) {
  EXPECT_EQ(ReasonOf(renumbered_, Forth()), "DATABASE_NOT_SEALED");
  EXPECT_TRUE(CanLogIn(tenant_, tenant_.a()));
  EXPECT_EQ(ReasonOf(tenant_, Back()), "DATABASE_NOT_SEALED") << "nor is another put in its place";
}

TEST_F(RenumberTest, WhatIsNotThereOrIsAnothersIsNamed) {
  const TestTenant other = MadeTenant("globex");
  ASSERT_TRUE(RunDone(other, FenceWork{}).ok());
  EXPECT_EQ(ReasonOf(renumbered_, {.database = other.objects.database, .generation = 1}), "WRONG_DATABASE");
  EXPECT_EQ(ReasonOf(renumbered_, {.database = "t_nobody_g1", .generation = 1}), "DATABASE_MISSING");
  ASSERT_TRUE(RunDone(tenant_, FenceWork{}).ok());
  EXPECT_EQ(ReasonOf(renumbered_, {.database = tenant_.objects.database, .generation = 2}),
            "WRONG_DATABASE");
}

}  // namespace
}  // namespace croft::agent
