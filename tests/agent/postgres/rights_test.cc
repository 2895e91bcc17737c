#include "agent/postgres/rights.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/postgres/libpq_cluster.h"
#include "common/errors.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

constexpr char kRole[] = "rights_agent";

// A role with all rights, of which each test takes one.
class RightsTest : public ::testing::Test {
 protected:
  RightsTest() : password_(postgres_.SetUp({.role = kRole})) {}

  Connection LogIn() {
    auto connection = Connection::Open(TenantConninfo(postgres_.access(), "postgres", kRole, password_),
                                       Trust::kPrivileged, TestTimeout());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *std::move(connection);
  }

  static std::vector<MissingRight> MissingIn(Connection& connection) {
    auto missing = FindMissingRights(connection);
    EXPECT_TRUE(missing.ok()) << missing.status();
    return *std::move(missing);
  }

  // What a session that begins now lacks.
  std::vector<MissingRight> Missing() {
    Connection connection = LogIn();
    return MissingIn(connection);
  }

  // As an agent in external mode sees the server.
  std::unique_ptr<Cluster> ExternalCluster() {
    ServerAccess access = postgres_.access();
    access.agent = TenantConninfo(access, "postgres", kRole, password_);
    access.agent.erase("dbname");
    access.extensions.reset();
    access.own_server = false;
    return NewLibpqCluster([access] { return access; });
  }

  // Takes a right away and expects it to be named, with what fails for it.
  void ExpectNamed(const Statement& taking, const std::string& right, bool stops_placement) {
    ASSERT_TRUE(postgres_.Admin().Execute(taking).ok());
    const std::vector<MissingRight> missing = Missing();
    const auto found = std::find_if(missing.begin(), missing.end(),
                                    [&](const MissingRight& one) { return one.right == right; });
    ASSERT_NE(found, missing.end()) << "not named: " << right;
    EXPECT_FALSE(found->consequence.empty());
    EXPECT_FALSE(found->remedy.empty());
    EXPECT_EQ(!found->task_kinds.empty(), stops_placement);
    // The password is another one now; whatever else was taken is back.
    password_ = postgres_.SetUp({.role = kRole});
    EXPECT_TRUE(Missing().empty());
  }

  TestPostgres& postgres_ = TestPostgres::Shared();
  std::string password_;
};

TEST_F(RightsTest, NothingIsMissingAfterTheSetup) { EXPECT_TRUE(Missing().empty()); }

TEST_F(RightsTest, SuperuserLacksNothing) {
  Connection admin = postgres_.Admin();
  EXPECT_TRUE(FindMissingRights(admin)->empty());
}

TEST_F(RightsTest, NamesCreateDatabase) {
  ExpectNamed({"ALTER ROLE %I NOCREATEDB", {kRole}}, "CREATEDB", true);
}

TEST_F(RightsTest, NamesTheRightToEndSessions) {
  ExpectNamed({"REVOKE pg_signal_backend FROM %I", {kRole}}, "pg_signal_backend", true);
}

TEST_F(RightsTest, NamesTheRightToBoundTemporaryFiles) {
  ExpectNamed({"REVOKE SET ON PARAMETER temp_file_limit FROM %I", {kRole}},
              "SET ON PARAMETER temp_file_limit", false);
}

TEST_F(RightsTest, NamesAFunctionThatMayNotBeCalled) {
  ExpectNamed({"REVOKE EXECUTE ON FUNCTION %I.drop_role FROM %I", {kRole, kRole}},
              "EXECUTE on the functions of schema rights_agent", true);
}

TEST_F(RightsTest, NamesFunctionsThatAreNotASuperusers) {
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute("CREATE ROLE somebody").ok());
  ASSERT_TRUE(admin.Execute({"ALTER FUNCTION %I.drop_role OWNER TO somebody", {kRole}}).ok());
  EXPECT_EQ(Missing().front().right, "EXECUTE on the functions of schema rights_agent");
  password_ = postgres_.SetUp({.role = kRole});
  EXPECT_TRUE(Missing().empty()) << "the setup makes them a superuser's again";
  ASSERT_TRUE(admin.Execute("DROP ROLE somebody").ok());
}

