// Copies of backups in further stores: made by policy and by hand, proven, restored from, and gone with their backup.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/engine/schedules.h"
#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::BackupState;
using domain::FindingSeverity;
using domain::TaskKind;
using domain::TenantState;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two hosts that reach the store `s1`, where h1 writes, and `s9`, which they call offsite; h2 reaches `s9` alone.
class Copies : public ::testing::Test {
 protected:
  Copies() {
    Join("h1", {"s1", "s9"});
    Join("h2", {"s9"});
    CreateTenant create = NewTenant("acme");
    create.tenant.copy_to = {"offsite"};
    world.Post(HostLost{.host = "h2"});
    world.Pass(absl::Minutes(10));
    world.Begin(create);
    world.Settle();
    Join("h2", {"s9"});
  }
  void Join(const std::string& host, std::vector<std::string> stores) {
    if (world.Host(host).id.empty()) world.Join(host);
    domain::HostReport report = World::Report();
    report.stores = std::move(stores);
    report.store_names = {{"s9", "offsite"}};
    world.Post(HostSeen{.host = host, .report = report});
  }
  void Make(const std::string& id) {
    world.Begin(NewBackup("acme", id));
    world.Settle();
  }
  // What the scheduler asks for.
  void RunSchedule() {
    world.Post(ScheduleDue{.key = CopyingOf("acme"),
                           .request = RequestBody(CopyBackups{.operation = absl::StrCat("op-c", ++copies_),
                                                              .tenant = "acme"})});
  }
  void MakeCopied(const std::string& id) {
    Make(id);
    RunSchedule();
    world.Settle();
  }
  absl::Status CopyTo(const std::vector<std::string>& stores) {
    return world
        .Call(UpdateTenant{
            .operation = "op-u", .tenant = "acme", .update = With<&domain::Tenant::copy_to>(stores)})
        .status();
  }
  domain::Backup Backup(const std::string& id) { return world.Backup("acme", id); }
  domain::BackupCopy CopyOf(const std::string& id) {
    const domain::Backup backup = Backup(id);
    EXPECT_EQ(backup.copies.size(), 1u) << id;
    return backup.copies.empty() ? domain::BackupCopy() : backup.copies.front();
  }
  std::string LastCopying() { return absl::StrCat("op-c", copies_); }

  World world;
  int copies_ = 0;
};

// --- By policy.

TEST_F(Copies, EveryBackupIsCopiedToTheStoreThatThePolicyNames) {
  Make("b1");
  ASSERT_THAT(world.Due(), Contains("COPY_BACKUPS tenants/acme"));
  RunSchedule();
  const SendTask sent = world.TakeSent();
  EXPECT_EQ(sent.host, "h1");
  EXPECT_EQ(TaskOf<domain::CopyBackupTask>(sent),
            (domain::CopyBackupTask{.backup = {"acme", "b1"}, .from_store = "s1", .to_store = "s9"}));
  EXPECT_EQ(CopyOf("b1").state, BackupState::kCreating);
  EXPECT_EQ(Backup("b1").state, BackupState::kAvailable);
  world.Done(sent);
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
  EXPECT_EQ(CopyOf("b1").store_name, "offsite");
  EXPECT_EQ(CopyOf("b1").copy_time, world.now);
  world.Pass(absl::Seconds(5));
  RunSchedule();
  EXPECT_THAT(world.sent, IsEmpty());
  world.Pass(absl::Hours(24));
  EXPECT_THAT(world.Due(), IsEmpty()) << "nothing is left to be copied";
}

TEST_F(Copies, NewestIsCopiedFirstAndOneAtATime) {
  Make("b1");
  Make("b2");
  RunSchedule();
  world.Pass(absl::Seconds(5));
  RunSchedule();
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent.front().backup->id, "b2");
  world.Settle();
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

TEST_F(Copies, FinalBackupOfARetiredTenantIsCopiedToo) {
  world.Begin(NewRetirement("acme", "final"));
  world.Settle();
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("final").state, BackupState::kAvailable);
}

