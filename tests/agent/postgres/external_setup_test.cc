#include "agent/postgres/external_setup.h"

#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

constexpr char kRole[] = "setup_agent";
constexpr char kOwner[] = "t_setup_aaaaaaaaaaaaaaaa";
constexpr char kVerifier[] =
    "SCRAM-SHA-256$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAA=";

// The functions that make roles on PostgreSQL 15, called as the agent's role and as others.
class SetupFunctionsTest : public ::testing::Test {
 protected:
  SetupFunctionsTest() : password_(postgres_.SetUp({.role = kRole})) {}
  ~SetupFunctionsTest() override {
    for (const char* role : {"t_setup_aaaaaaaaaaaaaaaa_a", kOwner, "t_other_bbbbbbbbbbbbbbbb"}) {
      EXPECT_TRUE(postgres_.Admin().Execute({"DROP ROLE IF EXISTS %I", {role}}).ok());
    }
  }

  std::string Refusal(const Statement& statement) {
    auto connection = Connection::Open(TenantConninfo(postgres_.access(), "postgres", kRole, password_),
                                       Trust::kPrivileged, TestTimeout());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return SqlStateOf(connection->Execute(statement));
  }
  std::string Create(const std::string& name, const std::string& member_of = "{}") {
    return Refusal(
        {"SELECT setup_agent.create_role(%L, true, false, false, 5, NULL, NULL, %L)", {name, member_of}});
  }

  TestPostgres& postgres_ = TestPostgres::Shared();
  std::string password_;
};

TEST_F(SetupFunctionsTest, MakesAndDropsATenantsRoles) {
  EXPECT_EQ(Create(kOwner), "");
  EXPECT_EQ(Create("t_setup_aaaaaaaaaaaaaaaa_a", "{t_setup_aaaaaaaaaaaaaaaa}"), "");
  EXPECT_EQ(
      Refusal({"SELECT setup_agent.alter_role('t_setup_aaaaaaaaaaaaaaaa_a', false, true, 7, %L, false)",
               {kVerifier}}),
      "");
  EXPECT_TRUE(*postgres_.Admin().Value<bool>(
      "SELECT NOT rolcanlogin AND rolinherit AND rolconnlimit = 7 FROM pg_roles "
      "WHERE rolname = 't_setup_aaaaaaaaaaaaaaaa_a'"));
  EXPECT_EQ(Refusal("SELECT setup_agent.drop_role('t_setup_aaaaaaaaaaaaaaaa_a')"), "");
  EXPECT_EQ(Refusal("SELECT setup_agent.drop_role('t_setup_aaaaaaaaaaaaaaaa_a')"),
            sqlstate::kUndefinedObject);
}

TEST_F(SetupFunctionsTest, RefusesNamesThatAreNotATenants) {
  for (const char* name : {"croft", "postgres", "pg_monitor", "t_short", "t_x_AAAAAAAAAAAAAAAA",
                           "t_x_aaaaaaaaaaaaaaaa\"; DROP ROLE croft; --", "t_x_aaaaaaaaaaaaaaaa\n", ""}) {
    EXPECT_EQ(Create(name), sqlstate::kInsufficientPrivilege) << name;
  }
}

TEST_F(SetupFunctionsTest, RefusesRolesThatTheyHaveNotMade) {
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute("CREATE ROLE t_other_bbbbbbbbbbbbbbbb").ok());
  EXPECT_EQ(Create(kOwner, "{t_other_bbbbbbbbbbbbbbbb}"), sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Create(kOwner, "{pg_execute_server_program}"), sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Create(kOwner), "");
  EXPECT_EQ(
      Refusal("SELECT setup_agent.grant_role('t_other_bbbbbbbbbbbbbbbb', 't_setup_aaaaaaaaaaaaaaaa')"),
      sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Refusal("SELECT setup_agent.drop_role('t_other_bbbbbbbbbbbbbbbb')"),
            sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(
      Refusal({"SELECT setup_agent.alter_role('t_other_bbbbbbbbbbbbbbbb', true, NULL, NULL, %L, false)",
               {kVerifier}}),
      sqlstate::kInsufficientPrivilege);
}

