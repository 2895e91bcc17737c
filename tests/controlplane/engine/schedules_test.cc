#include "controlplane/engine/schedules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/catalog/audit_chain.h"
#include "tests/controlplane/engine/schedule_world.h"

namespace croft::engine {
namespace {

using domain::ScheduleKey;
using domain::ScheduleKind;
using domain::TenantState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(Schedules, TenantExpiresAndIsPurgedByItself) {
  CreateExpiring("acme", absl::Hours(1));
  EXPECT_THAT(world.Due(), IsEmpty());
  Run(Expiry("acme"), Retirement("acme"));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady) << "it is not time yet";
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Due(), ElementsAre("EXPIRE tenants/acme"));
  Run(Expiry("acme"), Retirement("acme"));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  EXPECT_EQ(Find(Expiry("acme")), std::nullopt) << "an operation is at it";
  world.Settle();
  EXPECT_EQ(Find(PurgeOf("acme"))->next_time, world.Tenant("acme").purge_time);
  world.Pass(absl::Hours(24 * 8));
  const PurgeTenant purge{.operation = "op-purge", .tenant = "acme", .confirmed = true};
  Run(PurgeOf("acme"), RequestBody(purge));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  EXPECT_EQ(Find(PurgeOf("acme")), std::nullopt);
  EXPECT_THAT(AuditedMethods(), ElementsAre("TenantService/RetireTenant", "TenantService/PurgeTenant"));
}

TEST_F(Schedules, OneThatIsDueTwiceRunsOnce) {
  CreateExpiring("acme", absl::Hours(1));
  world.Pass(absl::Hours(1));
  Run(Expiry("acme"), Retirement("acme"));
  Run(Expiry("acme"), Retirement("acme"));
  EXPECT_THAT(AuditedMethods(), SizeIs(1));
}

TEST_F(Schedules, RefusalIsKeptAndTriedAgainEverMoreRarely) {
  CreateExpiring("acme", absl::Hours(1));
  world.Pass(absl::Hours(1));
  const absl::Status missing =
      MakeError(absl::StatusCode::kNotFound, "the data key is gone", {.reason = "KEY_MISSING"});
  for (const int seconds : {5, 10, 20, 40}) {
    Run(Expiry("acme"), missing);
    const domain::Schedule refused = *Find(Expiry("acme"));
    EXPECT_EQ(refused.next_time, world.now + absl::Seconds(seconds));
    EXPECT_EQ(refused.refusal_reason, "KEY_MISSING");
    EXPECT_EQ(refused.refusal_message, "the data key is gone");
    world.Pass(absl::Seconds(seconds));
  }
  for (int i = 0; i < 20; ++i) {
    Run(Expiry("acme"), missing);
    world.now = Find(Expiry("acme"))->next_time;
  }
  Run(Expiry("acme"), missing);
  EXPECT_EQ(Find(Expiry("acme"))->next_time, world.now + absl::Minutes(10));
  world.Pass(absl::Minutes(10));
  // Nothing of a request that is refused by the engine itself remains either.
  RetireTenant other = NewRetirement("acme", "b1");
  other.final_backup.tenant_uid = "another";
  Run(Expiry("acme"), RequestBody(other));
  EXPECT_EQ(Find(Expiry("acme"))->refusals, 1) << "another reason counts anew";
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
  world.Pass(absl::Minutes(10));
  Run(Expiry("acme"), Retirement("acme"));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kRetired);
}

TEST_F(Schedules, ChangeOfTheTenantMovesOrEndsTheSchedule) {
  CreateExpiring("acme", absl::Hours(2));
  UpdateTenant update{.operation = "op-u1", .tenant = "acme"};
  update.update.Set<&domain::Tenant::expire_time>() = world.now + absl::Hours(5);
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_EQ(Find(Expiry("acme"))->next_time, world.now + absl::Hours(5));
  update.operation = "op-u2";
  update.update.Set<&domain::Tenant::expire_time>() = std::optional<absl::Time>();
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_EQ(Find(Expiry("acme")), std::nullopt);
}

