// What becomes of backups by what making, proving and restoring them finds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::BackupState;
using domain::FindingSeverity;
using domain::OperationState;
using domain::TaskKind;
using domain::TenantState;
using ::testing::HasSubstr;

constexpr auto kNote = FindingSeverity::kNote;
constexpr auto kMissing = FindingSeverity::kMissing;
constexpr auto kDifferent = FindingSeverity::kDifferent;

class Verdicts : public ::testing::Test {
 protected:
  Verdicts() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }
  void BackUp(const std::string& id) {
    world.Begin(NewBackup("acme", id));
    world.Settle();
    world.Pass(absl::Seconds(1));
  }
  SendTask Verify(const std::string& id) {
    world.Begin(VerifyBackup{.operation = "op-verify-" + id, .tenant = "acme", .backup = id});
    return world.TakeSent();
  }
  BackupState StateOf(const std::string& id) { return world.Backup("acme", id).state; }
  RestoreTenant Restore(const std::string& id) {
    return {.operation = "op-restore-" + id, .tenant = "acme", .backup = id};
  }

  World world;
};

TEST_F(Verdicts, WhatMakingABackupFindsIsOnTheBackupAndAWarning) {
  world.Begin(NewBackup("acme", "b1"));
  const SendTask task = world.TakeSent();
  world.Post(TaskReport{.host = task.host,
                        .fencing = task.fencing,
                        .outcome = BackedUp{.size_bytes = 1, .findings = World::Found({kMissing, kNote})}});
  EXPECT_EQ(world.Operation("op-backup-b1").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Operation("op-backup-b1").warnings, World::Found({kMissing, kNote}));
  EXPECT_EQ(StateOf("b1"), BackupState::kAvailable);
  EXPECT_EQ(domain::FindingsOf(world.Backup("acme", "b1")).count, 2);
  // The proof says what really restores.
  world.Proves(Verify("b1"), {});
  EXPECT_EQ(domain::FindingsOf(world.Backup("acme", "b1")).count, 1);
  EXPECT_EQ(StateOf("b1"), BackupState::kVerifiedWithNotes);
}

TEST_F(Verdicts, AProofMakesABackupWhatItFound) {
  for (const char* id : {"b1", "b2", "b3", "b4"}) BackUp(id);
  world.Proves(Verify("b1"), {});
  world.Proves(Verify("b2"), {kNote});
  world.Proves(Verify("b3"), {kNote, kMissing});
  world.Proves(Verify("b4"), {kMissing, kDifferent});
  EXPECT_EQ(StateOf("b1"), BackupState::kVerified);
  EXPECT_EQ(StateOf("b2"), BackupState::kVerifiedWithNotes);
  EXPECT_EQ(StateOf("b3"), BackupState::kIncomplete);
  EXPECT_EQ(StateOf("b4"), BackupState::kDamaged);
  EXPECT_EQ(world.Operation("op-verify-b2").state, OperationState::kSucceeded);
  const domain::Operation incomplete = world.Operation("op-verify-b3");
  EXPECT_EQ(incomplete.state, OperationState::kFailed);
  EXPECT_EQ(incomplete.error->reason, "BACKUP_INCOMPLETE");
  EXPECT_THAT(incomplete.error->message, HasSubstr("TABLE b"));
  EXPECT_EQ(incomplete.warnings.count, 2);
  const domain::Operation damaged = world.Operation("op-verify-b4");
  EXPECT_EQ(damaged.state, OperationState::kFailed);
  EXPECT_EQ(damaged.error->reason, "BACKUP_DAMAGED");
  EXPECT_THAT(damaged.error->message, HasSubstr("TABLE b"));
}

TEST_F(Verdicts, AnArchiveThatCannotBeReadIsDamagedAndAnOutageSaysNothing) {
  BackUp("b1");
  world.Fails(Verify("b1"), "ARCHIVE_DAMAGED", false);
  EXPECT_EQ(StateOf("b1"), BackupState::kDamaged);
  BackUp("b2");
  world.Fails(Verify("b2"), "SCRATCH_NOT_MADE", false);
  EXPECT_EQ(StateOf("b2"), BackupState::kAvailable);
}

