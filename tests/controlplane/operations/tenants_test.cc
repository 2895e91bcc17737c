#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::OperationState;
using domain::SuspendMode;
using domain::TaskKind;
using domain::TenantState;
using ::testing::ElementsAre;

class Tenants : public ::testing::Test {
 protected:
  Tenants() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }
  std::vector<TaskKind> RunAndList() {
    std::vector<TaskKind> kinds;
    while (!world.sent.empty()) {
      kinds.push_back(KindOf(world.sent.front()));
      world.Done(world.TakeSent());
    }
    return kinds;
  }
  World world;
};

TEST_F(Tenants, IdsAreTakenUntilThePurge) {
  EXPECT_EQ(world.Refusal(NewTenant("acme")), "TENANT_EXISTS");
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  EXPECT_EQ(world.Refusal(NewTenant("acme")), "TENANT_EXISTS");
}

TEST_F(Tenants, IfMissingAnswersTheOperationThatMadeIt) {
  CreateTenant again = NewTenant("acme");
  again.operation = "op-again";
  again.if_missing = true;
  EXPECT_EQ(world.Begin(again).id, "op-create-acme");
}

TEST_F(Tenants, AReusedIdGoesOnAboveTheTombstonesGeneration) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-purge", .tenant = "acme", .confirmed = true});
  world.Settle();
  ASSERT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  const int64_t generation = world.Tenant("acme").last_generation;
  world.Begin(NewTenant("acme"));
  EXPECT_EQ(world.Tenant("acme").placement.generation, generation + 1);
}

TEST_F(Tenants, AliasesAreUniqueOverAliasesAndIds) {
  CreateTenant globex = NewTenant("globex");
  globex.tenant.aliases = {"shop.example.com"};
  world.Begin(globex);
  EXPECT_EQ(world.Refusal(UpdateTenant{
                .tenant = "acme",
                .update = With<&domain::Tenant::aliases>(std::vector<std::string>{"shop.example.com"})}),
            "ALIAS_TAKEN");
  EXPECT_EQ(
      world.Refusal(UpdateTenant{
          .tenant = "acme", .update = With<&domain::Tenant::aliases>(std::vector<std::string>{"globex"})}),
      "ALIAS_TAKEN");
  CreateTenant shop = NewTenant("shop");
  shop.tenant.aliases = {"acme"};
  EXPECT_EQ(world.Refusal(shop), "ALIAS_TAKEN");
}

TEST_F(Tenants, LabelsChangeWhileTheTenantIsBusy) {
  world.Begin(NewRotation("acme", "1"));
  ASSERT_TRUE(
      world.Call(UpdateTenant{.tenant = "acme", .update = {.label_edits = {{"app", "shop"}}}}).ok());
  EXPECT_EQ(world.Tenant("acme").labels.at("app"), "shop");
}

TEST_F(Tenants, AStaleEtagIsRefused) {
  const std::string etag = std::to_string(world.Tenant("acme").version);
  ASSERT_TRUE(world
                  .Call(UpdateTenant{
                      .tenant = "acme", .etag = etag, .update = With<&domain::Tenant::display_name>("A")})
                  .ok());
  EXPECT_EQ(world.Refusal(UpdateTenant{
                .tenant = "acme", .etag = etag, .update = With<&domain::Tenant::display_name>("B")}),
            "ETAG_MISMATCH");
}

TEST_F(Tenants, PartsOfQuotaAndSettingsAreChangedAlone) {
  int updates = 0;
  const auto update = [&](domain::TenantUpdate change) {
    const auto answer = world.Call(UpdateTenant{
        .operation = absl::StrCat("op-", ++updates), .tenant = "acme", .update = std::move(change)});
    EXPECT_TRUE(answer.ok()) << answer.status();
    world.Settle();
  };
  update(With<&domain::Tenant::quota, &domain::Quota::connections>(20));
  update(With<&domain::Tenant::quota, &domain::Quota::statement_timeout>(absl::Seconds(3)));
  EXPECT_EQ(world.Tenant("acme").quota,
            (domain::Quota{.connections = 20, .statement_timeout = absl::Seconds(3)}));
  update(With<&domain::Tenant::settings>(R"({"a":1})"));
  update({.settings_edits = {{"b", R"(["x"])"}}});
  EXPECT_EQ(world.Tenant("acme").settings, R"({"a":1,"b":["x"]})");
  update({.settings_edits = {{"a", std::nullopt}}});
  EXPECT_EQ(world.Tenant("acme").settings, R"({"b":["x"]})");
  update({.settings_edits = {{"b", std::nullopt}}});
  EXPECT_EQ(world.Tenant("acme").settings, "");
  const std::string half(40 << 10, 'x');
  update({.settings_edits = {{"a", '"' + half + '"'}}});
  EXPECT_EQ(world.Refusal(
                UpdateTenant{.tenant = "acme", .update = {.settings_edits = {{"b", '"' + half + '"'}}}}),
            "INVALID_FIELD");
}