TEST_F(Schedules, HostThatHasEnoughToDoGetsNoMore) {
  for (int i = 0; i < 40; ++i) CreateExpiring("t" + std::to_string(i), absl::Hours(1));
  world.Pass(absl::Hours(1));
  const auto run_all = [&] {
    const std::vector<domain::Schedule> all = *world.catalog().DueSchedules(world.now, 1000);
    for (const domain::Schedule& due : all) {
      if (due.key.kind != ScheduleKind::kExpire) continue;
      Run(due.key, Retirement(due.key.resource.substr(std::string("tenants/").size())));
    }
  };
  run_all();
  EXPECT_THAT(AuditedMethods(), SizeIs(32));
  EXPECT_THAT(world.Due(), IsEmpty()) << "the others were put off";
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Due(), SizeIs(8));
  run_all();
  EXPECT_THAT(AuditedMethods(), SizeIs(32));
  world.Settle();
  world.Pass(absl::Minutes(1));
  run_all();
  EXPECT_THAT(AuditedMethods(), SizeIs(40));
}

TEST_F(BackupSchedules, TenantIsBackedUpAsOftenAsItsPolicySaysAndMissedOnesOnce) {
  CreateBackedUp("acme", 3);
  const absl::Time first = Find(BackupOf("acme"))->next_time;
  EXPECT_LE(first, world.now + absl::Hours(6));
  BackUp("acme", "early");
  EXPECT_EQ(world.Backup("acme", "early").id, "") << "it is not time yet";
  world.now = first;
  BackUp("acme", "b1");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kAvailable);
  EXPECT_EQ(world.Backup("acme", "b1").origin, domain::BackupOrigin::kScheduled);
  EXPECT_EQ(Find(BackupOf("acme"))->next_time, first + absl::Hours(6));
  world.Pass(absl::Hours(100));
  BackUp("acme", "b2");
  BackUp("acme", "b3");
  EXPECT_EQ(world.Backup("acme", "b3").id, "");
  EXPECT_GT(Find(BackupOf("acme"))->next_time, world.now);
  EXPECT_THAT(AuditedMethods(), ElementsAre("BackupService/CreateBackup", "BackupService/CreateBackup"));
}

TEST_F(BackupSchedules, FollowThePolicyAndTheLifeOfTheTenant) {
  CreateBackedUp("acme", 3);
  UpdateTenant update{.operation = "op-u1", .tenant = "acme"};
  update.update.Set<&domain::Tenant::backup_every>() = absl::Minutes(10);
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_LE(Find(BackupOf("acme"))->next_time, world.now + absl::Minutes(10));
  update = {.operation = "op-u2", .tenant = "acme"};
  update.update.Set<&domain::Tenant::backup_every>() = absl::ZeroDuration();
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
  update = {.operation = "op-u3", .tenant = "acme"};
  update.update.Set<&domain::Tenant::backup_every>() = absl::Hours(1);
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_TRUE(Find(BackupOf("acme")));
  ASSERT_TRUE(world.Call(NewRetirement("acme", "final")).ok());
  EXPECT_EQ(Find(BackupOf("acme")), std::nullopt);
}