TEST_F(Verdicts, AnotherProofCanFindBetter) {
  BackUp("b1");
  world.Proves(Verify("b1"), {kMissing});
  world.Begin(VerifyBackup{.operation = "op-again", .tenant = "acme", .backup = "b1"});
  world.Proves(world.TakeSent(), {});
  EXPECT_EQ(StateOf("b1"), BackupState::kVerified);
  EXPECT_EQ(domain::FindingsOf(world.Backup("acme", "b1")).count, 0);
}

TEST_F(Verdicts, TheLatestIsTheNewestProvenOneElseTheNewestAvailable) {
  BackUp("b1");
  BackUp("b2");
  EXPECT_EQ(world.Tenant("acme").last_backup, "b2");
  world.Proves(Verify("b1"), {kNote});
  EXPECT_EQ(world.Tenant("acme").last_backup, "b1");
  world.Proves(Verify("b2"), {kMissing});
  BackUp("b3");
  EXPECT_EQ(world.Tenant("acme").last_backup, "b1");
  world.Proves(Verify("b3"), {});
  EXPECT_EQ(world.Tenant("acme").last_backup, "b3");
  world.Begin(VerifyBackup{.operation = "op-again", .tenant = "acme", .backup = "b3"});
  world.Proves(world.TakeSent(), {kDifferent});
  EXPECT_EQ(world.Tenant("acme").last_backup, "b1");
}

TEST_F(Verdicts, AnIncompleteBackupIsRestoredOnlyWhereThatIsAllowed) {
  BackUp("b1");
  world.Proves(Verify("b1"), {kMissing});
  const auto refused = world.Call(Restore("b1"));
  EXPECT_EQ(DetailsOf(refused.status()).reason, "BACKUP_INCOMPLETE");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("TABLE a"));
  RestoreTenant allowed = Restore("b1");
  allowed.allow_incomplete = true;
  world.Begin(allowed);
  const SendTask task = world.TakeSent();
  EXPECT_TRUE(TaskOf<domain::RestoreTask>(task).allow_incomplete);
  world.Post(TaskReport{.host = task.host,
                        .fencing = task.fencing,
                        .outcome = Restored{.findings = World::Found({kMissing})}});
  world.Settle();
  EXPECT_EQ(world.Operation("op-restore-b1").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Operation("op-restore-b1").warnings, World::Found({kMissing}));
}

TEST_F(Verdicts, ARestoreOfAPartSaysOnlyWhatItsAgentSays) {
  world.Begin(NewBackup("acme", "b1"));
  const SendTask made = world.TakeSent();
  world.Post(TaskReport{.host = made.host,
                        .fencing = made.fencing,
                        .outcome = BackedUp{.size_bytes = 1, .findings = World::Found({kNote})}});
  RestoreTenant part{.operation = "op-part", .tenant = "acme", .backup = "b1", .only = {"public.orders"}};
  part.as_new = NewTenant("copy").tenant;
  world.Begin(part);
  const SendTask task = world.TakeSent();
  world.Post(TaskReport{.host = task.host, .fencing = task.fencing, .outcome = Restored{}});
  world.Settle();
  EXPECT_EQ(world.Operation("op-part").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Operation("op-part").warnings.count, 0);
}

TEST_F(Verdicts, ARestoreRepeatsWhatWasNotedWhenTheBackupWasMade) {
  world.Begin(NewBackup("acme", "b1"));
  const SendTask made = world.TakeSent();
  world.Post(TaskReport{.host = made.host,
                        .fencing = made.fencing,
                        .outcome = BackedUp{.size_bytes = 1, .findings = World::Found({kMissing, kNote})}});
  world.Begin(Restore("b1"));
  const SendTask task = world.TakeSent();
  world.Post(TaskReport{.host = task.host, .fencing = task.fencing, .outcome = Restored{}});
  world.Settle();
  const domain::Operation restored = world.Operation("op-restore-b1");
  EXPECT_EQ(restored.state, OperationState::kSucceeded);
  ASSERT_EQ(restored.warnings.count, 1);
  EXPECT_EQ(restored.warnings.listed.front().severity, kNote);
}

