// Every operation ends: what is refused, what runs short and what is cancelled past the point of no return.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::FindingSeverity;
using domain::OperationState;
using domain::TaskKind;
using domain::TenantState;
using ::testing::HasSubstr;

class Parking : public ::testing::Test {
 protected:
  Parking() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }
  // Retires acme and answers the step that comes after `done` steps that went well.
  SendTask RetireUpTo(TaskKind task) {
    world.Begin(NewRetirement("acme", "b1"));
    while (KindOf(world.sent.front()) != task) world.Done(world.TakeSent());
    return world.TakeSent();
  }
  void ExpectParked(const std::string& reason) {
    const domain::Operation operation = world.Operation("op-retire-b1");
    EXPECT_EQ(operation.state, OperationState::kFailed);
    EXPECT_EQ(operation.error->reason, reason);
    EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
    EXPECT_EQ(world.Tenant("acme").current_operation, "");
    EXPECT_THAT(world.Tenant("acme").final_backup_failure, HasSubstr(reason));
    EXPECT_NE(world.Backup("acme", "b1").state, domain::BackupState::kCreating);
  }
  static TaskError Error(const std::string& reason, Cause cause) {
    return {reason, "it did not work", true, cause, {}};
  }

  World world;
};

TEST_F(Parking, RefusalsForOneReasonEndARetirementAfterThreeAttemptsWithinTwoMinutes) {
  SendTask task = RetireUpTo(TaskKind::kBackUp);
  const absl::Time begun = world.now;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(world.Operation("op-retire-b1").state, OperationState::kRunning);
    world.Reports(task, Error("DUMP_FAILED", Cause::kRefusal));
    while (world.sent.empty() && attempt < 3) world.Pass(absl::Seconds(1));
    if (attempt < 3) task = world.TakeSent();
  }
  EXPECT_LE(world.now - begun, absl::Minutes(2));
  ExpectParked("DUMP_FAILED");
}

TEST_F(Parking, RefusalsThatAlwaysNameAnotherReasonEndItToo) {
  SendTask task = RetireUpTo(TaskKind::kBackUp);
  int attempts = 0;
  for (; attempts < 100; ++attempts) {
    world.Reports(task, Error(absl::StrCat("REASON_", attempts), Cause::kRefusal));
    if (domain::Ended(world.Operation("op-retire-b1"))) break;
    world.Pass(absl::Minutes(1));
    task = world.TakeSent();
  }
  EXPECT_EQ(attempts, 7);
  ExpectParked("REASON_7");
}

TEST_F(Parking, AShortageEndsItAfterAQuarterOfAnHour) {
  SendTask task = RetireUpTo(TaskKind::kBackUp);
  const absl::Time begun = world.now;
  while (!domain::Ended(world.Operation("op-retire-b1"))) {
    world.Reports(task, Error("DISK_FULL", Cause::kResource));
    if (world.Operation("op-retire-b1").state == OperationState::kRunning) {
      EXPECT_LT(world.now - begun, absl::Minutes(15));
      world.Pass(absl::Minutes(2));
      task = world.TakeSent();
    }
  }
  EXPECT_GE(world.now - begun, absl::Minutes(15));
  ExpectParked("DISK_FULL");
}

TEST_F(Parking, OutagesAreWaitedForHoweverLong) {
  SendTask task = RetireUpTo(TaskKind::kBackUp);
  for (int hour = 0; hour < 200; ++hour) {
    world.Reports(task, Error("POSTGRES_UNAVAILABLE", Cause::kOutage));
    world.Pass(absl::Hours(1));
    task = world.TakeSent();
  }
  world.Done(task);
  world.Settle();
  EXPECT_EQ(world.Operation("op-retire-b1").state, OperationState::kSucceeded);
}

TEST_F(Parking, ARefusalThatWaitingMayMendDoesNotEndWhatCanBeTakenBackAtOnce) {
  world.Begin(NewBackup("acme", "b1"));
  world.Reports(world.TakeSent(), Error("LOCK_TIMEOUT", Cause::kRefusal));
  world.Pass(absl::Minutes(1));
  world.Settle();
  EXPECT_EQ(world.Operation("op-backup-b1").state, OperationState::kSucceeded);
}

TEST_F(Parking, AParkedTenantIsRetiredAgain) {
  world.Reports(RetireUpTo(TaskKind::kVerify), {"BACKUP_INCOMPLETE", "a view", false, Cause::kRefusal,
                                                World::Found({FindingSeverity::kMissing})});
  ExpectParked("BACKUP_INCOMPLETE");
  world.Begin(NewRetirement("acme", "b2"));
  EXPECT_NE(world.Tenant("acme").final_backup_failure, "");
  world.Settle();
  EXPECT_EQ(world.Operation("op-retire-b2").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Tenant("acme").final_backup_failure, "");
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}), "");
}