TEST_F(BackupSchedules, NewestUsableBackupIsProvenAsOftenAsThePolicySays) {
  CreateTenant create = NewTenant("acme");
  create.tenant.prove_every = absl::Hours(24);
  world.Begin(create);
  world.Settle();
  const ScheduleKey key{ScheduleKind::kProve, "tenants/acme"};
  const absl::Time first = Find(key)->next_time;
  EXPECT_LE(first, world.now + absl::Hours(24));
  const auto prove = [&](const std::string& operation) {
    Run(key, RequestBody(ProveNewestBackup{.operation = operation, .tenant = "acme"}));
    world.Settle();
  };
  world.now = first;
  prove("op-v0");
  EXPECT_EQ(Find(key)->next_time, first + absl::Hours(24)) << "there is nothing to be proven yet";
  for (const char* id : {"b1", "b2"}) {
    CreateBackup backup{.operation = std::string("op-") + id, .tenant = "acme"};
    backup.backup = {.id = id, .tenant_uid = world.Tenant("acme").uid, .wrapped_key = "k"};
    world.Begin(backup);
    world.Settle();
    world.Pass(absl::Minutes(1));
  }
  world.now = first + absl::Hours(24);
  prove("op-v1");
  EXPECT_EQ(world.Backup("acme", "b2").state, domain::BackupState::kVerified);
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kAvailable);
  EXPECT_EQ(Find(key)->next_time, first + absl::Hours(48));
  EXPECT_THAT(AuditedMethods(), Contains("BackupService/VerifyBackup").Times(1));
  ASSERT_TRUE(world.Call(NewRetirement("acme", "final")).ok());
  EXPECT_EQ(Find(key), std::nullopt) << "its retirement proves its final one";
}

// A tenant on h1 whose backups are proven on hosts with role=proof.
class ProofsElsewhere : public BackupSchedules {
 protected:
  void Create(const std::string& id) {
    CreateTenant create = NewTenant(id);
    create.tenant.prove_every = absl::Hours(24);
    create.tenant.prove_on = {{"role", "proof"}};
    create.host_selector = {{"role", "work"}};
    world.Begin(create);
    world.Settle();
    world.Begin(NewBackup(id, "b-" + id));
    world.Settle();
  }
  void Label(const std::string& host, const std::string& role) {
    UpdateHost update{.host = host};
    update.labels = {{"role", role}};
    ASSERT_TRUE(world.Call(update).ok());
  }
  void Prove(const std::string& id, const std::string& operation) {
    Run({ScheduleKind::kProve, "tenants/" + id},
        RequestBody(ProveNewestBackup{.operation = operation, .tenant = id}));
  }
};

TEST_F(ProofsElsewhere, AHostThatThePolicyNamesProvesAndTheTenantsOwnDoesNot) {
  Label("h1", "work");
  Create("acme");
  world.Pass(absl::Hours(24));
  Prove("acme", "op-v1");
  const domain::Schedule refused = *Find({ScheduleKind::kProve, "tenants/acme"});
  EXPECT_EQ(refused.refusal_reason, "NO_HOST_FITS");
  EXPECT_EQ(world.Tenant("acme").last_proof.time, std::nullopt);
  world.Join("h2");
  Label("h2", "proof");
  world.Pass(absl::Minutes(10));
  Prove("acme", "op-v2");
  ASSERT_FALSE(world.sent.empty());
  EXPECT_EQ(world.sent.front().host, "h2");
  world.Settle();
  const domain::Proof proof = world.Tenant("acme").last_proof;
  EXPECT_EQ(proof, (domain::Proof{.backup = "b-acme",
                                  .time = proof.time,
                                  .host = "h2",
                                  .outcome = "VERIFIED",
                                  .caller = "system"}));
  EXPECT_EQ(Find({ScheduleKind::kProve, "tenants/acme"})->refusals, 0);
}

TEST_F(ProofsElsewhere, TheBudgetIsThatOfTheHostThatProves) {
  Label("h1", "work");
  world.Join("h2");
  Label("h2", "proof");
  for (const char* id : {"a", "b", "c", "d", "e"}) Create(id);
  world.Pass(absl::Hours(24));
  for (const std::string id : {"a", "b", "c"}) Prove(id, "op-" + id);
  EXPECT_THAT(world.sent, SizeIs(2));
  world.Join("h3");
  Label("h3", "proof");
  world.Pass(absl::Minutes(6));
  for (const std::string id : {"c", "d", "e"}) Prove(id, "op2-" + id);
  std::map<std::string, int> proofs;
  for (const SendTask& task : world.sent) ++proofs[task.host];
  EXPECT_EQ(proofs, (std::map<std::string, int>{{"h2", 2}, {"h3", 2}}));
}

