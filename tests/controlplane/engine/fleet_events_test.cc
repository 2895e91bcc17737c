#include "controlplane/engine/fleet_events.h"

#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>
#include <gmock/gmock.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FleetEventsTest : public testing::Test {
 protected:
  FleetEventsTest() {
    world.Post(Started{});
    world.Join("h1");
  }

  // The events since this was called last, without `croft.`, of subjects that begin like `about`.
  std::vector<domain::FleetEvent> Take(const std::string& about = "") {
    std::vector<domain::FleetEvent> taken =
        world.catalog().ListEvents({.after = seen_, .limit = 10'000})->events;
    if (!taken.empty()) seen_ = taken.back().position;
    std::erase_if(taken, [&](const auto& event) { return !absl::StartsWith(event.subject, about); });
    return taken;
  }
  std::vector<std::string> TakeTypes(const std::string& about = "") {
    std::vector<std::string> types;
    for (const domain::FleetEvent& event : Take(about))
      types.emplace_back(absl::StripPrefix(event.type, "croft."));
    return types;
  }
  void Do(const RequestBody& request) {
    ASSERT_TRUE(world.Call(request).ok());
    world.Settle();
  }

  World world;

 private:
  int64_t seen_ = 0;
};

TEST_F(FleetEventsTest, ATenantsLifeIsToldInTheOrderInWhichItHappens) {
  Take();
  Do(NewTenant("acme"));
  EXPECT_THAT(TakeTypes(),
              ElementsAre("operation.started", "tenant.creating", "tenant.created", "operation.succeeded"));
  Do(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("tenant.suspended"));
  Do(ResumeTenant{.operation = "op-r", .tenant = "acme"});
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("tenant.resumed"));
  Do(NewRotation("acme", "r1"));
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("tenant.credentials_changed"));
  Do(NewBackup("acme", "b1"));
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("backup.creating", "backup.available"));
  Do(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b1"});
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("backup.verified"));
  Do(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("backup.deleting", "backup.deleted"));
  Do(NewRetirement("acme", "b2"));
  EXPECT_THAT(TakeTypes("tenants/acme"),
              ElementsAre("tenant.retired", "backup.creating", "backup.available", "backup.verified"));
  Do(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  EXPECT_THAT(TakeTypes("tenants/"), ElementsAre("tenant.undeleted"));
}

TEST_F(FleetEventsTest, EventsNameTheTenantItsHostAndWhoAsked) {
  Take();
  Do(NewTenant("acme"));
  for (const domain::FleetEvent& event : Take()) {
    EXPECT_EQ(event.tenant, "acme") << event.type;
    EXPECT_EQ(event.tenant_uid, "uidacme") << event.type;
    EXPECT_EQ(event.host, "h1") << event.type;
    EXPECT_EQ(event.time, world.now) << event.type;
  }
  Do(NewBackup("acme", "b1"));
  const std::vector<domain::FleetEvent> events = Take();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events.front().subject, "operations/op-backup-b1");
  EXPECT_EQ(events.front().data,
            (std::map<std::string, std::string>{
                {"kind", "BACK_UP"}, {"caller", "admin"}, {"backup", "tenants/acme/backups/b1"}}));
  EXPECT_EQ(events[2].subject, "tenants/acme/backups/b1");
  EXPECT_EQ(events[2].data.at("size_bytes"), "10");
}

TEST_F(FleetEventsTest, FailedOperationSaysItsReasonAndNotItsWords) {
  world.Begin(NewTenant("acme"));
  Take();
  world.Fails(world.TakeSent(), "LOCALE_UNKNOWN", /*retryable=*/false);
  world.Settle();
  const std::vector<domain::FleetEvent> events = Take();
  ASSERT_EQ(events.size(), 3u) << events[2].type;
  EXPECT_EQ(events[0].type, "croft.operation.undoing");
  EXPECT_EQ(events[1].type, "croft.tenant.create_failed");
  EXPECT_EQ(events[2].type, "croft.operation.failed");
  EXPECT_EQ(events[2].data.at("reason"), "LOCALE_UNKNOWN");
  for (const auto& [key, value] : events[2].data) EXPECT_FALSE(absl::StrContains(value, "it did not work"));
}

