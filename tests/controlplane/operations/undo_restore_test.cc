#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::OperationState;
using domain::TaskKind;
using domain::TenantState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A tenant that was restored in place once: it lives in t_acme_g2, and t_acme_g1 is kept.
class UndoRestores : public ::testing::Test {
 protected:
  UndoRestores() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
    world.Begin(NewBackup("acme", "b1"));
    world.Settle();
    Restore("op-r");
    kept_until = world.now + absl::Hours(24);
  }

  void Restore(const std::string& operation, const std::string& host = "") {
    world.Begin(RestoreTenant{.operation = operation, .tenant = "acme", .backup = "b1", .host = host});
    world.Settle();
  }
  UndoRestore Undo(const std::string& operation = "op-u", const std::string& database = "") {
    return {.operation = operation, .tenant = "acme", .database = database};
  }
  // With a database kept on h1 while the tenant lives on h2.
  void MoveToAnotherHost() {
    world.Join("h2");
    world.Pass(absl::Hours(25));
    world.Settle();
    Restore("op-move", "h2");
    ASSERT_EQ(world.Tenant("acme").placement.host, "h2");
  }

  std::vector<std::string> Kept() {
    std::vector<std::string> databases;
    for (const domain::KeptDatabase& one : world.Tenant("acme").kept_databases)
      databases.push_back(one.placement.database);
    return databases;
  }
  // What is sent from now on, each of which succeeds: `task database`.
  std::vector<std::string> RunAndList() {
    std::vector<std::string> tasks;
    while (!world.sent.empty()) {
      const SendTask task = world.TakeSent();
      tasks.push_back(absl::StrCat(NameOf(KindOf(task)), " ", task.step.database));
      world.Done(task);
    }
    return tasks;
  }
  // The tenant is where it was before the undo, which can be asked for again, and so can everything else.
  void ExpectUntouched() {
    const domain::Tenant tenant = world.Tenant("acme");
    EXPECT_EQ(tenant.state, TenantState::kReady);
    EXPECT_EQ(tenant.placement, (domain::Placement{"h1", "t_acme_g2", 2}));
    EXPECT_EQ(tenant.current_operation, "");
    EXPECT_THAT(Kept(), ElementsAre("t_acme_g1"));
    EXPECT_EQ(tenant.kept_databases.front().expire_time, kept_until) << "not a moment longer";
    EXPECT_EQ(world.Host("h1").databases_reserved, 2);
    EXPECT_EQ(world.Host("h1").connections_reserved, 50);
    world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
    world.Settle();
    world.Begin(ResumeTenant{.operation = "op-s2", .tenant = "acme"});
    world.Settle();
    world.Begin(Undo("op-again"));
    world.Settle();
    EXPECT_EQ(world.Operation("op-again").state, OperationState::kSucceeded);
    world.Pass(absl::Hours(25));
    EXPECT_THAT(RunAndList(), ElementsAre("drop t_acme_g2"));
  }

  World world;
  absl::Time kept_until;
};

TEST_F(UndoRestores, TheReplacedDatabaseIsBackUnderANewGenerationAndTheOtherOneIsKept) {
  world.Begin(Undo());
  EXPECT_THAT(Kept(), IsEmpty()) << "nothing drops it while it is put back";
  EXPECT_EQ(TaskOf<domain::RenumberTask>(world.sent.front()),
            (domain::RenumberTask{.database = "t_acme_g1", .generation = 1}));
  EXPECT_THAT(RunAndList(), ElementsAre("renumber t_acme_g3", "fence t_acme_g2", "unfence t_acme_g3"));
  EXPECT_EQ(world.Operation("op-u").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Tenant("acme").placement, (domain::Placement{"h1", "t_acme_g3", 3}));
  EXPECT_THAT(Kept(), ElementsAre("t_acme_g2"));
  EXPECT_EQ(world.Host("h1").databases_reserved, 2);
  EXPECT_EQ(world.Host("h1").connections_reserved, 50);
  world.Pass(absl::Hours(25));
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent.front()).databases, ElementsAre("t_acme_g2"));
  EXPECT_THAT(RunAndList(), ElementsAre("drop t_acme_g2"));
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(UndoRestores, AnUndoIsUndoneByAnother) {
  world.Begin(Undo("op-u1"));
  world.Settle();
  world.Begin(Undo("op-u2"));
  EXPECT_EQ(TaskOf<domain::RenumberTask>(world.sent.front()),
            (domain::RenumberTask{.database = "t_acme_g2", .generation = 2}));
  EXPECT_THAT(RunAndList(), ElementsAre("renumber t_acme_g4", "fence t_acme_g3", "unfence t_acme_g4"));
  EXPECT_EQ(world.Tenant("acme").placement, (domain::Placement{"h1", "t_acme_g4", 4}));
  EXPECT_THAT(Kept(), ElementsAre("t_acme_g3"));
}