TEST_F(ProofsElsewhere, AProofThatCameToNoEndIsTold) {
  Label("h1", "work");
  world.Join("h2");
  Label("h2", "proof");
  Create("acme");
  world.Pass(absl::Hours(24));
  Prove("acme", "op-v1");
  world.Reports(world.TakeSent(), {.reason = "NO_ROOM", .message = "the disk is full"});
  EXPECT_EQ(world.Tenant("acme").last_proof.outcome, "NO_ROOM");
  EXPECT_EQ(world.Backup("acme", "b-acme").state, domain::BackupState::kAvailable);
}

TEST_F(BackupSchedules, HostMakesTwoAtATimeAndNoneBesideMuchElse) {
  for (const char* id : {"a", "b", "c"}) CreateBackedUp(id, 3);
  world.Pass(absl::Hours(6));
  for (const std::string id : {"a", "b", "c"}) BackUp(id, "b-" + id);
  EXPECT_THAT(AuditedMethods(), SizeIs(2));
  EXPECT_GE(Find(BackupOf("c"))->next_time, world.now + absl::Minutes(1)) << "it was put off";
  world.Settle();
  world.Pass(absl::Minutes(5));
  BackUp("c", "b-c");
  EXPECT_THAT(AuditedMethods(), SizeIs(3));
}

TEST_F(BackupSchedules, OneThatRecursOftenIsPutOffForLessThanHalfItsInterval) {
  for (const char* id : {"a", "b", "c"}) CreateBackedUp(id, 3);
  UpdateTenant often{.operation = "op-u1", .tenant = "c"};
  often.update.Set<&domain::Tenant::backup_every>() = absl::Minutes(1);
  ASSERT_TRUE(world.Call(often).ok());
  world.Pass(absl::Hours(6));
  for (const std::string id : {"a", "b", "c"}) BackUp(id, "b-" + id);
  EXPECT_GT(Find(BackupOf("c"))->next_time, world.now);
  EXPECT_LT(Find(BackupOf("c"))->next_time, world.now + absl::Seconds(30));
}

TEST_F(BackupSchedules, WhatThePolicyDoesNotKeepIsDeletedOneAfterAnother) {
  CreateBackedUp("acme", 1);
  EXPECT_EQ(Find(Pruning("acme")), std::nullopt);
  for (const char* id : {"b1", "b2", "b3"}) BackUpInTime("acme", id);
  EXPECT_EQ(Find(Pruning("acme"))->next_time, world.now);
  Prune("acme", "op-p1");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").id, "");
  EXPECT_EQ(world.Backup("acme", "b2").id, "b2");
  world.Pass(absl::Seconds(5));
  Prune("acme", "op-p2");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b2").id, "");
  EXPECT_EQ(world.Backup("acme", "b3").state, domain::BackupState::kAvailable);
  EXPECT_EQ(Find(Pruning("acme")), std::nullopt);
}

TEST_F(BackupSchedules, HeldAndNamedOnesOutliveRetentionUntilTheyAreReleased) {
  CreateBackedUp("acme", 1);
  BackUpInTime("acme", "b1");
  ASSERT_TRUE(world.Call(HoldBackup{.tenant = "acme", .backup = "b1", .reason = "case 17"}).ok());
  for (const char* id : {"b2", "b3"}) BackUpInTime("acme", id);
  Prune("acme", "op-p1");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kAvailable);
  EXPECT_EQ(world.Backup("acme", "b2").id, "");
  EXPECT_EQ(Find(Pruning("acme")), std::nullopt);
  ASSERT_TRUE(world.Call(ReleaseBackup{.tenant = "acme", .backup = "b1"}).ok());
  EXPECT_EQ(Find(Pruning("acme"))->next_time, world.now) << "retention looks again";
  Prune("acme", "op-p2");
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").id, "");
}

