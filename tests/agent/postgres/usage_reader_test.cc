#include "agent/postgres/usage_reader.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDatabase[] = "t_acme_aaaabbbbccccdddd_g3";

TEST(OwnerOfDatabaseTest, NameSaysWhoseItIs) {
  const auto owner = OwnerOfDatabase(kDatabase);
  ASSERT_TRUE(owner.has_value());
  EXPECT_EQ(owner->uid, "aaaabbbbccccdddd");
  EXPECT_EQ(owner->generation, 3);
  EXPECT_FALSE(owner->sealed);
  EXPECT_TRUE(OwnerOfDatabase("t_a_b_g7_aaaabbbbccccdddd_g12_f")->sealed);
}

TEST(OwnerOfDatabaseTest, OtherNamesAreNobodys) {
  for (const char* name :
       {"", "postgres", "t_acme_aaaabbbbccccdddd", "t_acme_aaaabbbbccccdddd_g",
        "t_acme_aaaabbbbccccdddd_gx", "t_acme_aaaabbbbccccddd1_g3", "t_acme_AAAAbbbbccccdddd_g3",
        "v_aaaabbbbccccdddd_b_g3", "x_acme_aaaabbbbccccdddd_g3", "t_aaaabbbbccccdddd_g3; DROP", "_g3",
        "aaaabbbbccccdddd_g3", "t_acme_aaaabbbbccccdddd_g99999999999999999999"}) {
    EXPECT_FALSE(OwnerOfDatabase(name).has_value()) << name;
  }
}

class UsageReaderTest : public ::testing::Test {
 protected:
  static UsageReader Reader(const std::string& user = "", const std::string& password = "") {
    ServerAccess access = TestPostgres::Shared().access();
    if (!user.empty()) {
      access.agent = TenantConninfo(access, "postgres", user, password);
      access.agent.erase("dbname");
    }
    return UsageReader([access] { return access; });
  }

  static void MakeDatabase(const std::string& name) {
    Connection admin = TestPostgres::Shared().Admin();
    ASSERT_TRUE(admin.Execute({"DROP DATABASE IF EXISTS %I WITH (FORCE)", {name}}).ok());
    ASSERT_TRUE(admin.Execute({"CREATE DATABASE %I", {name}}).ok());
  }
  static void DropDatabase(const std::string& name) {
    EXPECT_TRUE(
        TestPostgres::Shared().Admin().Execute({"DROP DATABASE IF EXISTS %I WITH (FORCE)", {name}}).ok());
  }

  static std::vector<DatabaseUsage> ReadAll(UsageReader& reader) {
    auto found = reader.ReadAll(TestTimeout());
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : std::vector<DatabaseUsage>();
  }
  // The databases of this tenant: other tests may have left theirs on the server.
  static std::vector<DatabaseUsage> Read(UsageReader& reader) {
    std::vector<DatabaseUsage> found = ReadAll(reader);
    std::erase_if(found, [](const DatabaseUsage& one) { return one.uid != "aaaabbbbccccdddd"; });
    return found;
  }
};