TEST_F(Copies, BackupsFromBeforeAPolicyAreCopied) {
  ASSERT_TRUE(CopyTo({}).ok());
  MakeCopied("b1");
  EXPECT_THAT(Backup("b1").copies, IsEmpty());
  ASSERT_TRUE(CopyTo({"offsite"}).ok());
  ASSERT_THAT(world.Due(), Contains("COPY_BACKUPS tenants/acme"));
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

TEST_F(Copies, FailedCopyFailsNoBackupAndIsTriedAgainEverMoreRarely) {
  Make("b1");
  RunSchedule();
  world.Fails(world.TakeSent(), "STORE_FULL", false);
  const SendTask undo = world.TakeSent();
  EXPECT_EQ(TaskOf<domain::DeleteBackupTask>(undo),
            (domain::DeleteBackupTask{.backup = {"acme", "b1"}, .store = "s9"}));
  world.Done(undo);
  EXPECT_EQ(Backup("b1").state, BackupState::kAvailable);
  EXPECT_EQ(CopyOf("b1").state, BackupState::kFailed);
  EXPECT_THAT(CopyOf("b1").failure, HasSubstr("it did not work"));
  EXPECT_EQ(CopyOf("b1").retry_time, world.now + absl::Minutes(1));
  EXPECT_THAT(world.Due(), IsEmpty()) << "not at once";
  world.Pass(absl::Minutes(1));
  RunSchedule();
  world.Fails(world.TakeSent(), "STORE_FULL", false);
  world.Settle();
  EXPECT_EQ(CopyOf("b1").retry_time, world.now + absl::Minutes(2));
  world.Pass(absl::Minutes(2));
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
  EXPECT_EQ(CopyOf("b1").failure, "");
}

TEST_F(Copies, WhatNoHostReachesIsRefusedAndWaits) {
  Join("h1", {"s1"});
  Make("b1");
  RunSchedule();
  EXPECT_THAT(world.sent, IsEmpty());
  const auto waiting = *world.catalog().GetSchedule(CopyingOf("acme"));
  ASSERT_TRUE(waiting.has_value());
  EXPECT_EQ(waiting->refusal_reason, "STORE_UNREACHABLE");
  EXPECT_THAT(waiting->refusal_message, HasSubstr("no host reaches both"));
  Join("h1", {"s1", "s9"});
  world.Pass(absl::Minutes(10));
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

// --- By hand.

TEST_F(Copies, ByHandNamesTheStoreByIdOrNameAndIsRefusedWhereItLies) {
  Make("b1");
  const auto copy = [&](const std::string& to) {
    return world.Refusal(CopyBackup{.operation = "op-x", .tenant = "acme", .backup = "b1", .to_store = to});
  };
  EXPECT_EQ(copy("nowhere"), "STORE_NOT_FOUND");
  EXPECT_EQ(copy("s1"), "COPY_EXISTS");
  world.Begin(CopyBackup{.operation = "op-y", .tenant = "acme", .backup = "b1", .to_store = "s9"});
  world.Settle();
  EXPECT_EQ(copy("offsite"), "COPY_EXISTS");
  EXPECT_EQ(copy("s9"), "COPY_EXISTS");
}

// --- Proofs.

TEST_F(Copies, ProofOfACopySaysSoOfTheCopyAlone) {
  MakeCopied("b1");
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b1", .copy = "offsite"});
  const SendTask sent = world.TakeSent();
  EXPECT_EQ(TaskOf<domain::VerifyTask>(sent).store, "s9");
  world.Done(sent);
  EXPECT_EQ(CopyOf("b1").state, BackupState::kVerified);
  EXPECT_EQ(CopyOf("b1").verify_time, world.now);
  EXPECT_EQ(Backup("b1").state, BackupState::kAvailable);
  EXPECT_EQ(world.Refusal(
                VerifyBackup{.operation = "op-w", .tenant = "acme", .backup = "b1", .copy = "elsewhere"}),
            "COPY_NOT_FOUND");
}

TEST_F(Copies, RoutineProofAlternatesBetweenABackupAndItsCopies) {
  MakeCopied("b1");
  std::vector<std::string> stores;
  for (int i = 0; i < 4; ++i) {
    world.Pass(absl::Hours(1));
    world.Call(ProveNewestBackup{.operation = absl::StrCat("op-p", i), .tenant = "acme"}).IgnoreError();
    stores.push_back(TaskOf<domain::VerifyTask>(world.sent.front()).store);
    world.Settle();
  }
  EXPECT_THAT(stores, ElementsAre("", "s9", "", "s9"));
  EXPECT_EQ(Backup("b1").state, BackupState::kVerified);
  EXPECT_EQ(CopyOf("b1").state, BackupState::kVerified);
}

TEST_F(Copies, DamagedCopyIsCopiedAnew) {
  MakeCopied("b1");
  world.Pass(absl::Hours(1));
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b1", .copy = "s9"});
  world.Reports(world.TakeSent(), {.reason = "ARCHIVE_DAMAGED", .message = "a byte is another one"});
  EXPECT_EQ(world.Operation("op-v").state, domain::OperationState::kFailed);
  EXPECT_EQ(CopyOf("b1").state, BackupState::kDamaged);
  EXPECT_EQ(Backup("b1").state, BackupState::kAvailable);
  ASSERT_THAT(world.Due(), Contains("COPY_BACKUPS tenants/acme"));
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

// --- Restores.

TEST_F(Copies, RestoreOnAHostWithoutTheFirstStoreTakesTheCopy) {
  MakeCopied("b1");
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1", .host = "h2"});
  EXPECT_EQ(TaskOf<domain::RestoreTask>(world.sent.front()).store, "s9");
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").placement.host, "h2");
}

TEST_F(Copies, RestoreWhereBothAreReachedTakesTheFirstUnlessTheCopyIsAskedFor) {
  MakeCopied("b1");
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  EXPECT_EQ(TaskOf<domain::RestoreTask>(world.sent.front()).store, "");
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-s", .tenant = "acme", .backup = "b1", .copy = "offsite"});
  EXPECT_EQ(TaskOf<domain::RestoreTask>(world.sent.front()).store, "s9");
}

TEST_F(Copies, DamagedBackupIsRestoredFromAProvenCopyAlone) {
  MakeCopied("b1");
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b1"});
  world.Reports(world.TakeSent(), {.reason = "ARCHIVE_DAMAGED", .message = "a byte is another one"});
  const RestoreTenant restore{.operation = "op-r", .tenant = "acme", .backup = "b1"};
  EXPECT_EQ(world.Refusal(restore), "BACKUP_DAMAGED");
  world.Begin(VerifyBackup{.operation = "op-w", .tenant = "acme", .backup = "b1", .copy = "s9"});
  world.Settle();
  world.Begin(restore);
  EXPECT_EQ(TaskOf<domain::RestoreTask>(world.sent.front()).store, "s9");
}

// --- The end.

TEST_F(Copies, DeletionTakesTheCopiesFirst) {
  MakeCopied("b1");
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  const SendTask first = world.TakeSent();
  EXPECT_EQ(TaskOf<domain::DeleteBackupTask>(first),
            (domain::DeleteBackupTask{.backup = {"acme", "b1"}, .store = "s9", .all = true}));
  world.Done(first);
  EXPECT_THAT(Backup("b1").copies, IsEmpty());
  const SendTask last = world.TakeSent();
  EXPECT_EQ(TaskOf<domain::DeleteBackupTask>(last),
            (domain::DeleteBackupTask{.backup = {"acme", "b1"}, .all = true}));
  world.Done(last);
  EXPECT_EQ(Backup("b1").id, "");
}

TEST_F(Copies, KeyBesideCopiesStaysWhileAnotherCopyNeedsIt) {
  MakeCopied("b1");
  MakeCopied("b2");
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  EXPECT_FALSE(TaskOf<domain::DeleteBackupTask>(world.sent.front()).all);
}

TEST_F(Copies, HeldBackupKeepsItsCopies) {
  MakeCopied("b1");
  ASSERT_TRUE(world.Call(HoldBackup{.tenant = "acme", .backup = "b1", .reason = "case 17"}).ok());
  EXPECT_EQ(world.Refusal(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"}),
            "BACKUP_HELD");
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

TEST_F(Copies, PurgeEmptiesEveryStoreAndItsRecordNamesEachCopyAndKey) {
  world.Begin(NewRetirement("acme", "final"));
  world.Settle();
  RunSchedule();
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  std::vector<std::string> emptied;
  while (!world.sent.empty()) {
    const SendTask task = world.TakeSent();
    if (KindOf(task) == TaskKind::kDeleteBackup) {
      EXPECT_TRUE(TaskOf<domain::DeleteBackupTask>(task).all);
      emptied.push_back(TaskOf<domain::DeleteBackupTask>(task).store);
    }
    world.Done(task);
  }
  EXPECT_THAT(emptied, ElementsAre("", "s9"));
  world.Settle();
  ASSERT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  const auto erasure = *world.catalog().GetErasure("acme");
  ASSERT_TRUE(erasure.has_value());
  EXPECT_THAT(erasure->statement, AllOf(HasSubstr("backup final in store s1,"),
                                        HasSubstr("backup final, copy in store s9: deleted"),
                                        HasSubstr("data key uidacme, copy in store s1: destroyed"),
                                        HasSubstr("data key uidacme, copy in store s9: destroyed")));
  EXPECT_THAT(world.Due(), IsEmpty());
}

TEST_F(Copies, PurgeIsRefusedWhileTheStoreOfACopyIsReachedByNobody) {
  world.Begin(NewRetirement("acme", "final"));
  world.Settle();
  RunSchedule();
  world.Settle();
  Join("h1", {"s1"});
  Join("h2", {});
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "STORE_UNREACHABLE");
}

// --- What a check of the fleet misses.

TEST_F(Copies, CopyTakesThePlaceOfABackupThatIsNotInItsStore) {
  MakeCopied("b1");
  RepairTenant repair{.operation = "op-f"};
  repair.repair = {
      .kind = domain::FleetRepair::Kind::kForgetBackup, .tenant = "acme", .uid = "uidacme", .backup = "b1"};
  ASSERT_TRUE(world.Call(repair).ok());
  EXPECT_EQ(Backup("b1").store, "s9");
  EXPECT_EQ(Backup("b1").state, BackupState::kAvailable);
  EXPECT_THAT(Backup("b1").copies, IsEmpty());
}

TEST_F(Copies, CopyThatIsNotInItsStoreIsCopiedAgain) {
  MakeCopied("b1");
  RepairTenant repair{.operation = "op-f"};
  repair.repair = {.kind = domain::FleetRepair::Kind::kForgetCopy,
                   .tenant = "acme",
                   .uid = "uidacme",
                   .backup = "b1",
                   .store = "s9"};
  ASSERT_TRUE(world.Call(repair).ok());
  EXPECT_EQ(CopyOf("b1").state, BackupState::kFailed);
  RunSchedule();
  world.Settle();
  EXPECT_EQ(CopyOf("b1").state, BackupState::kAvailable);
}

}  // namespace
}  // namespace croft::engine