TEST_F(FleetEventsTest, UpdateNamesTheFieldsAndNoValue) {
  Do(NewTenant("acme"));
  Take();
  UpdateTenant update{.operation = "op-update", .tenant = "acme"};
  update.update.Set<&domain::Tenant::display_name>() = "secret name";
  update.update.label_edits = {{"tier", "gold"}};
  update.update.Set<&domain::Tenant::prove_every>() = absl::Hours(24);
  Do(update);
  const std::vector<domain::FleetEvent> events = Take("tenants/");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, "croft.tenant.updated");
  EXPECT_EQ(events[0].data,
            (std::map<std::string, std::string>{{"changed", "display_name labels backup_policy"}}));
}

TEST_F(FleetEventsTest, WhatIsOnlyTriedOrRefusedIsNotTold) {
  Take();
  ASSERT_TRUE(world.Call(NewTenant("acme"), "", /*validate_only=*/true).ok());
  EXPECT_EQ(world.Refusal(SuspendTenant{.operation = "op-s", .tenant = "nobody"}), "TENANT_NOT_FOUND");
  EXPECT_THAT(TakeTypes(), IsEmpty());
}

TEST_F(FleetEventsTest, HostsAreToldOfWhenTheirStateChangesAndNotOfEachReport) {
  EXPECT_THAT(TakeTypes("hosts/"), ElementsAre("host.added", "host.joined", "host.up", "host.postgres_up"));
  domain::HostReport report = World::Report();
  report.free_bytes -= 1;
  world.Post(HostReported{.host = "h1", .report = report});
  EXPECT_THAT(TakeTypes(), IsEmpty());
  ASSERT_TRUE(world.Call(CordonHost{.host = "h1", .cordoned = true}).ok());
  EXPECT_THAT(TakeTypes(), ElementsAre("host.cordoned"));
  world.Post(HostLost{.host = "h1"});
  EXPECT_THAT(TakeTypes(), ElementsAre("host.away"));
  ASSERT_TRUE(world.Call(RemoveHost{.host = "h1"}).ok());
  EXPECT_THAT(TakeTypes(), ElementsAre("host.removed"));
}

TEST_F(FleetEventsTest, OperationThatIsPutBackForAnAnswerIsNotToldAgain) {
  Do(NewTenant("acme"));
  world.Pass(absl::Hours(24 * 91));
  const domain::ScheduleKey pruning{domain::ScheduleKind::kPruneOperations, ""};
  world.Post(ScheduleDue{.key = pruning, .request = RequestBody(PruneOperations())});
  ASSERT_EQ(world.Operation("op-create-acme").id, "");
  Take();
  CreateTenant again = NewTenant("acme");
  again.operation = "op-again";
  again.if_missing = true;
  EXPECT_EQ(world.Begin(again).id, "op-create-acme");
  EXPECT_THAT(TakeTypes(), IsEmpty());
}

TEST_F(FleetEventsTest, TenantThatTakesAPurgedIdIsAnotherOne) {
  world.Begin(NewTenant("acme"));
  world.Fails(world.TakeSent(), "LOCALE_UNKNOWN", /*retryable=*/false);
  world.Settle();
  Do(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  Take();
  CreateTenant again = NewTenant("acme");
  again.operation = "op-again";
  again.tenant.uid = "uid-again";
  Do(again);
  const std::vector<domain::FleetEvent> events = Take("tenants/");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "croft.tenant.creating");
  EXPECT_EQ(events[0].tenant_uid, "uid-again");
}

}  // namespace
}  // namespace croft::engine
