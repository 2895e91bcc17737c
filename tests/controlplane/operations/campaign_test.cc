#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/handlers/campaigns.h"
#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::CampaignDetails;
using domain::OperationKind;
using domain::OperationState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kName[] = "operations/op-campaign";

class Campaigns : public ::testing::Test {
 protected:
  Campaigns() {
    world.Post(Started{});
    world.Join("h1");
  }

  void CreateTenants(int count) {
    for (int i = 0; i < count; ++i) Create(absl::StrCat("t", i));
  }
  void Create(const std::string& id, const std::string& app = "shop") {
    CreateTenant create = NewTenant(id);
    create.tenant.labels = {{"app", app}};
    world.Begin(create);
    world.Settle();
  }
  static StartCampaign Backups(int32_t width, int32_t total, int32_t max_failures = 1) {
    return {.operation = "op-campaign",
            .width = width,
            .max_failures = max_failures,
            .overlap = absl::Minutes(5),
            .total = total};
  }

  absl::StatusOr<ChildRequest> Child(const CampaignDetails& campaign, const domain::Tenant& tenant) {
    const std::string id = absl::StrCat("c", ++children_);
    if (campaign.child_kind == OperationKind::kVerify)
      return ProveNewestBackup{.operation = "op-verify-" + id, .tenant = tenant.id};
    if (campaign.child_kind == OperationKind::kRotate) return NewRotation(tenant.id, id);
    return NewBackup(tenant.id, id);
  }
  ContinueCampaign Choice() {
    return *handlers::ChooseChildren(
        world.catalog(), kName,
        [this](const auto& campaign, const auto& tenant) { return Child(campaign, tenant); });
  }
  void Continue(ContinueCampaign choice) {
    world.Post(ScheduleDue{.key = {domain::ScheduleKind::kContinue, kName}, .request = std::move(choice)});
  }
  // As the scheduler does, every second.
  void Look() {
    world.Pass(absl::Seconds(1));
    Continue(Choice());
  }
  void FailChild(const SendTask& task) {
    world.Fails(task, "BROKEN", false);
    const SendTask undo = world.sent.back();
    world.sent.pop_back();
    world.Done(undo);
  }
  // To its end, or for a day.
  void Run() {
    for (int i = 0; i < 24 * 60 && !domain::Ended(Campaign()); ++i) {
      Look();
      world.Settle();
      world.Pass(absl::Minutes(1));
    }
  }

  domain::Operation Campaign() { return world.Operation("op-campaign"); }
  CampaignDetails Progress() {
    const domain::Operation campaign = Campaign();
    return domain::Details<CampaignDetails>(campaign);
  }
  std::vector<domain::Operation> Children() {
    return world.catalog().ListOperations({.parent = "op-campaign", .limit = 1000})->operations;
  }
  std::vector<std::string> TenantsTaken() {
    std::vector<std::string> tenants;
    for (const domain::Operation& child : Children()) tenants.push_back(child.tenant);
    std::reverse(tenants.begin(), tenants.end());
    return tenants;
  }
  std::optional<domain::Schedule> Schedule() {
    return (*world.catalog().Begin())->FindSchedule({domain::ScheduleKind::kContinue, kName});
  }

  World world;
  int children_ = 0;
};

TEST_F(Campaigns, EachTenantIsTakenOnceAndNoMoreRunThanItsWidthAllows) {
  CreateTenants(9);
  world.Begin(Backups(3, 9));
  for (int i = 0; i < 40 && !domain::Ended(Campaign()); ++i) {
    Look();
    const std::vector<domain::Operation> children = Children();
    const int64_t running = std::count_if(children.begin(), children.end(),
                                          [](const auto& child) { return !domain::Ended(child); });
    EXPECT_LE(running, 3);
    EXPECT_EQ(running, Progress().running);
    if (!world.sent.empty()) world.Done(world.TakeSent());
  }
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"));
  EXPECT_EQ(Progress().succeeded, 9);
  EXPECT_EQ(domain::NotBegun(Progress()), 0);
  EXPECT_EQ(Schedule(), std::nullopt);
}

