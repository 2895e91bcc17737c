#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

// What follows a start of the control plane, and a restore of its catalog.
namespace croft::engine {
namespace {

using domain::HostState;
using domain::TenantState;

class ConfirmationTest : public ::testing::Test {
 protected:
  ConfirmationTest() {
    world_.Join("h1");
    world_.Join("h2");
    world_.Begin(NewTenant("acme"));
    world_.Settle();
    home_ = world_.Tenant("acme").placement.host;
    other_ = home_ == "h1" ? "h2" : "h1";
  }

  // As a restore of the catalog leaves it.
  void Unconfirm() {
    auto transaction = *world_.catalog().Begin();
    const auto hosts = world_.catalog().ListHosts();
    for (domain::Host host : *hosts) {
      host.unconfirmed = true;
      host.up = false;
      transaction->Apply(catalog::PutHost{host});
    }
    domain::Tenant tenant = world_.Tenant("acme");
    tenant.unconfirmed = true;
    transaction->Apply(catalog::PutTenant{tenant});
    ASSERT_TRUE(transaction->Commit().ok());
    for (const char* host : {"h1", "h2"}) world_.Post(HostSeen{.host = host, .report = World::Report()});
  }
  domain::Inventory Home() {
    const domain::Tenant tenant = world_.Tenant("acme");
    domain::Inventory inventory{.host = home_};
    inventory.databases = {{.name = tenant.placement.database,
                            .uid = tenant.uid,
                            .generation = tenant.placement.generation,
                            .allows_connections = true}};
    inventory.roles = {{.name = tenant.owner_role}, {.name = tenant.reader_role}};
    for (const auto& credential : tenant.credentials)
      inventory.roles.push_back({.name = credential.login, .can_login = true});
    return inventory;
  }
  void Found(domain::Inventory inventory, std::set<std::string> drifted = {}) {
    world_.Post(HostFound{.inventory = std::move(inventory),
                          .tenants = {{world_.Tenant("acme").uid, "acme"}},
                          .drifted = std::move(drifted)});
  }
  bool IsConfirmed() { return !world_.Tenant("acme").unconfirmed; }
  HostState StateOfHome() { return domain::StateOf(world_.Host(home_)); }