TEST_F(Tenants, PartsOfAHostsLimitsAreChangedAlone) {
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limit_connections = 7}).ok());
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limit_databases = 3}).ok());
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limit_reserve_bytes = 9}).ok());
  EXPECT_EQ(world.Host("h1").limits,
            (domain::HostLimits{.databases = 3, .connections = 7, .reserve_bytes = 9}));
}

TEST_F(Tenants, AFailedConfigureKeepsTheOldQuota) {
  const domain::Quota before = world.Tenant("acme").quota;
  ASSERT_TRUE(
      world
          .Call(UpdateTenant{.operation = "op-q",
                             .tenant = "acme",
                             .update = With<&domain::Tenant::quota>(domain::Quota{.connections = 70})})
          .ok());
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  EXPECT_EQ(world.sent.front().tenant.quota, before) << "the undo carries the old one";
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").quota, before);
}

TEST_F(Tenants, SuspendRefusesLookupsBeforeItFences) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kSuspended);
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kFence));
  world.Begin(ResumeTenant{.operation = "op-r", .tenant = "acme"});
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kSuspended) << "until it is proven open";
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kUnfence));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
}

TEST_F(Tenants, AFailedSuspendIsReadyAgain) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("acme").suspend_mode, SuspendMode::kNone);
}

TEST_F(Tenants, RetireUndeleteReturnsToTheStateBefore) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = SuspendMode::kReadOnly});
  world.Settle();
  world.Begin(NewRetirement("acme", "b1"));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kVerified);
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  EXPECT_THAT(TaskOf<domain::UnfenceTask>(world.sent.front()).logins, ElementsAre("t_acme_ra"));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kSuspended);
  EXPECT_FALSE(world.Tenant("acme").purge_time);
}

TEST_F(Tenants, PurgeNeedsAProofMadeAfterTheFence) {
  world.Begin(NewBackup("acme", "manual"));
  world.Settle();
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "manual"});
  world.Settle();
  world.Begin(NewRetirement("acme", "final"));
  world.Done(world.TakeSent());                           // fence
  for (int i = 0; i < 100 && !world.sent.empty(); ++i) {  // the final backup never works
    world.Fails(world.TakeSent(), "ARCHIVE_DAMAGED", false);
    world.Pass(absl::Minutes(2));
  }
  EXPECT_EQ(world.Operation("op-retire-final").state, OperationState::kFailed);
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "BACKUP_NOT_PROVEN");
  world.Begin(NewRetirement("acme", "final2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Tenants, AnEarlierRetirementsProofDoesNotCount) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Pass(absl::Minutes(1));
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  world.Settle();
  world.Pass(absl::Minutes(1));
  world.Begin(NewRetirement("acme", "b2"));
  world.Done(world.TakeSent());  // fenced, not yet backed up
  world.Pass(absl::Minutes(1));
  for (int i = 0; i < 100 && !world.sent.empty(); ++i) {
    world.Fails(world.TakeSent(), "ARCHIVE_DAMAGED", false);
    world.Pass(absl::Minutes(2));
  }
  world.Begin(VerifyBackup{.operation = "op-v", .tenant = "acme", .backup = "b1"});
  world.Settle();
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "BACKUP_NOT_PROVEN");
}

TEST_F(Tenants, AWaiverIsRecorded) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Fails(world.TakeSent(), "X", true);
  world.Pass(absl::Hours(24 * 8));
  world.Settle();
  const domain::Operation purge = world.Begin(
      PurgeTenant{.operation = "op-p", .tenant = "acme", .waiver = "test data", .confirmed = true});
  EXPECT_EQ(domain::Details<domain::PurgeDetails>(purge).waiver, "test data");
}

TEST_F(Tenants, PurgeErasesTheKeyLastAndGivesTheRoomBack) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kDrop, TaskKind::kDeleteBackup));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired) << "not before the key is gone";
  ASSERT_EQ(world.erasures.size(), 1u);
  EXPECT_EQ(world.erasures[0].uid, "uidacme");
  world.Restart();
  ASSERT_EQ(world.erasures.size(), 1u) << "asked for again after a crash";
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  EXPECT_TRUE(world.catalog().ListBackups("acme", {}, 10)->empty());
}