TEST_F(Campaigns, WhatIsDueTwiceBeginsItsChildrenOnce) {
  CreateTenants(6);
  world.Begin(Backups(4, 6));
  world.Pass(absl::Seconds(1));
  const ContinueCampaign choice = Choice();
  const ContinueCampaign again = Choice();
  Continue(choice);
  Continue(again);
  EXPECT_THAT(TenantsTaken(), SizeIs(4));
  world.Settle();
  world.Pass(absl::Seconds(1));
  Continue(choice);
  EXPECT_THAT(TenantsTaken(), SizeIs(4)) << "chosen before the first four were taken";
}

TEST_F(Campaigns, ACommitTakesSixteenTenantsAtMost) {
  CreateTenants(20);
  world.Begin(Backups(64, 20));
  Look();
  EXPECT_THAT(TenantsTaken(), SizeIs(16));
  Look();
  EXPECT_THAT(TenantsTaken(), SizeIs(20));
}

TEST_F(Campaigns, TheBudgetOfFailuresEndsIt) {
  CreateTenants(8);
  world.Begin(Backups(2, 8, 2));
  Look();
  const SendTask first = world.TakeSent();
  const SendTask second = world.TakeSent();
  FailChild(first);
  Look();
  EXPECT_THAT(TenantsTaken(), SizeIs(3)) << "one failure is within the budget";
  FailChild(second);
  Look();
  EXPECT_THAT(TenantsTaken(), SizeIs(3));
  EXPECT_EQ(Campaign().state, OperationState::kRunning) << "one of its children runs";
  world.Settle();
  EXPECT_EQ(Campaign().state, OperationState::kFailed);
  EXPECT_EQ(Campaign().error->reason, "TOO_MANY_FAILURES");
  EXPECT_EQ(domain::NotBegun(Progress()), 5);
  ASSERT_THAT(Campaign().warnings.listed, SizeIs(2));
  EXPECT_EQ(Campaign().warnings.listed[0].reason, "BROKEN");
  EXPECT_EQ(Campaign().warnings.listed[0].object, "tenants/t0");
  EXPECT_THAT(Campaign().warnings.listed[0].message, HasSubstr("operations/op-backup-c1"));
}

TEST_F(Campaigns, FailuresWithinTheBudgetMakeItFailAtItsEnd) {
  CreateTenants(3);
  world.Begin(Backups(1, 3, 5));
  Look();
  FailChild(world.TakeSent());
  Run();
  EXPECT_EQ(Campaign().state, OperationState::kFailed);
  EXPECT_EQ(Campaign().error->reason, "CHILDREN_FAILED");
  EXPECT_EQ(Progress().succeeded, 2);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t0", "t1", "t2"));
}

TEST_F(Campaigns, CancelBeginsNoMoreAndLetsRunningChildrenEnd) {
  CreateTenants(6);
  world.Begin(Backups(2, 6));
  Look();
  world.Done(world.TakeSent());
  world.Pass(absl::Seconds(1));
  const ContinueCampaign chosen_before = Choice();
  ASSERT_THAT(chosen_before.next, SizeIs(1));
  world.Begin(CancelOperation{"op-campaign"});
  EXPECT_EQ(Campaign().state, OperationState::kRunning) << "one of its children runs";
  EXPECT_THAT(world.cancels, IsEmpty());
  Continue(chosen_before);
  Look();
  EXPECT_THAT(TenantsTaken(), SizeIs(2));
  world.Settle();
  EXPECT_EQ(Campaign().state, OperationState::kCancelled);
  EXPECT_EQ(Progress().succeeded, 2);
  EXPECT_EQ(domain::NotBegun(Progress()), 4);
  EXPECT_EQ(world.Refusal(CancelOperation{"op-campaign"}), "OPERATION_NOT_CANCELLABLE");
}