  World world_;
  std::string home_;
  std::string other_;
};

// --- Warming up.

TEST_F(ConfirmationTest, AfterAStartHostsAreAwaitedAndNotAway) {
  world_.Restart();
  EXPECT_EQ(StateOfHome(), HostState::kAwaited);
  world_.Restart();
  EXPECT_EQ(StateOfHome(), HostState::kAwaited) << "a second start takes nothing of that away";
  EXPECT_EQ(world_.Refusal(AcceptMissingHost{home_}), "HOST_AWAITED");
  world_.Post(HostLost{.host = home_});
  EXPECT_EQ(StateOfHome(), HostState::kAway);
  EXPECT_TRUE(world_.Call(AcceptMissingHost{home_}).ok());
}

TEST_F(ConfirmationTest, WhoIsAwaitedCountsAsSeenUntilTheNewestStart) {
  world_.Restart();
  const absl::Time first = *world_.Host(home_).last_seen_time;
  world_.now += absl::Minutes(1);
  world_.Restart();
  EXPECT_EQ(*world_.Host(home_).last_seen_time, first + absl::Minutes(1));
}

TEST_F(ConfirmationTest, AHostThatWasAwayBeforeTheStartStaysAway) {
  world_.Post(HostLost{.host = home_});
  world_.Restart();
  EXPECT_EQ(StateOfHome(), HostState::kAway);
}

TEST_F(ConfirmationTest, AnAwaitedHostThatComesBackIsUp) {
  world_.Restart();
  world_.Post(HostSeen{.host = home_, .report = World::Report()});
  EXPECT_EQ(StateOfHome(), HostState::kUp);
  EXPECT_FALSE(world_.Host(home_).awaited);
}

TEST_F(ConfirmationTest, NothingIsSentToAnAwaitedHost) {
  world_.Restart();
  world_.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  EXPECT_TRUE(world_.sent.empty());
  world_.Post(HostSeen{.host = home_, .report = World::Report()});
  EXPECT_EQ(KindOf(world_.TakeSent()), domain::TaskKind::kFence);
}

// --- What the copy does not know.

TEST_F(ConfirmationTest, WhetherATenantIsClosedForGrowthIsWhatItsHostShows) {
  for (const bool closed : {true, false}) {
    Unconfirm();
    domain::Inventory home = Home();
    if (closed) home.databases[0].missing_grants = {"CREATE to t_acme"};
    Found(home);
    EXPECT_TRUE(IsConfirmed());
    EXPECT_EQ(world_.Tenant("acme").storage.closed, closed);
  }
}

// --- After a failover.

domain::HostReport OnTimeline(int64_t timeline) {
  domain::HostReport report = World::Report();
  report.timeline = timeline;
  return report;
}

TEST_F(ConfirmationTest, AfterAFailoverTheHostShowsFirstWhatItHolds) {
  world_.Post(HostReported{.host = home_, .report = OnTimeline(3)});
  EXPECT_EQ(StateOfHome(), HostState::kUp) << "it was not known before";
  world_.Post(HostReported{.host = home_, .report = OnTimeline(4)});
  EXPECT_EQ(StateOfHome(), HostState::kUnconfirmed);
  EXPECT_TRUE(IsConfirmed()) << "lookups go on";
  world_.Begin(SuspendTenant{.operation = "op-1", .tenant = "acme"});
  EXPECT_TRUE(world_.sent.empty());
  Found(Home());
  EXPECT_EQ(StateOfHome(), HostState::kUp);
  EXPECT_EQ(world_.TakeSent().host, home_);
}

TEST_F(ConfirmationTest, AFailoverIsSeenAcrossAnOutageAndAnotherSession) {
  world_.Post(HostReported{.host = home_, .report = OnTimeline(3)});
  domain::HostReport down = OnTimeline(0);
  down.postgres_up = false;
  world_.Post(HostReported{.host = home_, .report = down});
  world_.Post(HostLost{.host = home_});
  world_.Post(HostSeen{.host = home_, .report = OnTimeline(3)});
  EXPECT_EQ(StateOfHome(), HostState::kUp) << "the same one is back";
  world_.Post(HostReported{.host = home_, .report = down});
  world_.Post(HostLost{.host = home_});
  world_.Post(HostSeen{.host = home_, .report = OnTimeline(4)});
  EXPECT_EQ(StateOfHome(), HostState::kUnconfirmed);
}

TEST_F(ConfirmationTest, AnotherClusterThatIsAcceptedShowsFirstWhatItHolds) {
  domain::HostReport other = World::Report();
  other.system_identifier = "another";
  world_.Post(HostReported{.host = home_, .report = other});
  EXPECT_EQ(StateOfHome(), HostState::kIdentityChanged);
  EXPECT_TRUE(world_.Call(AcceptHostIdentity{home_, "another"}).ok());
  EXPECT_EQ(StateOfHome(), HostState::kUnconfirmed);
  Found({.host = home_});
  EXPECT_EQ(StateOfHome(), HostState::kUp);
}

// --- After a restore.

TEST_F(ConfirmationTest, NothingIsBegunOnWhatNoHostHasShown) {
  Unconfirm();
  EXPECT_EQ(StateOfHome(), HostState::kUnconfirmed);
  EXPECT_EQ(world_.Refusal(SuspendTenant{.operation = "op-1", .tenant = "acme"}), "TENANT_UNCONFIRMED");
  EXPECT_EQ(world_.Refusal(NewBackup("acme", "b1")), "TENANT_UNCONFIRMED");
  EXPECT_EQ(world_.Refusal(NewRetirement("acme", "b2")), "TENANT_UNCONFIRMED");
  EXPECT_EQ(world_.Refusal(NewTenant("new")), "NO_HOST_FITS");
  EXPECT_TRUE(world_.sent.empty());
}

TEST_F(ConfirmationTest, AHostThatShowsATenantAsSaidConfirmsBoth) {
  Unconfirm();
  Found(Home());
  EXPECT_EQ(StateOfHome(), HostState::kUp);
  EXPECT_TRUE(IsConfirmed());
  world_.Begin(SuspendTenant{.operation = "op-1", .tenant = "acme"});
  EXPECT_EQ(world_.TakeSent().host, home_);
}

TEST_F(ConfirmationTest, HostsAreConfirmedOneByOne) {
  Unconfirm();
  Found({.host = other_});
  EXPECT_EQ(StateOfHome(), HostState::kUnconfirmed);
  EXPECT_FALSE(IsConfirmed());
  world_.Begin(NewTenant("new"));
  EXPECT_EQ(world_.TakeSent().host, other_);
}

TEST_F(ConfirmationTest, ATenantThatItsHostShowsOtherwiseStaysUnconfirmed) {
  Unconfirm();
  domain::Inventory closed = Home();
  closed.databases[0].name += "_f";
  closed.databases[0].allows_connections = false;
  Found(closed);
  EXPECT_EQ(StateOfHome(), HostState::kUp);
  EXPECT_FALSE(IsConfirmed());
  Found(Home(), {world_.Tenant("acme").credentials.front().login});
  EXPECT_FALSE(IsConfirmed()) << "its password is another one";
  Found(Home());
  EXPECT_TRUE(IsConfirmed()) << "a later look";
}

TEST_F(ConfirmationTest, APasswordOfSomebodyWhoIsKeptOutIsNoDifference) {
  world_.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = domain::SuspendMode::kBlocked});
  world_.Settle();
  Unconfirm();
  domain::Inventory closed = Home();
  closed.databases[0].name += "_f";
  closed.databases[0].allows_connections = false;
  for (domain::FoundRole& role : closed.roles) role.can_login = false;
  Found(closed, {world_.Tenant("acme").credentials.front().login});
  EXPECT_TRUE(IsConfirmed()) << "it is set when the tenant is let in again";
}