TEST_F(SetupFunctionsTest, NoPasswordForARoleThatWasGivenMoreRights) {
  ASSERT_EQ(Create(kOwner), "");
  ASSERT_TRUE(postgres_.Admin().Execute({"ALTER ROLE %I SUPERUSER", {kOwner}}).ok());
  EXPECT_EQ(
      Refusal({"SELECT setup_agent.alter_role(%L, NULL, NULL, NULL, %L, false)", {kOwner, kVerifier}}),
      sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Create("t_setup_aaaaaaaaaaaaaaaa_a", "{t_setup_aaaaaaaaaaaaaaaa}"),
            sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Refusal({"SELECT setup_agent.alter_role(%L, false, NULL, NULL, NULL, true)", {kOwner}}), "")
      << "a fence closes it all the same";
}

TEST_F(SetupFunctionsTest, OnlyAShortLivedLoginReadsPastRowSecurity) {
  const auto make = [&](const std::string& name, const std::string& until) {
    return Refusal(
        {"SELECT setup_agent.create_role(%L, true, true, true, 5, NULL, now() + %L::interval, '{}')",
         {name, until}});
  };
  EXPECT_EQ(make(kOwner, "1 hour"), sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(make("t_setup_aaaaaaaaaaaaaaaa_mbbbbbbbb", "30 hours"), sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(make("t_setup_aaaaaaaaaaaaaaaa_mbbbbbbbb", "1 hour"), "");
  EXPECT_EQ(Refusal("SELECT setup_agent.drop_role('t_setup_aaaaaaaaaaaaaaaa_mbbbbbbbb')"), "");
}

TEST_F(SetupFunctionsTest, TakesVerifiersAndNoPasswords) {
  ASSERT_EQ(Create(kOwner), "");
  EXPECT_EQ(Refusal({"SELECT setup_agent.alter_role(%L, NULL, NULL, NULL, 'secret', false)", {kOwner}}),
            "22023");
}

TEST_F(SetupFunctionsTest, NobodyElseMayCallThem) {
  Connection admin = postgres_.Admin();
  ASSERT_TRUE(admin.Execute("CREATE ROLE t_other_bbbbbbbbbbbbbbbb").ok());
  const absl::Status called =
      admin.ExecuteTogether({{"SET LOCAL ROLE t_other_bbbbbbbbbbbbbbbb"},
                             {"SELECT setup_agent.drop_role('t_setup_aaaaaaaaaaaaaaaa')"}});
  EXPECT_EQ(SqlStateOf(called), sqlstate::kInsufficientPrivilege);
}

TEST_F(SetupFunctionsTest, TheAgentMayMakeNoRoleOfItsOwn) {
  EXPECT_EQ(Refusal("CREATE ROLE stranger"), sqlstate::kInsufficientPrivilege);
  EXPECT_EQ(Refusal("GRANT pg_execute_server_program TO setup_agent"), sqlstate::kInsufficientPrivilege);
}

TEST(ExternalSetupTest, RefusesWhatItCannotPrint) {
  for (const ExternalSetupOptions& options :
       {ExternalSetupOptions{.postgres_major = 14}, ExternalSetupOptions{.postgres_major = 19},
        ExternalSetupOptions{.postgres_major = 15, .role = "Croft"},
        ExternalSetupOptions{.postgres_major = 15, .role = "t_x"},
        ExternalSetupOptions{.postgres_major = 15, .role = "x; DROP TABLE y"},
        ExternalSetupOptions{.postgres_major = 15, .superuser = true, .provider = true},
        ExternalSetupOptions{.postgres_major = 15, .revoke_public_connect = true, .remove = true}}) {
    EXPECT_EQ(ExternalSetup(options).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace croft::agent
