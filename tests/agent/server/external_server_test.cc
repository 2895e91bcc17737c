#include "agent/server/external_server.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "agent/postgres/libpq_cluster.h"
#include "common/errors.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

// The shared server, as one that somebody else keeps.
class ExternalServerTest : public ::testing::Test {
 protected:
  ExternalServerOptions OptionsFor(const std::string& role, const std::string& password) {
    Conninfo conninfo = postgres_.access().tenants;
    conninfo["user"] = role;
    conninfo["password"] = password;
    ExternalServerOptions options;
    for (const auto& [keyword, value] : conninfo) {
      const std::string quoted = absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}});
      absl::StrAppend(&options.conninfo, keyword, "='", quoted, "' ");
    }
    return options;
  }
  std::unique_ptr<ExternalServer> Server(const std::string& role) {
    auto server = ExternalServer::New(OptionsFor(role, postgres_.SetUp({.role = role})));
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
  // Sessions of the role, once those that are ending have ended.
  int64_t SessionsOf(const std::string& role) {
    const Statement count =
        Bind("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", {std::string(role)});
    Connection admin = postgres_.Admin();
    for (int i = 0; i < 100 && *admin.Value<int64_t>(count) > 0; ++i)
      absl::SleepFor(absl::Milliseconds(20));
    return *admin.Value<int64_t>(count);
  }
  void EndSessionsOf(const std::string& role) {
    Connection admin = postgres_.Admin();
    ASSERT_TRUE(
        admin
            .Execute(
                Bind("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", {role}))
            .ok());
    EXPECT_EQ(SessionsOf(role), 0);
  }

  TestPostgres& postgres_ = TestPostgres::Shared();
};

TEST_F(ExternalServerTest, ANewPasswordIsUsedOnceItWasReadAgain) {
  const auto server = Server("reload_agent");
  EXPECT_TRUE(server->Report(TestTimeout()).up);
  const std::string changed = postgres_.SetUp({.role = "reload_agent"});
  EndSessionsOf("reload_agent");
  EXPECT_FALSE(server->Report(TestTimeout()).up) << "the old password does not hold any more";
  ASSERT_TRUE(server->Reload(OptionsFor("reload_agent", changed)).ok());
  const ServerReport report = server->Report(TestTimeout());
  EXPECT_TRUE(report.up) << report.problem;
}

TEST_F(ExternalServerTest, NoSessionOfTheOldWayIsUsedAgain) {
  const auto server = Server("reload_agent");
  const auto cluster = NewLibpqCluster([&] { return server->access(); });
  ASSERT_TRUE(cluster->List(TestTimeout()).ok());
  EXPECT_TRUE(server->Report(TestTimeout()).up);
  ASSERT_TRUE(
      server->Reload(OptionsFor("reload_agent_2", postgres_.SetUp({.role = "reload_agent_2"}))).ok());
  ASSERT_TRUE(cluster->List(TestTimeout()).ok());
  EXPECT_TRUE(server->Report(TestTimeout()).up);
  EXPECT_EQ(SessionsOf("reload_agent"), 0);
}

TEST_F(ExternalServerTest, WhatIsWrongLeavesEverythingAsItWas) {
  const auto server = Server("reload_agent");
  const ServerAccess before = server->access();
  EXPECT_TRUE(absl::IsInvalidArgument(server->Reload({.conninfo = "no such = form"})));
  ExternalServerOptions gone = OptionsFor("reload_agent", "x");
  gone.authority = "/nonexistent/authority.pem";
  EXPECT_FALSE(server->Reload(gone).ok());
  EXPECT_EQ(server->access().agent, before.agent);
  EXPECT_TRUE(server->Report(TestTimeout()).up);
}

}  // namespace
}  // namespace croft::agent