TEST_F(ConfirmationTest, CountersRiseAboveAllThatTheHostHasSeen) {
  Unconfirm();
  domain::Inventory inventory = Home();
  const std::string uid = world_.Tenant("acme").uid;
  inventory.databases.push_back({.name = "t_acme_g7_f", .uid = uid, .generation = 7});
  inventory.positions = {{.uid = uid, .epoch = 1, .order = 40}};
  Found(inventory);
  EXPECT_EQ(world_.Tenant("acme").last_generation, 7);
  EXPECT_EQ(world_.Tenant("acme").order, 40);
  EXPECT_EQ(world_.Begin(SuspendTenant{.operation = "op-1", .tenant = "acme"}).order, 41);
}

TEST_F(ConfirmationTest, ATenantThatHasMovedSinceTheCopyIsFollowed) {
  Unconfirm();
  domain::Inventory moved = Home();
  moved.host = other_;
  moved.databases[0].name = "t_acme_g2";
  moved.databases[0].generation = 2;
  Found(moved);
  const domain::Tenant tenant = world_.Tenant("acme");
  EXPECT_EQ(tenant.placement, (domain::Placement{other_, "t_acme_g2", 2}));
  EXPECT_TRUE(IsConfirmed());
  EXPECT_EQ(world_.Host(other_).databases_reserved, 1);
}

TEST_F(ConfirmationTest, AClosedOrScratchDatabaseIsNotFollowed) {
  Unconfirm();
  domain::Inventory inventory{.host = other_};
  const std::string uid = world_.Tenant("acme").uid;
  inventory.databases = {{.name = "t_acme_g2_f", .uid = uid, .generation = 2, .allows_connections = true},
                         {.name = "t_acme_g3", .uid = uid, .generation = 3},
                         {.name = "v_acme", .uid = uid, .generation = 4, .allows_connections = true}};
  Found(inventory);
  EXPECT_EQ(world_.Tenant("acme").placement.host, home_);
  EXPECT_EQ(world_.Tenant("acme").last_generation, 4);
  EXPECT_FALSE(IsConfirmed());
}

TEST_F(ConfirmationTest, AConfirmedTenantIsNotMovedByWhatAHostShows) {
  domain::Inventory moved = Home();
  moved.host = other_;
  moved.databases[0].generation = 2;
  Found(moved);
  EXPECT_EQ(world_.Tenant("acme").placement.host, home_);
}

TEST_F(ConfirmationTest, AnUnconfirmedHostCanBeDeclaredMissing) {
  Unconfirm();
  world_.Post(HostLost{.host = home_});
  ASSERT_TRUE(world_.Call(AcceptMissingHost{home_}).ok());
  EXPECT_FALSE(world_.Host(home_).unconfirmed);
  EXPECT_EQ(StateOfHome(), HostState::kMissing);
}

TEST_F(ConfirmationTest, WhatWaitedForTheHostGoesOnWhenItIsConfirmed) {
  world_.Post(HostLost{.host = home_});
  world_.Begin(SuspendTenant{.operation = "op-1", .tenant = "acme"});
  Unconfirm();
  EXPECT_TRUE(world_.sent.empty());
  Found(Home());
  EXPECT_EQ(world_.TakeSent().fencing.operation, "op-1");
}

}  // namespace
}  // namespace croft::engine
