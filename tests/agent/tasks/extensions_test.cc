#include "agent/postgres/libpq_cluster.h"
#include "tests/agent/tasks/tenant_fixture.h"

namespace croft::agent {
namespace {

// A host that lets tenants install two extensions, one of which wants a third.
Cluster& NarrowCluster() {
  static const std::unique_ptr<Cluster> cluster = NewLibpqCluster([] {
    ServerAccess access = TestPostgres::Shared().access();
    access.extensions = {"citext", "earthdistance", "plpgsql"};
    return access;
  });
  return *cluster;
}

class ExtensionsTest : public TenantTest {
 protected:
  ExtensionsTest() : TenantTest(TestPostgres::Shared(), NarrowCluster()) {}
};

TEST_F(ExtensionsTest, ATenantInstallsThoseOfTheListAndNoOthers) {
  const TestTenant tenant = MadeTenant();
  EXPECT_TRUE(Sql(tenant, tenant.a(), "CREATE EXTENSION citext").ok());
  EXPECT_EQ(SqlStateOf(Sql(tenant, tenant.a(), "CREATE EXTENSION hstore")), "42501");
  EXPECT_EQ(SqlStateOf(Sql(tenant, tenant.a(), "DO $$BEGIN CREATE EXTENSION hstore; END$$")), "42501");
}

TEST_F(ExtensionsTest, AnotherIsNotBroughtAlongByOneOfTheList) {
  const TestTenant tenant = MadeTenant();
  EXPECT_EQ(SqlStateOf(Sql(tenant, tenant.a(), "CREATE EXTENSION earthdistance CASCADE")), "42501");
}

TEST_F(ExtensionsTest, TheTenantCannotRemoveWhatKeepsItToTheList) {
  const TestTenant tenant = MadeTenant();
  for (const Statement& attempt :
       std::vector<Statement>{"DROP EVENT TRIGGER croft_guard_extensions",
                              "ALTER EVENT TRIGGER croft_guard_extensions DISABLE",
                              "DROP FUNCTION pg_catalog.croft_guard_extensions()",
                              "CREATE OR REPLACE FUNCTION pg_catalog.croft_guard_extensions() RETURNS "
                              "event_trigger LANGUAGE plpgsql "
                              "AS 'BEGIN END'",
                              "ALTER FUNCTION pg_catalog.croft_guard_extensions() RENAME TO other",
                              "SET session_replication_role = replica"}) {
    EXPECT_EQ(SqlStateOf(Sql(tenant, tenant.a(), attempt)), "42501") << attempt.text();
  }
}

TEST_F(ExtensionsTest, WhatTheHostKeepsFromTenantsIsNotMadeForThemEither) {
  const TestTenant tenant = NewTenant();
  CreateWork create = CreateOf(tenant);
  create.extensions = {"hstore"};
  EXPECT_EQ(DetailsOf(RunDone(tenant, create)).reason, "EXTENSION_NOT_ALLOWED");
}

TEST_F(ExtensionsTest, ASuperusersExtensionDoesNotKeepATenantFromItsOwn) {
  const TestTenant tenant = MadeTenant();
  ASSERT_TRUE(postgres_.Admin(tenant.objects.database).Execute("CREATE EXTENSION hstore").ok());
  EXPECT_TRUE(Sql(tenant, tenant.a(), "CREATE EXTENSION citext").ok());
}

}  // namespace
}  // namespace croft::agent