TEST_F(Campaigns, OneThatIsCancelledBeforeItsFirstChildEndsAtOnce) {
  CreateTenants(2);
  world.Begin(Backups(2, 2));
  EXPECT_EQ(world.Begin(CancelOperation{"op-campaign"}).state, OperationState::kCancelled);
  EXPECT_EQ(Schedule(), std::nullopt);
}

TEST_F(Campaigns, ARestartGoesOn) {
  CreateTenants(5);
  world.Begin(Backups(2, 5));
  Look();
  world.Restart();
  EXPECT_EQ(Progress().running, 2);
  world.Post(HostSeen{.host = "h1", .report = World::Report()});
  EXPECT_THAT(world.sent, SizeIs(2)) << "its children are sent again";
  Run();
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t0", "t1", "t2", "t3", "t4"));
}

TEST_F(Campaigns, ATenantThatIsPurgedInBetweenIsLeftOut) {
  CreateTenants(3);
  world.Begin(Backups(1, 3));
  Look();
  world.Settle();
  world.Pass(absl::Seconds(1));
  const ContinueCampaign chosen_before = Choice();
  ASSERT_EQ(chosen_before.next.front().tenant, "t1");
  RetireTenant retire = NewRetirement("t1", "final");
  retire.grace = absl::ZeroDuration();
  retire.confirmed = true;
  world.Begin(retire);
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-purge", .tenant = "t1", .confirmed = true});
  world.Settle();
  Continue(chosen_before);
  Run();
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t0", "t2"));
  EXPECT_EQ(Progress().total, 2);
}

TEST_F(Campaigns, ABusyTenantIsTriedAgainUntilItIsFree) {
  CreateTenants(2);
  world.Begin(SuspendTenant{.operation = "op-suspend", .tenant = "t0"});
  const SendTask suspends = world.TakeSent();
  world.Begin(Backups(2, 2));
  Look();
  EXPECT_THAT(TenantsTaken(), ElementsAre("t1"));
  EXPECT_THAT(Progress().waiting, ElementsAre("t0"));
  EXPECT_EQ(domain::NotBegun(Progress()), 1);
  world.Settle();
  EXPECT_EQ(Campaign().state, OperationState::kRunning) << "one waits";
  world.Done(suspends);
  world.Settle();
  EXPECT_GT(Schedule()->next_time, world.now) << "not in every look";
  Run();
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t1", "t0"));
}

TEST_F(Campaigns, WhatStaysBusyEndsItWithItsTime) {
  CreateTenants(1);
  world.Begin(SuspendTenant{.operation = "op-suspend", .tenant = "t0"});
  world.Begin(Backups(1, 1));
  for (int day = 0; day < 8; ++day) {
    Look();
    world.now += absl::Hours(24);
  }
  Look();
  EXPECT_EQ(Campaign().state, OperationState::kFailed);
  EXPECT_EQ(Campaign().error->reason, "OPERATION_DEADLINE_EXCEEDED");
}

TEST_F(Campaigns, ItTakesWhatItSelectsAndNothingThatCameLater) {
  Create("a");
  Create("b", "other");
  Create("c");
  StartCampaign start = Backups(1, 2);
  start.filter = "labels.app=shop";
  world.Begin(start);
  world.Pass(absl::Seconds(1));
  Create("d");
  Run();
  EXPECT_THAT(TenantsTaken(), ElementsAre("a", "c"));
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
}

TEST_F(Campaigns, OneOfAHostTakesTheTenantsThatLiveThere) {
  Create("a");
  world.Join("h2");
  world.Begin(CordonHost{.host = "h1"});
  Create("b");
  ASSERT_EQ(world.Tenant("b").placement.host, "h2");
  StartCampaign start = Backups(4, 1);
  start.host = "h2";
  world.Begin(start);
  Run();
  EXPECT_THAT(TenantsTaken(), ElementsAre("b"));
  EXPECT_EQ(Campaign().host, "h2");
  start.host = "h9";
  EXPECT_EQ(world.Refusal(start), "HOST_NOT_FOUND");
}

