#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/sqlite/raw_file.h"
#include "tests/controlplane/engine/world.h"

// A catalog of the version before, with an operation of every kind half done (half_done.sql): each of them ends as it
// would have ended there.
namespace croft::engine {
namespace {

using domain::OperationState;
using domain::TenantState;

void Make(const std::string& path) {
  std::ostringstream sql;
  sql << std::ifstream(HALF_DONE).rdbuf();
  RawFile(path).Run(sql.str());
}

class Migrated : public ::testing::Test {
 protected:
  Migrated() : world(Make) {
    for (const domain::Operation& operation : (*world.catalog().Begin())->RunningOperations())
      under_way.push_back(operation.id);
    world.Restart();
    world.Post(HostSeen{.host = "h1", .report = World::Report()});
  }

  World world;
  std::vector<std::string> under_way;
};

TEST_F(Migrated, EveryOperationEnds) {
  EXPECT_EQ(under_way.size(), 16u);
  world.Settle();
  world.Pass(absl::Hours(25));
  world.Settle();
  for (const std::string& id : under_way) {
    const OperationState state = world.Operation(id).state;
    // The purge takes over the clean-up of its tenant.
    const bool undoing = id == "op-create-undoing";
    EXPECT_EQ(state, undoing ? OperationState::kFailed : OperationState::kSucceeded)
        << id << ": " << world.Operation(id).error.value_or(domain::OperationError()).message;
  }
}

TEST_F(Migrated, EachMakesTrueWhatItWasBegunFor) {
  world.Settle();
  world.Pass(absl::Hours(25));
  world.Settle();
  const std::map<std::string, TenantState> states = {
      {"create", TenantState::kReady},    {"undoing", TenantState::kFailed},
      {"configure", TenantState::kReady}, {"suspend", TenantState::kSuspended},
      {"resume", TenantState::kReady},    {"retire", TenantState::kRetired},
      {"undelete", TenantState::kReady},  {"purge", TenantState::kPurged},
      {"restore", TenantState::kReady},   {"copy", TenantState::kReady},
      {"rotate", TenantState::kReady}};
  for (const auto& [id, state] : states) EXPECT_EQ(world.Tenant(id).state, state) << id;
  EXPECT_EQ(world.Tenant("restore").placement.generation, 2) << "the placement moved";
  EXPECT_EQ(domain::PublishedCredential(world.Tenant("rotate"), domain::LoginRole::kApp)->login,
            "t_rotate_b");
  EXPECT_EQ(world.Tenant("cleanlogin").credentials.size(), 2u) << "the replaced logins are gone";
  EXPECT_TRUE(world.Tenant("retire").fence_time);
  EXPECT_TRUE(domain::Proven(world.Backup("retire", "f3")));
  EXPECT_TRUE(domain::Usable(world.Backup("backup", "b7")));
  EXPECT_TRUE(domain::Proven(world.Backup("verify", "b3")));
  EXPECT_EQ(world.Backup("delete", "b4").id, "");
}

// The host counts what lies on it: a database of each tenant that is not purged or failed.
TEST_F(Migrated, TheAccountOfTheHostIsRight) {
  world.Settle();
  world.Pass(absl::Hours(25));
  world.Settle();
  int placed = 0;
  int connections = 0;
  const auto tenants = world.catalog().ListTenants({.show_retired = true, .limit = 1000});
  for (const domain::Tenant& tenant : tenants->tenants) {
    if (tenant.placement.host.empty()) continue;
    ++placed;
    connections += tenant.quota.connections;
  }
  EXPECT_EQ(world.Host("h1").databases_reserved, placed);
  EXPECT_EQ(world.Host("h1").connections_reserved, connections);
}

TEST_F(Migrated, WhatWasBegunIsTakenBackAsItWouldHaveBeen) {
  ASSERT_TRUE(world.Call(CancelOperation{.operation = "op-suspend"}).ok());
  ASSERT_TRUE(world.Call(CancelOperation{.operation = "op-restore"}).ok());
  ASSERT_TRUE(world.Call(CancelOperation{.operation = "op-configure"}).ok());
  while (!world.sent.empty()) {
    const SendTask task = world.TakeSent();
    const std::string& id = task.fencing.operation;
    const bool cancelled =
        !task.step.undo && (id == "op-suspend" || id == "op-restore" || id == "op-configure");
    if (cancelled) {
      world.Fails(task, "CANCELLED", false);
    } else {
      world.Done(task);
    }
  }
  for (const char* id : {"op-suspend", "op-restore", "op-configure"})
    EXPECT_EQ(world.Operation(id).state, OperationState::kCancelled) << id;
  EXPECT_EQ(world.Tenant("suspend").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("restore").placement.generation, 1);
  EXPECT_EQ(world.Tenant("configure").quota.connections, 50);
}

}  // namespace
}  // namespace croft::engine
