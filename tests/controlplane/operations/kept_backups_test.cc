// Backups with a name, backups under legal hold, and the record of what a purge has destroyed.

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::BackupState;
using domain::TenantState;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class KeptBackups : public ::testing::Test {
 protected:
  KeptBackups() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }
  CreateBackup Named(const std::string& id, const std::string& name) {
    CreateBackup create = NewBackup("acme", id);
    create.given_name = name;
    create.note = "schema 118";
    return create;
  }
  void Make(const CreateBackup& create) {
    world.Begin(create);
    world.Settle();
  }
  absl::Status Hold(const std::string& backup, const std::string& reason = "case 17") {
    return world.Call(HoldBackup{.tenant = "acme", .backup = backup, .reason = reason}).status();
  }
  absl::Status Release(const std::string& backup) {
    return world.Call(ReleaseBackup{.tenant = "acme", .backup = backup}).status();
  }
  void Retire() {
    world.Begin(NewRetirement("acme", "final"));
    world.Settle();
    ASSERT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  }
  PurgeTenant Purge() { return {.operation = "op-p", .tenant = "acme", .confirmed = true}; }
  domain::Backup Backup(const std::string& id) { return world.Backup("acme", id); }
  std::vector<std::string> EventTypes() {
    std::vector<std::string> types;
    const catalog::EventPage page = *world.catalog().ListEvents({});
    for (const domain::FleetEvent& event : page.events) {
      if (event.type.ends_with(".held") || event.type.ends_with(".released")) types.push_back(event.type);
    }
    return types;
  }

  World world;
};

// --- Names.

TEST_F(KeptBackups, NameStandsForTheIdInEveryRequest) {
  Make(Named("b1", "before-2.4"));
  EXPECT_EQ(Backup("b1").given_name, "before-2.4");
  EXPECT_EQ(Backup("b1").note, "schema 118");
  Make(NewBackup("acme", "b2"));
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "before-2.4"});
  world.Settle();
  EXPECT_EQ(Backup("b1").state, BackupState::kVerified);
  EXPECT_EQ(Backup("b2").state, BackupState::kAvailable);
  const domain::Operation restore =
      world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "before-2.4"});
  EXPECT_EQ(restore.backup, "b1");
  world.Settle();
  const domain::Operation deleted =
      world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "before-2.4"});
  EXPECT_EQ(deleted.backup, "b1");
  world.Settle();
  EXPECT_EQ(Backup("b1").id, "");
  EXPECT_EQ(world.Refusal(VerifyBackup{.operation = "op-v2", .tenant = "acme", .backup = "before-2.4"}),
            "BACKUP_NOT_FOUND");
}

TEST_F(KeptBackups, NameIsOneBackupsOfItsTenantUntilThatIsGone) {
  Make(Named("b1", "before-2.4"));
  const absl::Status taken = world.Call(Named("b2", "before-2.4")).status();
  EXPECT_EQ(DetailsOf(taken).reason, "BACKUP_EXISTS");
  EXPECT_THAT(std::string(taken.message()), HasSubstr("tenants/acme/backups/b1"));
  world.Begin(NewTenant("globex"));
  world.Settle();
  CreateBackup other = NewBackup("globex", "b9");
  other.given_name = "before-2.4";
  Make(other);
  EXPECT_EQ(world.Backup("globex", "b9").given_name, "before-2.4") << "another tenant's is another one";
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "before-2.4"});
  world.Settle();
  Make(Named("b3", "before-2.4"));
  EXPECT_EQ(Backup("b3").given_name, "before-2.4");
}

TEST_F(KeptBackups, BackupThatCouldNotBeMadeGivesItsNameBack) {
  world.Begin(Named("b1", "before-2.4"));
  world.Fails(world.TakeSent(), "PERMISSION_DENIED", false);
  world.Settle();
  ASSERT_EQ(Backup("b1").state, BackupState::kFailed);
  EXPECT_EQ(Backup("b1").given_name, "");
  Make(Named("b2", "before-2.4"));
  EXPECT_EQ(Backup("b2").state, BackupState::kAvailable);
}

// --- Legal holds.