TEST_F(Tenants, RestoreInPlaceMovesThePlacementWhenTheNewOneIsOpen) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  EXPECT_EQ(world.sent.front().step.generation, 2);
  world.Done(world.TakeSent());
  EXPECT_EQ(world.Tenant("acme").placement.generation, 1);
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  EXPECT_EQ(world.Tenant("acme").placement.generation, 2);
  EXPECT_EQ(world.Tenant("acme").placement.database, "t_acme_g2");
  EXPECT_EQ(world.Host("h1").databases_reserved, 2) << "the undo copy keeps its room";
  world.Pass(absl::Hours(25));
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent.front()).databases, ElementsAre("t_acme_g1"));
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
}

TEST_F(Tenants, ADatabaseThatIsGoneIsRestoredInPlace) {
  int backups = 0;
  for (const char* reason : {"DATABASE_MISSING", "DATABASE_INVALID"}) {
    const std::string backup = absl::StrCat("b", ++backups);
    const int64_t generation = world.Tenant("acme").placement.generation;
    world.Begin(NewBackup("acme", backup));
    world.Settle();
    world.Begin(
        RestoreTenant{.operation = absl::StrCat("op-", backup), .tenant = "acme", .backup = backup});
    world.Done(world.TakeSent());
    ASSERT_EQ(KindOf(world.sent.front()), TaskKind::kFence);
    world.Fails(world.TakeSent(), reason, false);
    ASSERT_EQ(KindOf(world.sent.front()), TaskKind::kUnfence) << reason;
    world.Done(world.TakeSent());
    EXPECT_EQ(world.Tenant("acme").placement.generation, generation + 1) << reason;
  }
}

TEST_F(Tenants, WhatElseKeepsTheOldDatabaseOpenKeepsTheNewOneClosed) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Done(world.TakeSent());
  world.Fails(world.TakeSent(), "WRONG_DATABASE", false);
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kDrop, TaskKind::kUnfence));
  EXPECT_EQ(world.Tenant("acme").placement.generation, 1);
}

TEST_F(Tenants, ASuspendOfADatabaseThatIsGoneFails) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = domain::SuspendMode::kBlocked});
  world.Fails(world.TakeSent(), "DATABASE_MISSING", false);
  world.Settle();
  EXPECT_EQ(world.Operation("op-s").state, domain::OperationState::kFailed);
}

TEST_F(Tenants, AFailedRestoreInPlaceDropsTheNewBeforeItOpensTheOld) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Done(world.TakeSent());
  world.Done(world.TakeSent());
  world.Fails(world.TakeSent(), "LOGIN_REFUSED", false);
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kDrop, TaskKind::kUnfence));
  EXPECT_EQ(world.Tenant("acme").placement.generation, 1);
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
  // The generation that was tried is never used again.
  world.Begin(RestoreTenant{.operation = "op-r2", .tenant = "acme", .backup = "b1"});
  EXPECT_EQ(world.sent.front().step.generation, 3);
}

TEST_F(Tenants, ARestoreInPlaceWhoseUndoCouldNotDropKeepsTheRoomUntilItIsDropped) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Fails(world.TakeSent(), "SCHEMA_NOT_MADE", false);
  while (!world.sent.empty()) {
    world.Fails(world.TakeSent(), "DATABASE_BUSY", false);
    world.Pass(absl::Minutes(1));
  }
  EXPECT_EQ(world.Operation("op-r").state, domain::OperationState::kFailed);
  EXPECT_EQ(world.Host("h1").databases_reserved, 2);
  EXPECT_EQ(world.Host("h1").connections_reserved, 50) << "nobody connects to what is left";
  world.Pass(absl::Hours(25));
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kDrop));
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
  EXPECT_EQ(world.Host("h1").connections_reserved, 50);
}