TEST_F(BackupSchedules, PruningThatFindsNothingIsNotAudited) {
  CreateBackedUp("acme", 2);
  BackUpInTime("acme", "b1");
  const size_t audited = AuditedMethods().size();
  Prune("acme", "op-p1");
  EXPECT_THAT(AuditedMethods(), SizeIs(audited));
  EXPECT_EQ(Find(Pruning("acme")), std::nullopt);
}

TEST_F(BackupSchedules, PruningWaitsWhileTheTenantIsRetiredAndEndsWithIt) {
  CreateBackedUp("acme", 1);
  for (const char* id : {"b1", "b2"}) BackUpInTime("acme", id);
  ASSERT_TRUE(world.Call(NewRetirement("acme", "final")).ok());
  world.Settle();
  Prune("acme", "op-p1");
  EXPECT_EQ(world.Backup("acme", "b1").id, "b1");
  EXPECT_GT(Find(Pruning("acme"))->next_time, world.now);
  world.Pass(absl::Hours(24 * 8));
  const PurgeTenant purge{.operation = "op-purge", .tenant = "acme", .confirmed = true};
  Run(PurgeOf("acme"), RequestBody(purge));
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
  EXPECT_EQ(Find(Pruning("acme")), std::nullopt);
}

TEST_F(Schedules, HostsAreComparedInTurnAndMissedOnesOnce) {
  const ScheduleKey key{ScheduleKind::kCompare, "hosts/h1"};
  const absl::Time first = Find(key)->next_time;
  EXPECT_LE(first, world.now + absl::Minutes(5));
  world.now = first;
  Run(key, RequestBody(CompareHost{"h1"}));
  EXPECT_THAT(world.compared, ElementsAre("h1"));
  EXPECT_EQ(Find(key)->next_time, first + absl::Minutes(5));
  EXPECT_THAT(AuditedMethods(), IsEmpty());
  world.Pass(absl::Hours(10));
  world.Restart();
  EXPECT_LE(Find(key)->next_time, world.now) << "it is made up for";
  world.Post(HostSeen{.host = "h1", .report = World::Report()});
  Run(key, RequestBody(CompareHost{"h1"}));
  Run(key, RequestBody(CompareHost{"h1"}));
  EXPECT_THAT(world.compared, SizeIs(2));
  EXPECT_GT(Find(key)->next_time, world.now);
  world.Post(HostLost{.host = "h1"});
  world.Pass(absl::Minutes(6));
  Run(key, RequestBody(CompareHost{"h1"}));
  EXPECT_THAT(world.compared, SizeIs(2)) << "nobody asks one that is away";
}

TEST_F(Schedules, FollowThePolicyOfTheProcess) {
  const ScheduleKey compare{ScheduleKind::kCompare, "hosts/h1"};
  const ScheduleKey audit{ScheduleKind::kPruneAudit, ""};
  EXPECT_TRUE(Find(audit).has_value());
  world.policy.compare_every = absl::Seconds(10);
  world.policy.keep_audit = absl::InfiniteDuration();
  world.Post(PolicyChanged());
  EXPECT_LE(Find(compare)->next_time, world.now + absl::Seconds(10));
  EXPECT_EQ(Find(audit), std::nullopt);
  world.Post(HostLost{.host = "h1"});
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  EXPECT_EQ(Find(compare), std::nullopt);
}

TEST_F(Schedules, WaitForTheirWindow) {
  world.policy.prune_window = domain::DailyWindow{absl::Hours(2), absl::Hours(1)};
  world.Restart();
  const ScheduleKey key{ScheduleKind::kPruneOperations, ""};
  // The time that it had before there was a window comes first.
  world.now = Find(key)->next_time;
  Run(key, RequestBody(PruneOperations()));
  const absl::Time within = Find(key)->next_time;
  EXPECT_TRUE(domain::IsOpen(*world.policy.prune_window, within));
  // The process was away while it was open.
  world.now = within + absl::Hours(4);
  Run(key, RequestBody(PruneOperations()));
  EXPECT_TRUE(domain::IsOpen(*world.policy.prune_window, Find(key)->next_time));
  EXPECT_GT(Find(key)->next_time, world.now);
}