TEST_F(UndoRestores, APlanChangesNothing) {
  const domain::Tenant before = world.Tenant("acme");
  const absl::StatusOr<Answer> plan = world.Call(Undo(), "", /*validate_only=*/true);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(std::get<domain::Operation>(*plan).steps.size(), 3u);
  EXPECT_EQ(world.Tenant("acme"), before);
  EXPECT_TRUE(world.sent.empty());
}

TEST_F(UndoRestores, WhatIsNotKeptAnyMoreIsNotPutBack) {
  world.Pass(absl::Hours(25));
  EXPECT_EQ(world.Refusal(Undo()), "NOTHING_KEPT") << "it is being dropped";
  world.Settle();
  EXPECT_EQ(world.Refusal(Undo()), "NOTHING_KEPT");
  EXPECT_EQ(world.Refusal(Undo("op-u", "t_acme_g1")), "NOTHING_KEPT");
}

TEST_F(UndoRestores, ATenantThatWasNeverRestoredHasNothingToPutBack) {
  world.Begin(NewTenant("globex"));
  world.Settle();
  EXPECT_EQ(world.Refusal(UndoRestore{.operation = "op-g", .tenant = "globex"}), "NOTHING_KEPT");
}

TEST_F(UndoRestores, ASuspendedTenantIsResumedFirst) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  world.Settle();
  EXPECT_EQ(world.Refusal(Undo()), "TENANT_SUSPENDED");
}

TEST_F(UndoRestores, WhileItIsUnderWayTheTenantIsBusy) {
  world.Begin(Undo());
  EXPECT_EQ(world.Refusal(Undo("op-other")), "TENANT_BUSY");
}

TEST_F(UndoRestores, AnEarlierOneIsPutBackByName) {
  Restore("op-r2");
  EXPECT_THAT(Kept(), ElementsAre("t_acme_g2", "t_acme_g1"));
  world.Begin(Undo("op-u", "t_acme_g1"));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").placement.database, "t_acme_g4");
  EXPECT_THAT(Kept(), ElementsAre("t_acme_g3", "t_acme_g2"));
}

TEST_F(UndoRestores, AFailedStepIsTakenBackFromTheEnd) {
  const std::vector<std::vector<std::string>> taken_back = {
      {"renumber t_acme_g1"},
      {"unfence t_acme_g2", "renumber t_acme_g1"},
      {"fence t_acme_g3", "unfence t_acme_g2", "renumber t_acme_g1"}};
  for (size_t failing = 0; failing < taken_back.size(); ++failing) {
    SCOPED_TRACE(failing);
    world.Begin(Undo(absl::StrCat("op-u", failing)));
    for (size_t i = 0; i < failing; ++i) world.Done(world.TakeSent());
    // The generation of the one that failed is never used again.
    const std::string tried = absl::StrCat("t_acme_g", 3 + failing);
    world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
    std::vector<std::string> expected = taken_back[failing];
    for (std::string& task : expected) {
      if (task == "fence t_acme_g3") task = "fence " + tried;
    }
    EXPECT_EQ(RunAndList(), expected);
    EXPECT_EQ(world.Operation(absl::StrCat("op-u", failing)).state, OperationState::kFailed);
    EXPECT_THAT(Kept(), ElementsAre("t_acme_g1"));
  }
  ExpectUntouched();
}