TEST_F(Tenants, AQuotaDoesNotRiseAboveTheHostsLimit) {
  domain::HostLimits limits;
  limits.connections = 60;
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limits = limits}).ok());
  UpdateTenant update{.operation = "op-u", .tenant = "acme"};
  update.update.Set<&domain::Tenant::quota>() = domain::Quota{.connections = 61};
  EXPECT_EQ(world.Refusal(update), "QUOTA_EXCEEDS_HOST");
  EXPECT_EQ(world.Tenant("acme").quota.connections, 50);
  EXPECT_EQ(world.Host("h1").connections_reserved, 50);
  update.update.Set<&domain::Tenant::quota>().connections = 60;
  ASSERT_TRUE(world.Call(update).ok());
  world.Settle();
  EXPECT_EQ(world.Host("h1").connections_reserved, 60);
  // Less is never refused, also where the limit was lowered meanwhile.
  limits.connections = 10;
  ASSERT_TRUE(world.Call(UpdateHost{.host = "h1", .limits = limits}).ok());
  update.operation = "op-v";
  update.update.Set<&domain::Tenant::quota>().connections = 40;
  EXPECT_TRUE(world.Call(update).ok());
}

TEST_F(Tenants, APurgeTakesUndoCopiesAlong) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent.front()).databases,
              ElementsAre("t_acme_g1", "t_acme_g2"));
  world.Settle();
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  world.Pass(absl::Hours(48));
  EXPECT_TRUE(world.sent.empty());
}

TEST_F(Tenants, RestoreAsNewIsATenantOfItsOwn) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  RestoreTenant restore{
      .operation = "op-r", .tenant = "acme", .backup = "b1", .as_new = NewTenant("copy").tenant};
  world.Begin(restore);
  EXPECT_EQ(world.sent.front().backup_owner_role, "t_acme");
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "TENANT_BUSY");
  EXPECT_EQ(world.Refusal(DeleteBackup{.operation = "op-d", .tenant = "acme", .backup = "b1"}),
            "TENANT_BUSY");
  world.Settle();
  EXPECT_EQ(world.Tenant("copy").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
}

TEST_F(Tenants, RestoreOfATenantOnALostHostFencesNothing) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Join("h2");
  world.Post(HostLost{"h1"});
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kRestore, TaskKind::kUnfence));
  EXPECT_EQ(world.Tenant("acme").placement.host, "h2");
  EXPECT_EQ(world.Refusal(CreateJoinToken{.host = "h1"}), "HOST_MISSING");
}

TEST_F(Tenants, RotationKeepsTheOldLoginThroughTheOverlap) {
  world.Begin(NewRotation("acme", "1"));
  EXPECT_EQ(domain::PublishedCredential(world.Tenant("acme"), domain::LoginRole::kApp)->login, "t_acme_a");
  world.Settle();
  EXPECT_EQ(domain::PublishedCredential(world.Tenant("acme"), domain::LoginRole::kApp)->login, "t_acme_b");
  EXPECT_EQ(domain::PublishedCredential(world.Tenant("acme"), domain::LoginRole::kReadOnly)->login,
            "t_acme_rb");
  EXPECT_EQ(world.Refusal(NewRotation("acme", "2")), "ROTATION_UNDER_WAY");
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 4u);
  world.Pass(absl::Minutes(6));
  EXPECT_EQ(TaskOf<domain::RotateTask>(world.sent.front()), (domain::RotateTask{.login = "t_acme_a"}));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 2u);
  world.Begin(NewRotation("acme", "3"));
  EXPECT_EQ(TaskOf<domain::RotateTask>(world.sent.front()).login, "t_acme_a");
}

TEST_F(Tenants, AFailedRotationLeavesTheOldLoginPublished) {
  world.Begin(NewRotation("acme", "1"));
  world.Fails(world.TakeSent(), "LOGIN_REFUSED", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 2u);
  EXPECT_EQ(domain::PublishedCredential(world.Tenant("acme"), domain::LoginRole::kApp)->login, "t_acme_a");
}

TEST_F(Tenants, ReplacedLoginsEndAlsoWhereTheTenantMovedMeanwhile) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Join("h2");
  world.Begin(NewRotation("acme", "1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1", .host = "h2"});
  world.Settle();
  ASSERT_EQ(world.Tenant("acme").placement.host, "h2");
  world.Pass(absl::Minutes(6));
  EXPECT_EQ(world.sent.front().host, "h2");
}

TEST_F(Tenants, ReplacedLoginsAreNotClosedWhileTheTenantIsBeingOpened) {
  world.Begin(NewRotation("acme", "1"));
  world.Settle();
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  world.Settle();
  world.Begin(ResumeTenant{.operation = "op-u", .tenant = "acme"});
  const SendTask opening = world.TakeSent();
  world.Pass(absl::Minutes(6));
  EXPECT_TRUE(world.sent.empty()) << "the opening would let the old login in again";
  world.Done(opening);
  ASSERT_FALSE(world.sent.empty());
  EXPECT_EQ(TaskOf<domain::RotateTask>(world.sent.front()), (domain::RotateTask{.login = "t_acme_a"}));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 2u);
}