TEST_F(KeptBackups, HoldSaysWhoWhenAndWhyAndIsTold) {
  Make(Named("b1", "before-2.4"));
  world.Pass(absl::Minutes(1));
  ASSERT_TRUE(Hold("before-2.4").ok());
  EXPECT_EQ(Backup("b1").hold,
            (domain::LegalHold{.time = world.now, .caller = "admin", .reason = "case 17"}));
  const absl::Status again = Hold("b1", "another reason");
  EXPECT_EQ(DetailsOf(again).reason, "BACKUP_HELD");
  EXPECT_THAT(std::string(again.message()), HasSubstr("by admin (case 17)"));
  ASSERT_TRUE(Release("b1").ok());
  EXPECT_EQ(Backup("b1").hold, domain::LegalHold());
  EXPECT_EQ(DetailsOf(Release("b1")).reason, "BACKUP_NOT_HELD");
  EXPECT_THAT(EventTypes(), ElementsAre("croft.backup.held", "croft.backup.released"));
  const std::vector<domain::AuditRow> rows = *world.catalog().ListAuditBefore(INT64_MAX, 1);
  EXPECT_EQ(rows.front().event.resource, "tenants/acme/backups/b1 tenants/acme");
}

TEST_F(KeptBackups, AnswerIsTheBackupAsItIsThen) {
  Make(NewBackup("acme", "b1"));
  const auto answer = world.Call(HoldBackup{.tenant = "acme", .backup = "b1", .reason = "case 17"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto* backup = std::get_if<domain::Backup>(&*answer);
  ASSERT_NE(backup, nullptr);
  EXPECT_EQ(*backup, Backup("b1"));
}

TEST_F(KeptBackups, HeldOneIsNotDeletedByAnybody) {
  Make(NewBackup("acme", "b1"));
  ASSERT_TRUE(Hold("b1").ok());
  EXPECT_EQ(world.Refusal(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"}),
            "BACKUP_HELD");
  ASSERT_TRUE(Release("b1").ok());
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  world.Settle();
  EXPECT_EQ(Backup("b1").id, "");
}

TEST_F(KeptBackups, PurgeIsRefusedWhileOneIsHeldAndNamesThem) {
  Make(NewBackup("acme", "b1"));
  Make(NewBackup("acme", "b2"));
  ASSERT_TRUE(Hold("b1").ok());
  Retire();
  const absl::Status refused = world.Call(Purge()).status();
  EXPECT_EQ(DetailsOf(refused).reason, "BACKUP_HELD");
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("tenants/acme/backups/b1"), HasSubstr("croftctl backup release"),
                    Not(HasSubstr("backups/b2"))));
  PurgeTenant waived = Purge();
  waived.waiver = "I want to";
  EXPECT_EQ(world.Refusal(waived), "BACKUP_HELD") << "a reason does not lift a hold";
  ASSERT_TRUE(Release("b1").ok());
  world.Begin(Purge());
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(KeptBackups, WhatIsNotStoredOrIsBeingDeletedCannotBeHeld) {
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_EQ(DetailsOf(Hold("b1")).reason, "BACKUP_NOT_USABLE");
  world.Settle();
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  EXPECT_EQ(DetailsOf(Hold("b1")).reason, "BACKUP_NOT_USABLE");
  world.Settle();
  EXPECT_EQ(DetailsOf(Hold("b1")).reason, "BACKUP_NOT_FOUND");
}

TEST_F(KeptBackups, PurgeThatHasBegunIsNotStoppedByAHold) {
  Make(NewBackup("acme", "b1"));
  Retire();
  world.Begin(Purge());
  EXPECT_EQ(DetailsOf(Hold("b1")).reason, "TENANT_BUSY");
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(KeptBackups, AStaleEtagIsRefused) {
  Make(NewBackup("acme", "b1"));
  HoldBackup hold{.tenant = "acme", .backup = "b1", .etag = "99", .reason = "case 17"};
  EXPECT_EQ(world.Refusal(hold), "ETAG_MISMATCH");
  hold.etag = std::to_string(Backup("b1").version);
  EXPECT_TRUE(world.Call(hold).ok());
}

// --- The record of a purge.

TEST_F(KeptBackups, PurgeLeavesARecordOfWhatItDestroyed) {
  Make(NewBackup("acme", "b1"));
  Retire();
  EXPECT_EQ(*world.catalog().GetErasure("acme"), std::nullopt);
  world.Begin(Purge());
  world.Settle();
  const std::optional<domain::Erasure> record = *world.catalog().GetErasure("acme");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(*world.catalog().GetErasure("uidacme"), record);
  EXPECT_EQ(record->tenant, "acme");
  EXPECT_EQ(record->operation, "op-p");
  EXPECT_THAT(
      record->statement,
      AllOf(
          HasSubstr("croft erasure record\ntenant tenants/acme\nuid uidacme\noperation operations/op-p\n"),
          HasSubstr("\npurged by admin since "), HasSubstr("\ndatabase t_acme_g1 on hosts/h1: dropped\n"),
          HasSubstr("\nbackup b1 in store s1, 10 bytes, sha256 ab: deleted\n"),
          HasSubstr("\nbackup final in store s1, 10 bytes, sha256 ab: deleted\n"),
          HasSubstr("\ndata key uidacme, copy in store s1: destroyed\n"),
          HasSubstr("\ndata key uidacme, in the key store: destroyed\n")));
}

TEST_F(KeptBackups, RecordNamesTheDatabasesOfAHostThatWasNotReached) {
  world.Join("h2");
  Make(NewBackup("acme", "b1"));
  Retire();
  const std::string home = world.Tenant("acme").placement.host;
  world.Post(HostLost{home});
  ASSERT_TRUE(world.Call(AcceptMissingHost{home}).ok());
  PurgeTenant purge = Purge();
  purge.waiver = "the host is gone";
  world.Begin(purge);
  world.Settle();
  const std::optional<domain::Erasure> record = *world.catalog().GetErasure("acme");
  ASSERT_TRUE(record.has_value());
  EXPECT_THAT(record->statement,
              AllOf(HasSubstr("on hosts/" + home + ": not reached"), Not(HasSubstr("dropped")),
                    HasSubstr("\nwithout a proven backup: the host is gone\n")));
}

TEST_F(KeptBackups, EveryPurgeOfAnIdHasItsOwnRecord) {
  Retire();
  world.Begin(Purge());
  world.Settle();
  world.Pass(absl::Minutes(1));
  CreateTenant again = NewTenant("acme");
  again.operation = "op-create-2";
  again.tenant.uid = "uidsecond";
  world.Begin(again);
  world.Settle();
  RetireTenant retire = NewRetirement("acme", "final2");
  retire.final_backup.tenant_uid = "uidsecond";
  world.Begin(retire);
  world.Settle();
  PurgeTenant purge = Purge();
  purge.operation = "op-p2";
  world.Begin(purge);
  world.Settle();
  EXPECT_EQ((*world.catalog().GetErasure("acme"))->uid, "uidsecond");
  EXPECT_EQ((*world.catalog().GetErasure("uidacme"))->operation, "op-p");
}

// --- Exports.

TEST_F(KeptBackups, ExportChangesNothingAndIsAuditedAndTold) {
  Make(Named("b1", "before-2.4"));
  const domain::Backup before = Backup("b1");
  const auto answer = world.Call(ExportBackup{.tenant = "acme", .backup = "before-2.4"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(std::get<domain::Backup>(*answer), before);
  EXPECT_EQ(Backup("b1"), before);
  const domain::FleetEvent event = world.catalog().ListEvents({})->events.back();
  EXPECT_EQ(event.type, "croft.tenant.exported");
  EXPECT_EQ(event.subject, "tenants/acme");
  EXPECT_EQ(event.tenant_uid, before.tenant_uid);
  EXPECT_EQ(event.host, "h1");
  EXPECT_EQ(event.data, (std::map<std::string, std::string>{{"backup", "tenants/acme/backups/b1"},
                                                            {"caller", "admin"}}));
  const std::vector<domain::AuditRow> rows = *world.catalog().ListAuditBefore(INT64_MAX, 1);
  EXPECT_EQ(rows.front().event.resource, "tenants/acme/backups/b1 tenants/acme");
}

TEST_F(KeptBackups, WhatIsNotWholeOrDamagedOrBeingDeletedIsNotExported) {
  const auto refusal = [&](const std::string& backup) {
    return world.Refusal(ExportBackup{.tenant = "acme", .backup = backup});
  };
  EXPECT_EQ(refusal("b1"), "BACKUP_NOT_FOUND");
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_EQ(refusal("b1"), "BACKUP_NOT_USABLE") << "it is being made";
  world.Settle();
  world.Begin(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"});
  EXPECT_NE(refusal("b1"), "");
  world.Settle();
  Make(NewBackup("acme", "b2"));
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b2"});
  world.Fails(world.TakeSent(), "ARCHIVE_DAMAGED", false);
  world.Settle();
  ASSERT_EQ(Backup("b2").state, BackupState::kDamaged);
  EXPECT_EQ(refusal("b2"), "BACKUP_DAMAGED");
}

}  // namespace
}  // namespace croft::engine