TEST_F(UndoRestores, ACancelAtEachStepLeavesTheTenantWhereItWas) {
  for (int steps = 0; steps < 3; ++steps) {
    SCOPED_TRACE(steps);
    const std::string operation = absl::StrCat("op-u", steps);
    world.Begin(Undo(operation));
    for (int i = 0; i < steps; ++i) world.Done(world.TakeSent());
    const SendTask under_way = world.TakeSent();
    world.Begin(CancelOperation{operation});
    world.Fails(under_way, "CANCELLED", false);
    world.Settle();
    EXPECT_EQ(world.Operation(operation).state, OperationState::kCancelled);
  }
  ExpectUntouched();
}

TEST_F(UndoRestores, ARestartOfTheControlPlaneAtEachStepIsNoticedByNobody) {
  world.Begin(Undo());
  for (int i = 0; i < 3; ++i) {
    world.Restart();
    world.Post(HostSeen{"h1", World::Report()});
    ASSERT_FALSE(world.sent.empty());
    world.Done(world.TakeSent());
  }
  EXPECT_EQ(world.Operation("op-u").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Tenant("acme").placement.database, "t_acme_g3");
}

TEST_F(UndoRestores, WhatCannotBeRenamedBackIsDroppedUnderEitherName) {
  world.Begin(Undo());
  world.Done(world.TakeSent());
  world.Fails(world.TakeSent(), "WRONG_DATABASE", false);
  while (!world.sent.empty()) {
    const SendTask task = world.TakeSent();
    if (KindOf(task) == TaskKind::kRenumber) {
      world.Fails(task, "DATABASE_MISSING", false);
    } else {
      world.Done(task);
    }
    world.Pass(absl::Minutes(1));
  }
  EXPECT_EQ(world.Operation("op-u").state, OperationState::kFailed);
  EXPECT_EQ(world.Tenant("acme").placement.database, "t_acme_g2");
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_EQ(world.Refusal(Undo("op-u2")), "NOTHING_KEPT");
  world.Pass(absl::Hours(25));
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent.front()).databases,
              ElementsAre("t_acme_g1", "t_acme_g3"));
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
}

TEST_F(UndoRestores, OnAnotherHostItTakesRoomThereAndGivesItBackWhereItWas) {
  MoveToAnotherHost();
  EXPECT_EQ(world.Host("h1").connections_reserved, 0);
  world.Begin(Undo());
  EXPECT_EQ(world.Host("h1").connections_reserved, 50);
  EXPECT_EQ(world.Host("h2").connections_reserved, 50) << "either may be the one that is open in the end";
  const std::vector<std::string> hosts = {"h1", "h2", "h1"};
  for (const std::string& host : hosts) {
    EXPECT_EQ(world.sent.front().host, host);
    world.Done(world.TakeSent());
  }
  EXPECT_EQ(world.Tenant("acme").placement.host, "h1");
  EXPECT_EQ(world.Host("h2").connections_reserved, 0);
  EXPECT_EQ(world.Host("h2").databases_reserved, 1);
  world.Pass(absl::Hours(25));
  EXPECT_TRUE(TaskOf<domain::DropTask>(world.sent.front()).roles) << "nothing of the tenant is left there";
  world.Settle();
  EXPECT_EQ(world.Host("h2").databases_reserved, 0);
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
}

TEST_F(UndoRestores, FailedOnAnotherHostItGivesBackWhatItTook) {
  MoveToAnotherHost();
  world.Begin(Undo());
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  world.Settle();
  EXPECT_EQ(world.Host("h1").connections_reserved, 0);
  EXPECT_EQ(world.Host("h2").connections_reserved, 50);
  EXPECT_EQ(Kept().size(), 1u);
}

TEST_F(UndoRestores, AHostWithoutRoomForTheConnectionsRefuses) {
  MoveToAnotherHost();
  domain::HostLimits limits;
  limits.connections = 49;
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limits = limits}).ok());
  EXPECT_EQ(world.Refusal(Undo()), "QUOTA_EXCEEDS_HOST");
  EXPECT_EQ(Kept().size(), 1u);
}