TEST_F(Tenants, BackupsOfAHostWithoutAStoreAreRefused) {
  domain::HostReport report = World::Report();
  report.stores.clear();
  world.Post(HostReported{"h1", report});
  EXPECT_EQ(world.Refusal(NewBackup("acme", "b1")), "NO_STORE");
}

TEST_F(Tenants, AnUndeleteThatFailedAfterTheDoorsOpenedVoidsTheProof) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Pass(absl::Minutes(1));
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  world.Fails(world.TakeSent(), "LOGIN_REFUSED", false);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "BACKUP_NOT_PROVEN");
  world.Begin(NewRetirement("acme", "b2"));
  world.Done(world.TakeSent());  // fenced again, not yet backed up
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "TENANT_BUSY");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b2").state, domain::BackupState::kVerified);
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Tenants, AnUndoCopyLeavesTheRolesWhereTheTenantLivesAgain) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Join("h2");
  world.Begin(RestoreTenant{.operation = "op-r1", .tenant = "acme", .backup = "b1", .host = "h2"});
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r2", .tenant = "acme", .backup = "b1", .host = "h1"});
  world.Settle();
  ASSERT_EQ(world.Tenant("acme").placement.host, "h1");
  world.Pass(absl::Hours(25));
  ASSERT_EQ(world.sent.size(), 2u);
  for (const SendTask& drop : world.sent)
    EXPECT_EQ(TaskOf<domain::DropTask>(drop).roles, drop.host != "h1") << drop.host;
}

TEST_F(Tenants, PurgeEmptiesEveryStoreThatHoldsBackups) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  domain::HostReport both = World::Report("s2");
  both.stores = {"s2", "s1"};
  world.Post(HostReported{"h1", both});
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_THAT(RunAndList(), ElementsAre(TaskKind::kDrop, TaskKind::kDeleteBackup, TaskKind::kDeleteBackup));
}

TEST_F(Tenants, AStoreThatNobodyReachesStopsAPurgeBeforeItBegins) {
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Post(HostReported{"h1", World::Report("s2")});
  EXPECT_EQ(world.Refusal(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true}),
            "STORE_UNREACHABLE");
}

TEST_F(Tenants, AFailedPurgeGivesBackTheCleanUpsItTookOver) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  world.Begin(NewRetirement("acme", "b2"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  for (int i = 0; i < 20 && world.Operation("op-p").state == OperationState::kRunning; ++i) {
    world.Fails(world.TakeSent(), "NOT_PERMITTED", false);
    world.Pass(absl::Minutes(2));
  }
  ASSERT_EQ(world.Operation("op-p").state, OperationState::kFailed);
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_THAT(TaskOf<domain::DropTask>(world.sent[0]).databases, ElementsAre("t_acme_g1"));
}

TEST_F(Tenants, LoginsThatWereOnALostHostDoNotStopTheNextRotation) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(NewRotation("acme", "1"));
  world.Settle();
  world.Join("h2");
  world.Post(HostLost{"h1"});
  world.Pass(absl::Minutes(6));
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  world.Begin(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 2u);
  EXPECT_EQ(world.Refusal(NewRotation("acme", "2")), "");
}

TEST_F(Tenants, AnExpiredTenantThatIsBroughtBackStays) {
  ASSERT_TRUE(
      world
          .Call(UpdateTenant{
              .tenant = "acme", .update = With<&domain::Tenant::expire_time>(world.now), .confirmed = true})
          .ok());
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Pass(absl::Minutes(1));
  world.Begin(UndeleteTenant{.operation = "op-u", .tenant = "acme"});
  world.Settle();
  EXPECT_FALSE(world.Tenant("acme").expire_time);
}

TEST_F(Tenants, TheLastBackupInAStoreTakesTheCopyOfTheKeyAlong) {
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  world.Begin(NewBackup("acme", "b2"));
  world.Settle();
  world.Begin(DeleteBackup{.operation = "op-d1", .tenant = "acme", .backup = "b1"});
  EXPECT_FALSE(TaskOf<domain::DeleteBackupTask>(world.sent.front()).all);
  world.Settle();
  world.Begin(DeleteBackup{.operation = "op-d2", .tenant = "acme", .backup = "b2"});
  EXPECT_TRUE(TaskOf<domain::DeleteBackupTask>(world.sent.front()).all);
}

}  // namespace
}  // namespace croft::engine