TEST_F(RightsTest, NamesTheFunctionsOfASchemaThatMayNotBeUsed) {
  ExpectNamed({"REVOKE USAGE ON SCHEMA %I FROM %I", {kRole, kRole}},
              "EXECUTE on the functions of schema rights_agent", true);
}

TEST_F(RightsTest, OpenSessionTellsThatTheNextOneIsNotLetIn) {
  Connection open = LogIn();
  ASSERT_TRUE(postgres_.Admin().Execute({"REVOKE CONNECT ON DATABASE postgres FROM %I", {kRole}}).ok());
  const std::vector<MissingRight> missing = MissingIn(open);
  ASSERT_EQ(missing.size(), 1);
  EXPECT_EQ(missing.front(), MissingConnect("postgres", kRole));
  postgres_.SetUp({.role = kRole});
  EXPECT_TRUE(MissingIn(open).empty());
}

TEST_F(RightsTest, NamesEachFunctionOfTheControlData) {
  Connection admin = postgres_.Admin();
  Connection open = LogIn();
  for (const char* function : {"pg_control_system", "pg_control_checkpoint"}) {
    ASSERT_TRUE(admin.Execute({"REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC", {function}}).ok());
    const std::vector<MissingRight> missing = MissingIn(open);
    ASSERT_EQ(missing.size(), 1) << function;
    EXPECT_EQ(missing.front(), MissingControlData(kRole));
    postgres_.SetUp({.role = kRole});
    EXPECT_TRUE(MissingIn(open).empty()) << "the setup gives it";
    ASSERT_TRUE(admin.Execute({"GRANT EXECUTE ON FUNCTION %I() TO PUBLIC", {function}}).ok());
    ASSERT_TRUE(admin
                    .Execute({"REVOKE ALL ON FUNCTION pg_control_system(), pg_control_checkpoint() FROM %I",
                              {kRole}})
                    .ok());
  }
}

TEST_F(RightsTest, SessionsUseTheRightsOfTheMomentTheyBegin) {
  const auto cluster = ExternalCluster();
  const auto may_limit = [&] {
    auto session = cluster->Begin("u", LockMode::kShared, TestTimeout());
    EXPECT_TRUE(session.ok()) << session.status();
    return (*session)->MayLimitTemporaryFiles();
  };
  EXPECT_TRUE(may_limit());
  ASSERT_TRUE(postgres_.Admin().Execute({"REVOKE SET ON PARAMETER temp_file_limit FROM %I", {kRole}}).ok());
  EXPECT_FALSE(may_limit()) << "on the connection that was kept";
  ASSERT_TRUE(postgres_.Admin().Execute({"GRANT SET ON PARAMETER temp_file_limit TO %I", {kRole}}).ok());
  EXPECT_TRUE(may_limit());
}

TEST_F(RightsTest, RefusedStatementNamesTheRightAndWhatGivesIt) {
  const auto cluster = ExternalCluster();
  auto session = cluster->Begin("u", LockMode::kExclusive, TestTimeout());
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(postgres_.Admin().Execute({"ALTER ROLE %I NOCREATEDB", {kRole}}).ok());
  const absl::Status refused = (*session)->CreateDatabase("t_rights", "");
  EXPECT_EQ(DetailsOf(refused).reason, "NOT_PERMITTED");
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kInsufficientPrivilege);
  EXPECT_THAT(std::string(refused.message()),
              ::testing::HasSubstr("lacks CREATEDB (ALTER ROLE \"rights_agent\" CREATEDB;)"));
}

TEST_F(RightsTest, ProvidersRoleLacksOnlyWhatASuperuserGives) {
  const std::string password = postgres_.SetUp({.role = "rights_of_provider", .provider = true});
  auto connection =
      Connection::Open(TenantConninfo(postgres_.access(), "postgres", "rights_of_provider", password),
                       Trust::kPrivileged, TestTimeout());
  ASSERT_TRUE(connection.ok());
  const auto missing = FindMissingRights(*connection);
  ASSERT_EQ(missing->size(), 1);
  EXPECT_EQ(missing->front().right, "BYPASSRLS");
  EXPECT_TRUE(missing->front().task_kinds.empty()) << "tenants are placed there all the same";
}

}  // namespace
}  // namespace croft::agent