TEST_F(UndoRestores, OneOnAnotherHostThatIsAwayIsRefused) {
  MoveToAnotherHost();
  world.Post(HostLost{"h1"});
  EXPECT_EQ(world.Refusal(Undo()), "HOST_UNREACHABLE");
  world.Pass(absl::Minutes(6));
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  EXPECT_EQ(world.Refusal(Undo()), "HOST_MISSING");
}

TEST_F(UndoRestores, ATenantOfALostHostGetsItsKeptDatabaseOnAnotherOne) {
  MoveToAnotherHost();
  world.Post(HostLost{"h2"});
  world.Pass(absl::Minutes(6));
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h2"}).ok());
  world.Begin(Undo());
  EXPECT_EQ(RunAndList().size(), 2u) << "there is nothing to fence";
  EXPECT_EQ(world.Tenant("acme").placement.host, "h1");
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(UndoRestores, AnAgentThatCannotRenumberIsToldOf) {
  domain::HostReport old = World::Report();
  old.task_kinds = {"restore", "fence", "unfence", "drop"};
  world.Post(HostReported{"h1", old});
  EXPECT_EQ(world.Refusal(Undo()), "NO_HOST_FITS");
}

TEST_F(UndoRestores, APresentDatabaseThatIsGoneIsNotKept) {
  world.Begin(Undo());
  world.Done(world.TakeSent());
  world.Fails(world.TakeSent(), "DATABASE_MISSING", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").placement.database, "t_acme_g3");
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(UndoRestores, WhatChangedInBetweenIsSentAlong) {
  world.Begin(NewRotation("acme", "1"));
  world.Settle();
  UpdateTenant update{.operation = "op-q", .tenant = "acme"};
  update.update.Set<&domain::Tenant::quota, &domain::Quota::connections>() = 7;
  ASSERT_TRUE(world.Call(update).ok());
  world.Settle();
  world.Begin(Undo());
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  const SendTask opening = world.TakeSent();
  EXPECT_EQ(opening.tenant.quota.connections, 7);
  EXPECT_THAT(TaskOf<domain::UnfenceTask>(opening).logins,
              ::testing::UnorderedElementsAre("t_acme_a", "t_acme_ra", "t_acme_b", "t_acme_rb"));
}

TEST_F(UndoRestores, EachDatabaseIsOpenedAsItWasForGrowth) {
  // The kept one was closed for growth, the restored one is not.
  world.Begin(Undo("op-u1"));
  world.Settle();
  UpdateTenant update{.operation = "op-q", .tenant = "acme"};
  update.update.Set<&domain::Tenant::quota, &domain::Quota::storage_bytes>() = int64_t{16} << 20;
  ASSERT_TRUE(world.Call(update).ok());
  world.Post(StorageMeasured{
      {.operation = "op-l", .tenant = "acme", .generation = 3, .size_bytes = int64_t{32} << 20}});
  world.Settle();
  ASSERT_TRUE(world.Tenant("acme").storage.closed);
  world.Begin(Undo("op-u2"));
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  EXPECT_FALSE(world.sent.front().tenant.storage.closed) << "opened as the open one that it is";
  world.Settle();
  ASSERT_FALSE(world.Tenant("acme").storage.closed);
  world.Begin(Undo("op-u3"));
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  EXPECT_TRUE(world.sent.front().tenant.storage.closed);
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  EXPECT_FALSE(world.sent.front().tenant.storage.closed) << "the way back opens the other one";
  world.Settle();
  EXPECT_FALSE(world.Tenant("acme").storage.closed);
}

TEST_F(UndoRestores, APurgeDropsWhatIsKept) {
  world.Begin(Undo());
  world.Settle();
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent.front()).databases,
              ElementsAre("t_acme_g2", "t_acme_g3"));
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  EXPECT_EQ(world.Host("h1").connections_reserved, 0);
}

}  // namespace
}  // namespace croft::engine
