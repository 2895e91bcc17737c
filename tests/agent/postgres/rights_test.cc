#include "agent/postgres/rights.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

constexpr char kRole[] = "rights_agent";

// A role with all rights, of which each test takes one.
class RightsTest : public ::testing::Test {
 protected:
  RightsTest() : password_(postgres_.SetUp({.role = kRole})) {}

  // What a session that begins now lacks.
  std::vector<MissingRight> Missing() {
    Conninfo conninfo = TenantConninfo(postgres_.access(), "postgres", kRole, password_);
    auto connection = Connection::Open(conninfo, Trust::kPrivileged, TestTimeout());
    EXPECT_TRUE(connection.ok()) << connection.status();
    auto missing = FindMissingRights(*connection);
    EXPECT_TRUE(missing.ok()) << missing.status();
    return *std::move(missing);
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
    postgres_.SetUp({.role = kRole});
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
  ASSERT_TRUE(admin.Execute({"ALTER FUNCTION %I.drop_role OWNER TO croft", {kRole}}).ok());
  ASSERT_TRUE(admin.Execute("DROP ROLE somebody").ok());
  EXPECT_TRUE(Missing().empty());
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