TEST_F(Campaigns, ProofsAreOfTheNewestBackupAndATenantWithoutOneFails) {
  CreateTenants(2);
  world.Begin(NewBackup("t1", "b1"));
  world.Settle();
  StartCampaign start = Backups(2, 2, 5);
  start.child_kind = OperationKind::kVerify;
  world.Begin(start);
  Run();
  EXPECT_EQ(Campaign().state, OperationState::kFailed);
  EXPECT_THAT(TenantsTaken(), ElementsAre("t1"));
  EXPECT_TRUE(domain::Proven(world.Backup("t1", "b1")));
  ASSERT_THAT(Campaign().warnings.listed, SizeIs(1));
  EXPECT_EQ(Campaign().warnings.listed[0].reason, "BACKUP_NOT_FOUND");
}

TEST_F(Campaigns, RotationsGiveEachTenantANewLogin) {
  CreateTenants(2);
  StartCampaign start = Backups(1, 2);
  start.child_kind = OperationKind::kRotate;
  world.Begin(start);
  Look();
  world.Settle();
  Look();
  world.Settle();
  Look();
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
  for (const char* id : {"t0", "t1"}) {
    EXPECT_EQ(domain::PublishedCredential(world.Tenant(id), domain::LoginRole::kApp)->login,
              absl::StrCat("t_", id, "_b"));
  }
}

TEST_F(Campaigns, OneOverNothingSucceeds) {
  world.Begin(Backups(1, 0));
  Look();
  EXPECT_EQ(Campaign().state, OperationState::kSucceeded);
}

TEST_F(Campaigns, EveryChildIsAuditedAsItsCallersWithItsParent) {
  CreateTenants(1);
  world.Begin(Backups(1, 1));
  Run();
  const std::vector<domain::AuditRow> rows = *world.catalog().ListAudit(0, 1000);
  std::vector<std::string> resources;
  for (const domain::AuditRow& row : rows) {
    EXPECT_NE(row.event.method, "Schedule/ContinueCampaign");
    if (row.event.method == "BackupService/CreateBackup") {
      EXPECT_EQ(row.event.caller, "admin");
      resources.push_back(row.event.resource);
    }
  }
  EXPECT_THAT(resources, ElementsAre("operations/op-backup-c1 operations/op-campaign tenants/t0 "
                                     "tenants/t0/backups/c1 hosts/h1"));
}

TEST_F(Campaigns, ItsEventsAndThoseOfItsChildrenTellOfIt) {
  CreateTenants(1);
  world.Begin(Backups(1, 1));
  Run();
  const catalog::EventPage page = *world.catalog().ListEvents({.limit = 1000});
  std::vector<std::string> told;
  for (const domain::FleetEvent& event : page.events) {
    const auto parent = event.data.find("parent");
    if (parent != event.data.end()) {
      EXPECT_EQ(parent->second, kName);
    }
    if (event.subject == kName || parent != event.data.end())
      told.push_back(absl::StrCat(event.type, " ", event.subject == kName ? "campaign" : event.tenant));
  }
  EXPECT_THAT(told, ElementsAre("croft.operation.started campaign", "croft.operation.started t0",
                                "croft.operation.succeeded t0", "croft.operation.succeeded campaign"));
}

TEST_F(Campaigns, ADryRunChangesNothing) {
  CreateTenants(1);
  EXPECT_TRUE(world.Call(Backups(1, 1), "", true).ok());
  EXPECT_EQ(Campaign().id, "");
  EXPECT_EQ(Schedule(), std::nullopt);
}

}  // namespace
}  // namespace croft::engine