TEST_F(Parking, AParkedTenantIsUndeleted) {
  RetireUpTo(TaskKind::kBackUp);
  world.Begin(CancelOperation{"op-retire-b1"});
  ExpectParked("CANCELLED");
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("acme").final_backup_failure, "");
}

TEST_F(Parking, AParkedTenantIsPurgedWithAReasonAlone) {
  RetireUpTo(TaskKind::kBackUp);
  world.Begin(CancelOperation{"op-retire-b1"});
  const auto refused = world.Call(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_EQ(DetailsOf(refused.status()).reason, "BACKUP_NOT_PROVEN");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("cancelled by request"));
  world.Begin(
      PurgeTenant{.operation = "op-q", .tenant = "acme", .waiver = "not needed", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Parking, CancelPastThePointOfNoReturnEndsAtOnceAndStopsTheAgent) {
  const SendTask task = RetireUpTo(TaskKind::kBackUp);
  world.Begin(CancelOperation{"op-retire-b1"});
  ExpectParked("CANCELLED");
  ASSERT_EQ(world.cancels.size(), 1u);
  EXPECT_EQ(world.cancels[0].fencing, task.fencing);
  // Whatever the agent says now, nobody awaits it.
  world.Done(task);
  ExpectParked("CANCELLED");
  EXPECT_TRUE(world.sent.empty());
}

TEST_F(Parking, WhateverComesNextPushesAsideWhatTheAgentStillDoes) {
  world.Begin(NewBackup("acme", "b0"));
  world.Settle();
  const SendTask parked = RetireUpTo(TaskKind::kBackUp);
  world.Begin(CancelOperation{"op-retire-b1"});
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b0"});
  EXPECT_GT(world.TakeSent().fencing.order, parked.fencing.order);
}

TEST_F(Parking, CancelEndsItWhileTheHostIsAwayAndBetweenAttempts) {
  world.Post(HostLost{"h1"});
  world.Begin(NewRetirement("acme", "b1"));
  world.Begin(CancelOperation{"op-retire-b1"});
  ExpectParked("CANCELLED");
  world.Post(HostSeen{"h1", World::Report()});
  EXPECT_TRUE(world.sent.empty());
  world.Begin(NewRetirement("acme", "b2"));
  world.Done(world.TakeSent());
  world.Reports(world.TakeSent(), Error("POSTGRES_UNAVAILABLE", Cause::kOutage));
  world.Begin(CancelOperation{"op-retire-b2"});
  EXPECT_EQ(world.Operation("op-retire-b2").state, OperationState::kFailed);
  world.Pass(absl::Hours(1));
  EXPECT_TRUE(world.sent.empty());
}

TEST_F(Parking, ACancelledPurgeCanBeAskedForAgainAlthoughItsProofIsGone) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Done(world.TakeSent());
  ASSERT_EQ(KindOf(world.sent.front()), TaskKind::kDeleteBackup);
  world.Begin(CancelOperation{"op-p"});
  world.sent.clear();
  EXPECT_EQ(world.Operation("op-p").state, OperationState::kFailed);
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kDeleting);
  EXPECT_EQ(world.Tenant("acme").last_backup, "");
  world.Begin(PurgeTenant{.operation = "op-q", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
}

TEST_F(Parking, AnUndeleteTakesThePermissionOfACancelledPurgeAway) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Done(world.TakeSent());
  world.Begin(CancelOperation{"op-p"});
  world.sent.clear();
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  world.Begin(CancelOperation{"op-u"});
  world.Fails(world.TakeSent(), "CANCELLED", false);
  world.Settle();
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-q", .tenant = "acme", .confirmed = true}),
            "BACKUP_NOT_PROVEN");
}

TEST_F(Parking, ACancelledDeletionOfABackupCanBeAskedForAgain) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  world.Begin(CancelOperation{"op-d"});
  world.sent.clear();
  EXPECT_EQ(world.Operation("op-d").state, OperationState::kFailed);
  world.Begin(DeleteBackup{.operation = "op-e", .tenant = "acme", .backup = "b1"});
  world.Settle();
  EXPECT_EQ(*world.catalog().GetBackup("acme", "b1"), std::nullopt);
}

TEST_F(Parking, AKeyThatIsBeingErasedIsErased) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  while (!world.sent.empty()) world.Done(world.TakeSent());
  world.Begin(CancelOperation{"op-p"});
  EXPECT_EQ(world.Operation("op-p").state, OperationState::kRunning);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

}  // namespace
}  // namespace croft::engine