TEST_F(UsageReaderTest, TenantsDatabaseIsReadWithItsWorkAndItsSize) {
  MakeDatabase(kDatabase);
  UsageReader reader = Reader();
  {
    Connection session = TestPostgres::Shared().Admin(kDatabase);
    ASSERT_TRUE(session.Execute("CREATE TABLE public.t AS SELECT generate_series(1, 20000) AS n").ok());
    ASSERT_TRUE(session.Execute("DO $$ BEGIN PERFORM pg_stat_force_next_flush(); END $$").ok());
  }
  const std::vector<DatabaseUsage> found = Read(reader);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].uid, "aaaabbbbccccdddd");
  EXPECT_EQ(found[0].generation, 3);
  EXPECT_EQ(found[0].connections, 0) << "the agent's own sessions count for nobody";
  EXPECT_GE(found[0].counters.sessions, 1);
  EXPECT_GE(found[0].counters.commits, 1);
  EXPECT_GE(found[0].counters.rows_inserted, 20000);
  const auto sizes = reader.ReadSizes({found[0].oid, 1, 4'000'000'000}, TestTimeout());
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  ASSERT_TRUE(sizes->contains(found[0].oid));
  EXPECT_GT(sizes->at(found[0].oid), 5'000'000);
  EXPECT_FALSE(sizes->contains(4'000'000'000)) << "one that is gone is left out";
  DropDatabase(kDatabase);
  EXPECT_THAT(Read(reader), IsEmpty());
}

TEST_F(UsageReaderTest, ConnectionsAreThoseOfClients) {
  MakeDatabase(kDatabase);
  Connection admin = TestPostgres::Shared().Admin();
  ASSERT_TRUE(admin.Execute("DROP ROLE IF EXISTS usage_client").ok());
  ASSERT_TRUE(admin.Execute("CREATE ROLE usage_client LOGIN PASSWORD 'p'").ok());
  UsageReader reader = Reader();
  {
    const auto first = TestPostgres::Shared().Login(kDatabase, "usage_client", "p");
    const auto second = TestPostgres::Shared().Login(kDatabase, "usage_client", "p");
    ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
    const std::vector<DatabaseUsage> found = Read(reader);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].connections, 2);
  }
  DropDatabase(kDatabase);
  ASSERT_TRUE(admin.Execute("DROP ROLE usage_client").ok());
}

// Names that others gave their databases neither fail the query nor count as a tenant's.
TEST_F(UsageReaderTest, HostileNamesAreLeftOut) {
  const std::vector<std::string> hostile = {"'; DROP TABLE x; --", "t_\"_aaaabbbbccccddddx_g1",
                                            "v_aaaabbbbccccdddd_g1", "t_acme_aaaabbbbccccdddd_g1_F",
                                            "{a,b}"};
  UsageReader reader = Reader();
  const size_t before = ReadAll(reader).size();
  for (const std::string& name : hostile) MakeDatabase(name);
  EXPECT_THAT(ReadAll(reader), SizeIs(before));
  EXPECT_THAT(Read(reader), IsEmpty());
  for (const std::string& name : hostile) DropDatabase(name);
}

// An agent whose role is no superuser asks for the sizes of the databases that it may connect to, and no others.
TEST_F(UsageReaderTest, SizeThatMayNotBeAskedForIsUnknown) {
  MakeDatabase(kDatabase);
  Connection admin = TestPostgres::Shared().Admin();
  const std::string password = TestPostgres::Shared().SetUp({.role = "usage_agent"});
  ASSERT_TRUE(admin.Execute({"REVOKE CONNECT ON DATABASE %I FROM PUBLIC", {kDatabase}}).ok());
  UsageReader reader = Reader("usage_agent", password);
  const std::vector<DatabaseUsage> found = Read(reader);
  ASSERT_THAT(found, SizeIs(1));
  const auto denied = reader.ReadSizes({found[0].oid}, TestTimeout());
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_EQ(denied->at(found[0].oid), std::nullopt);
  ASSERT_TRUE(admin.Execute("GRANT pg_read_all_stats TO usage_agent").ok());
  const auto granted = reader.ReadSizes({found[0].oid}, TestTimeout());
  ASSERT_TRUE(granted.ok()) << granted.status();
  EXPECT_GT(granted->at(found[0].oid), 1'000'000);
  DropDatabase(kDatabase);
}

TEST_F(UsageReaderTest, LostConnectionIsMadeAgain) {
  UsageReader reader = Reader();
  Read(reader);
  Connection admin = TestPostgres::Shared().Admin();
  const auto ended = admin.Rows<bool>(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE strpos(query, 'pg_stat_get_db_sessions') > 0 AND pid <> pg_backend_pid()");
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_THAT(*ended, SizeIs(1));
  (void)reader.ReadAll(TestTimeout());  // sees the loss, at the latest
  Read(reader);
}

}  // namespace
}  // namespace croft::agent