// --- Pruning.

class Pruning : public Schedules {
 protected:
  void Due(ScheduleKind kind, RequestBody request) {
    const ScheduleKey key{kind, ""};
    world.now = std::max(world.now, Find(key)->next_time);
    Run(key, std::move(request));
  }
  // What the scheduler of the process would choose and sign.
  PruneAudit CutAt(int64_t sequence) {
    const domain::AuditRow row = world.catalog().ListAudit(sequence - 1, 1)->front();
    return {domain::AuditCheckpoint{.head = {row.sequence, row.hash},
                                    .time = row.event.time,
                                    .cut_time = world.now,
                                    .signature = "signed"}};
  }
};

TEST_F(Pruning, OperationsAreForgottenWhenTheyEndedLongAgo) {
  world.Begin(NewTenant("acme"));
  world.Settle();
  world.Begin(NewBackup("acme", "b1"));
  world.Pass(absl::Hours(24 * 91));
  Due(ScheduleKind::kPruneOperations, PruneOperations());
  EXPECT_EQ(world.Operation("op-create-acme").id, "");
  EXPECT_EQ(world.Operation("op-backup-b1").id, "op-backup-b1") << "it runs still";
  EXPECT_THAT(AuditedMethods(), ElementsAre("Schedule/PruneOperations"));
  // Who asks once more for the tenant is answered as before.
  CreateTenant again = NewTenant("acme");
  again.operation = "op-again";
  again.if_missing = true;
  const domain::Operation answered = world.Begin(again);
  EXPECT_EQ(answered.id, "op-create-acme");
  EXPECT_EQ(answered.state, domain::OperationState::kSucceeded);
  Due(ScheduleKind::kPruneOperations, PruneOperations());
  EXPECT_EQ(world.Operation("op-create-acme").id, "");
  Due(ScheduleKind::kPruneOperations, PruneOperations());
  EXPECT_THAT(AuditedMethods(), SizeIs(2)) << "one that finds nothing is not recorded";
}

TEST_F(Pruning, RequestIdsAreForgottenAfterTheirTime) {
  ASSERT_TRUE(world.Call(NewTenant("acme"), "r1").ok());
  world.Pass(absl::Hours(24));
  Due(ScheduleKind::kPruneRequests, PruneRequests());
  EXPECT_TRUE((*world.catalog().Begin())->FindRequest("admin", "r1").has_value());
  world.Pass(absl::Hours(2));
  Due(ScheduleKind::kPruneRequests, PruneRequests());
  EXPECT_FALSE((*world.catalog().Begin())->FindRequest("admin", "r1").has_value());
}

