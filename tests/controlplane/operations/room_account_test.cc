#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

// What the simulation found: a host's account must say what its databases really take.
class RoomAccount : public testing::Test {
 protected:
  RoomAccount() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
    world.Begin(NewBackup("acme", "b1"));
    world.Settle();
  }

  void AskForConnections(int32_t connections, const std::string& operation) {
    EXPECT_TRUE(world
                    .Call(UpdateTenant{
                        .operation = operation,
                        .tenant = "acme",
                        .update = With<&domain::Tenant::quota>(domain::Quota{.connections = connections})})
                    .ok());
  }
  int32_t Connections() { return world.Host("h1").connections_reserved; }

  World world;
};

TEST_F(RoomAccount, AFailedConfigureGivesBackWhatItWasToTake) {
  const int32_t before = Connections();
  AskForConnections(70, "op-q");
  EXPECT_EQ(Connections(), 70);
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  world.Settle();
  EXPECT_EQ(Connections(), before);
}

TEST_F(RoomAccount, AnUndoCopyTakesNoConnectionsWhateverBecomesOfTheQuota) {
  const int32_t before = Connections();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  EXPECT_EQ(Connections(), 2 * before) << "either may be the one that is open in the end";
  world.Settle();
  EXPECT_EQ(Connections(), before);
  AskForConnections(7, "op-q");
  world.Settle();
  world.Pass(absl::Hours(25));
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
  EXPECT_EQ(Connections(), 7);
}

TEST_F(RoomAccount, AnUndoCopyKeepsItsRoomUntilItIsDropped) {
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  world.Pass(absl::Hours(25));
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_FALSE(world.sent.empty());
    world.Fails(world.TakeSent(), "DATABASE_BUSY", false);
    EXPECT_EQ(world.Host("h1").databases_reserved, 2);
    world.Pass(absl::Hours(1));
  }
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
}

TEST_F(RoomAccount, APurgeOfATenantWithAnUndoCopyLeavesNothing) {
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  EXPECT_EQ(Connections(), 0);
}

TEST_F(RoomAccount, APurgeThatFailsHalfWayGivesBackTheRoomOfWhatItDropped) {
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  ASSERT_EQ(world.Host("h1").databases_reserved, 2) << "the undo copy is one";
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Done(world.TakeSent());
  while (!world.sent.empty()) {
    world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
    world.Pass(absl::Minutes(2));
  }
  ASSERT_EQ(world.Operation("op-p").state, domain::OperationState::kFailed);
  EXPECT_EQ(world.Host("h1").databases_reserved, 1) << "the tenant's own is the next purge's";
  world.Begin(PurgeTenant{.operation = "op-p2", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  EXPECT_EQ(Connections(), 0);
}

}  // namespace
}  // namespace croft::engine