TEST_F(Verdicts, ADamagedBackupIsNeverRestored) {
  BackUp("b1");
  world.Proves(Verify("b1"), {kDifferent});
  RestoreTenant restore = Restore("b1");
  EXPECT_EQ(world.Refusal(restore), "BACKUP_DAMAGED");
  restore.allow_incomplete = true;
  EXPECT_EQ(world.Refusal(restore), "BACKUP_DAMAGED");
}

TEST_F(Verdicts, ARestoreThatFailsSaysWhatTheBackupIs) {
  BackUp("b1");
  world.Begin(Restore("b1"));
  world.Reports(world.TakeSent(),
                {"BACKUP_INCOMPLETE", "a view", false, Cause::kRefusal, World::Found({kMissing})});
  world.Settle();
  EXPECT_EQ(world.Operation("op-restore-b1").state, OperationState::kFailed);
  EXPECT_EQ(world.Operation("op-restore-b1").warnings, World::Found({kMissing}));
  EXPECT_EQ(StateOf("b1"), BackupState::kIncomplete);
  BackUp("b2");
  world.Begin(Restore("b2"));
  world.Reports(world.TakeSent(), {"CONTENT_DIFFERS", "rows", false, Cause::kRefusal, {}});
  world.Settle();
  EXPECT_EQ(StateOf("b2"), BackupState::kDamaged);
}

TEST_F(Verdicts, WhatOneHostLacksDoesNotTakeAProofBack) {
  BackUp("b1");
  world.Proves(Verify("b1"), {});
  world.Begin(Restore("b1"));
  world.Reports(world.TakeSent(),
                {"BACKUP_INCOMPLETE", "an extension", false, Cause::kRefusal, World::Found({kMissing})});
  world.Settle();
  EXPECT_EQ(StateOf("b1"), BackupState::kVerified);
}

TEST_F(Verdicts, AFinalBackupWithNotesIsAProofAndAnIncompleteOneIsNot) {
  world.Begin(NewRetirement("acme", "f1"));
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  world.Proves(world.TakeSent(), {kMissing});
  EXPECT_EQ(world.Operation("op-retire-f1").state, OperationState::kFailed);
  const auto refused = world.Call(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_EQ(DetailsOf(refused.status()).reason, "BACKUP_NOT_PROVEN");
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("--accept-incomplete tenants/acme/backups/f1"));
  world.Begin(NewRetirement("acme", "f2"));
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  world.Proves(world.TakeSent(), {kNote});
  EXPECT_EQ(world.Operation("op-retire-f2").state, OperationState::kSucceeded);
  world.Begin(PurgeTenant{.operation = "op-q", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Verdicts, AcceptingTheIncompleteFinalBackupIsAProofAndIsRecorded) {
  BackUp("b1");
  world.Proves(Verify("b1"), {kMissing});
  world.Begin(NewRetirement("acme", "f1"));
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  world.Proves(world.TakeSent(), {kMissing});
  PurgeTenant purge{.operation = "op-p", .tenant = "acme", .accepted_backup = "b1", .confirmed = true};
  EXPECT_EQ(world.Refusal(purge), "BACKUP_NOT_ACCEPTABLE");
  purge.accepted_backup = "b9";
  EXPECT_EQ(world.Refusal(purge), "BACKUP_NOT_FOUND");
  purge.accepted_backup = "f1";
  world.Begin(purge);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  const domain::Operation operation = world.Operation("op-p");
  EXPECT_EQ(operation.backup, "f1");
  EXPECT_EQ(domain::Details<domain::PurgeDetails>(operation).waiver,
            "accepted tenants/acme/backups/f1, which is INCOMPLETE");
  EXPECT_EQ(operation.warnings, World::Found({kMissing}));
}

}  // namespace
}  // namespace croft::engine