TEST_F(Pruning, ManyAreForgottenInSeveralTransactions) {
  auto transaction = *world.catalog().Begin();
  for (int i = 0; i < 1500; ++i) {
    transaction->Apply(
        catalog::PutRequest{{"admin", std::to_string(i), "m", "p", "", world.now - absl::Hours(30)}});
  }
  ASSERT_TRUE(transaction->Commit().ok());
  transaction.reset();
  const auto left = [&] { return (*world.catalog().Begin())->RequestsBefore(world.now, 10'000).size(); };
  Due(ScheduleKind::kPruneRequests, PruneRequests());
  EXPECT_EQ(left(), 500u);
  EXPECT_LE(Find({ScheduleKind::kPruneRequests, ""})->next_time, world.now + absl::Seconds(1));
  Due(ScheduleKind::kPruneRequests, PruneRequests());
  EXPECT_EQ(left(), 0u);
  EXPECT_GT(Find({ScheduleKind::kPruneRequests, ""})->next_time, world.now + absl::Minutes(10));
}

TEST_F(Pruning, EventsAreForgottenAfterTheirTimeAndTheOldestFirst) {
  const auto append = [&](int count, absl::Duration age) {
    auto transaction = *world.catalog().Begin();
    for (int i = 0; i < count; ++i)
      transaction->Apply(catalog::AppendEvent{{.time = world.now - age, .type = "croft.tenant.created"}});
    ASSERT_TRUE(transaction->Commit().ok());
  };
  const auto left = [&] { return world.catalog().ListEvents({.limit = 10'000})->events.size(); };
  Due(ScheduleKind::kPruneEvents, PruneEvents());
  EXPECT_THAT(AuditedMethods(), IsEmpty()) << "none is old";
  const size_t before = left();
  append(1500, absl::Hours(24 * 31));
  append(2, absl::Hours(24 * 28));
  world.policy.keep_events = absl::InfiniteDuration();
  world.Post(PolicyChanged());
  EXPECT_EQ(Find({ScheduleKind::kPruneEvents, ""}), std::nullopt);
  world.policy.keep_events = absl::Hours(24 * 30);
  world.Post(PolicyChanged());
  EXPECT_EQ(left(), before + 1502);
  world.Pass(absl::Hours(24 * 30 + 1));
  append(1, absl::ZeroDuration());
  Due(ScheduleKind::kPruneEvents, PruneEvents());
  EXPECT_LE(Find({ScheduleKind::kPruneEvents, ""})->next_time, world.now + absl::Seconds(1));
  Due(ScheduleKind::kPruneEvents, PruneEvents());
  EXPECT_EQ(left(), 1u);
  EXPECT_EQ(world.catalog().GetEventLog()->pruned,
            world.catalog().ListEvents({})->events.front().position - 1);
  EXPECT_GT(Find({ScheduleKind::kPruneEvents, ""})->next_time, world.now + absl::Minutes(10));
  EXPECT_THAT(AuditedMethods(), ElementsAre("Schedule/PruneEvents", "Schedule/PruneEvents"));
}

TEST_F(Pruning, AuditIsCutWhereItIsOldEnough) {
  for (int i = 0; i < 4; ++i) world.Join("x" + std::to_string(i));
  world.Pass(absl::Hours(24 * 401));
  const int64_t rows = static_cast<int64_t>(world.catalog().ListAudit(0, 1000)->size());
  const catalog::AuditHead newest = *world.catalog().RecordedAuditHead();
  Due(ScheduleKind::kPruneAudit, CutAt(rows - 2));
  EXPECT_EQ(world.catalog().ListAudit(0, 1000)->front().sequence, rows - 1);
  EXPECT_THAT(AuditedMethods(), ElementsAre("Schedule/PruneAudit"));
  const auto proven = catalog::VerifyAudit(
      world.catalog(), {newest},
      [](absl::string_view, absl::string_view signature) { return signature == "signed"; },
      [] { return false; });
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->head.sequence, rows + 1);
  EXPECT_EQ(proven->pruned->head.sequence, rows - 2);
}

TEST_F(Pruning, AuditIsNotCutWhereARowIsNewOrAnother) {
  world.Pass(absl::Hours(24 * 401));
  world.Join("new");
  const int64_t rows = static_cast<int64_t>(world.catalog().ListAudit(0, 1000)->size());
  PruneAudit forged = CutAt(1);
  forged.cut->head.hash = std::string(64, '0');
  PruneAudit missing = CutAt(1);
  missing.cut->head.sequence = 100;
  for (const PruneAudit& cut : {CutAt(rows), forged, missing}) {
    Due(ScheduleKind::kPruneAudit, cut);
    EXPECT_EQ(Find({ScheduleKind::kPruneAudit, ""})->refusal_reason, "CUT_REFUSED");
  }
  EXPECT_EQ(world.catalog().ListAudit(0, 1000)->size(), static_cast<size_t>(rows));
}

}  // namespace
}  // namespace croft::engine
