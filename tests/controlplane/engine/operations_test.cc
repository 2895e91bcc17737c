#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::OperationState;
using domain::StepState;
using domain::TaskKind;
using domain::TenantState;
using ::testing::HasSubstr;

class Operations : public ::testing::Test {
 protected:
  Operations() { world.Join("h1"); }
  void CreateReady(const std::string& id) {
    world.Begin(NewTenant(id));
    world.Settle();
    ASSERT_EQ(world.Tenant(id).state, TenantState::kReady);
  }
  World world;
};

TEST_F(Operations, CreateRecordsTheIntentBeforeAnythingIsSent) {
  const domain::Operation operation = world.Begin(NewTenant("acme"));
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kCreating);
  EXPECT_EQ(world.Tenant("acme").current_operation, operation.id);
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent[0].fencing, (Fencing{world.catalog().revision().epoch, 1, operation.id, 0, 1}));
  EXPECT_EQ(world.Operation(operation.id).steps[0].state, StepState::kDispatched);
}

TEST_F(Operations, TimesInAnAnswerAreThoseOfALaterRead) {
  world.now += absl::Nanoseconds(1'234'567'891);
  const domain::Operation answer = world.Begin(NewTenant("acme"));
  const domain::Operation read = world.Operation("op-create-acme");
  EXPECT_EQ(answer.create_time, read.create_time);
  EXPECT_EQ(answer.update_time, read.update_time);
  EXPECT_EQ(answer.deadline, read.deadline);
  EXPECT_EQ(answer.steps.front().start_time, read.steps.front().start_time);
}

TEST_F(Operations, ATenantIsNotPlacedWhereTheAgentDoesNotKnowItsTasks) {
  domain::HostReport report = World::Report();
  report.task_kinds = {"fence", "unfence"};
  world.Post(HostSeen{"h1", report});
  const auto refused = world.Call(NewTenant("acme"));
  EXPECT_EQ(DetailsOf(refused.status()).reason, "NO_HOST_FITS");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("too old"));
  report.task_kinds = {"create", "drop"};
  world.Post(HostSeen{"h1", report});
  CreateReady("acme");
  world.Begin(NewBackup("acme", "b1"));
  world.Settle();
  RestoreTenant copy{.operation = "op-r", .tenant = "acme", .backup = "b1"};
  copy.as_new = NewTenant("copy").tenant;
  EXPECT_EQ(world.Refusal(copy), "NO_HOST_FITS");
}

TEST_F(Operations, CreateEndsReadyWhenTheHostSaysSo) {
  CreateReady("acme");
  EXPECT_EQ(world.Operation("op-create-acme").state, OperationState::kSucceeded);
  EXPECT_EQ(world.Tenant("acme").current_operation, "");
}

TEST_F(Operations, FailedCreateIsTakenBackAndGivesItsRoomBack) {
  world.Begin(NewTenant("acme"));
  world.Fails(world.TakeSent(), "EXTENSION_NOT_AVAILABLE", false);
  const SendTask undo = world.TakeSent();
  EXPECT_EQ(KindOf(undo), TaskKind::kDrop);
  EXPECT_TRUE(TaskOf<domain::DropTask>(undo).roles);
  world.Done(undo);
  const domain::Operation operation = world.Operation("op-create-acme");
  EXPECT_EQ(operation.state, OperationState::kFailed);
  EXPECT_EQ(operation.error->reason, "EXTENSION_NOT_AVAILABLE");
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kFailed);
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
}

TEST_F(Operations, TransientErrorsAreTriedAgainLaterAsANewAttempt) {
  world.Begin(NewTenant("acme"));
  world.Fails(world.TakeSent(), "POSTGRES_UNAVAILABLE", true);
  EXPECT_TRUE(world.sent.empty());
  world.Pass(absl::Seconds(2));
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent[0].fencing.attempt, 2);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
}

TEST_F(Operations, TransientErrorsEndAtTheDeadline) {
  world.Begin(NewTenant("acme"));
  for (int i = 0; i < 200 && world.Operation("op-create-acme").state == OperationState::kRunning; ++i) {
    if (!world.sent.empty()) world.Fails(world.TakeSent(), "POSTGRES_UNAVAILABLE", true);
    world.Pass(absl::Minutes(2));
  }
  EXPECT_EQ(world.Operation("op-create-acme").state, OperationState::kUndoing);
}

TEST_F(Operations, WaitForAHostThatIsAwayAndGoOnWhenItIsBack) {
  world.Begin(NewTenant("acme"));
  world.Settle();
  world.Post(HostLost{"h1"});
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.Operation("op-backup-b1").state, OperationState::kRunning);
  world.Post(HostSeen{"h1", World::Report()});
  ASSERT_EQ(world.sent.size(), 1u);
  world.Settle();
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kAvailable);
}

TEST_F(Operations, NobodyIsDeclaredDeadWhileTheControlPlaneWarmsUp) {
  world.Restart();
  EXPECT_EQ(world.Begin(NewTenant("acme")).state, OperationState::kRunning);
  EXPECT_TRUE(world.sent.empty());
  world.Post(HostSeen{"h1", World::Report()});
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
  world.Restart();
  world.Pass(absl::Seconds(31));
  EXPECT_EQ(world.Refusal(NewTenant("globex")), "NO_HOST_FITS");
}

TEST_F(Operations, AHostThatWasHeardAMomentAgoIsPlacedOnAlthoughItsAgentStartsAgain) {
  world.Post(HostLost{"h1", world.now});
  EXPECT_EQ(world.Begin(NewTenant("acme")).state, OperationState::kRunning);
  world.Pass(absl::Seconds(31));
  EXPECT_EQ(world.Refusal(NewTenant("globex")), "NO_HOST_FITS");
}

TEST_F(Operations, APostgresThatDoesNotAnswerIsStillReachedWhereAndAsSafelyAsBefore) {
  domain::HostReport report = World::Report();
  report.tls = true;
  report.root_certificate = "PEM";
  world.Post(HostReported{"h1", report});
  world.Post(HostSeen{"h1", {.problem = "PostgreSQL is being started"}});
  const domain::HostReport kept = world.Host("h1").report;
  EXPECT_EQ(kept.advertise_endpoints, report.advertise_endpoints);
  EXPECT_TRUE(kept.tls);
  EXPECT_EQ(kept.root_certificate, "PEM");
  EXPECT_FALSE(kept.postgres_up);
  report.tls = false;
  world.Post(HostReported{"h1", report});
  EXPECT_FALSE(world.Host("h1").report.tls);
}

TEST_F(Operations, ATaskThatMayHaveBeenLostIsSentAgainAsTheSameAttempt) {
  world.Begin(NewTenant("acme"));
  const Fencing first = world.TakeSent().fencing;
  world.Post(HostLost{"h1"});
  world.Post(HostSeen{"h1", World::Report()});
  EXPECT_EQ(world.TakeSent().fencing, first);
}

TEST_F(Operations, ARestartResumesEveryUnfinishedOperation) {
  world.Begin(NewTenant("acme"));
  world.Begin(NewTenant("globex"));
  world.Fails(world.sent[1], "POSTGRES_UNAVAILABLE", true);
  world.Restart();
  EXPECT_FALSE(world.Host("h1").up);
  world.Pass(absl::Minutes(1));
  EXPECT_TRUE(world.sent.empty());
  world.Post(HostSeen{"h1", World::Report()});
  EXPECT_EQ(world.sent.size(), 2u);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
  EXPECT_EQ(world.Tenant("globex").state, TenantState::kReady);
}

TEST_F(Operations, ReportsThatNobodyAwaitsChangeNothing) {
  world.Begin(NewTenant("acme"));
  SendTask task = world.TakeSent();
  for (const auto change : {0, 1, 2}) {
    SendTask other = task;
    if (change == 0) other.fencing.attempt = 7;
    if (change == 1) other.fencing.step = 1;
    if (change == 2) other.host = "h2";
    world.Done(other);
    EXPECT_EQ(world.Tenant("acme").state, TenantState::kCreating) << change;
  }
  world.Done(task);
  world.Done(task);
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kReady);
}

TEST_F(Operations, CancelBeforeItIsSentEndsAtOnce) {
  CreateReady("acme");
  world.Post(HostLost{"h1"});
  world.Begin(NewBackup("acme", "b1"));
  world.Begin(CancelOperation{"op-backup-b1"});
  EXPECT_EQ(world.Operation("op-backup-b1").state, OperationState::kCancelled);
  EXPECT_EQ(world.Backup("acme", "b1").state, domain::BackupState::kFailed);
}

TEST_F(Operations, CancelUnderWayAsksTheAgentAndUndoes) {
  world.Begin(NewTenant("acme"));
  const SendTask task = world.TakeSent();
  world.Begin(CancelOperation{"op-create-acme"});
  ASSERT_EQ(world.cancels.size(), 1u);
  world.Fails(task, "CANCELLED", false);
  world.Settle();
  EXPECT_EQ(world.Operation("op-create-acme").state, OperationState::kCancelled);
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kFailed);
}

TEST_F(Operations, OneThatHasEndedIsNotCancelled) {
  CreateReady("acme");
  EXPECT_EQ(world.Refusal(CancelOperation{"op-create-acme"}), "OPERATION_NOT_CANCELLABLE");
}

TEST_F(Operations, ASecondOneOnTheSameTenantIsToldWhoHoldsIt) {
  CreateReady("acme");
  world.Begin(NewRotation("acme", "1"));
  const auto answer = world.Call(NewRetirement("acme", "b1"));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DetailsOf(answer.status()).metadata.at("holder"), "operations/op-rotate-1");
}

TEST_F(Operations, ARepeatedRequestIdAnswersTheFirstOperation) {
  ASSERT_TRUE(world.Call(NewTenant("acme"), "r1").ok());
  CreateTenant again = NewTenant("acme");
  again.operation = "op-other";
  const auto answer = world.Call(again, "r1");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(std::get<domain::Operation>(*answer).id, "op-create-acme");
  EXPECT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.Host("h1").databases_reserved, 1);
}

TEST_F(Operations, ARequestIdWithAnotherPayloadIsRefused) {
  ASSERT_TRUE(world.Call(NewTenant("acme"), "r1", false, "one").ok());
  EXPECT_EQ(DetailsOf(world.Call(NewTenant("acme"), "r1", false, "two").status()).reason,
            "REQUEST_ID_REUSED");
}

TEST_F(Operations, OnlySuccessesAreRemembered) {
  world.Post(HostLost{"h1"});
  world.Pass(absl::Seconds(31));
  EXPECT_FALSE(world.Call(NewTenant("acme"), "r1").ok());
  world.Post(HostSeen{"h1", World::Report()});
  EXPECT_TRUE(world.Call(NewTenant("acme"), "r1").ok());
}

TEST_F(Operations, ValidateOnlyChangesNothing) {
  ASSERT_TRUE(world.Call(NewTenant("acme"), "", true).ok());
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
  EXPECT_FALSE(world.catalog().GetTenant("acme")->has_value());
}

TEST_F(Operations, EverySuccessIsInTheAuditBeforeItsEffect) {
  world.Begin(NewTenant("acme"));
  const auto rows = *world.catalog().ListAudit(0, 100);
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back().event.resource, "operations/op-create-acme tenants/acme hosts/h1");
}

TEST_F(Operations, AHostDeclaredMissingEndsWhatWaitsForIt) {
  CreateReady("acme");
  world.Begin(NewBackup("acme", "b1"));
  world.Post(HostLost{"h1"});
  ASSERT_TRUE(world.Call(AcceptMissingHost{"h1"}).ok());
  const domain::Operation operation = world.Operation("op-backup-b1");
  EXPECT_EQ(operation.state, OperationState::kFailed);
  EXPECT_EQ(operation.error->reason, "HOST_MISSING");
  EXPECT_THAT(operation.error->message, HasSubstr("left behind on hosts/h1"));
}

TEST_F(Operations, AnotherClusterUnderTheSameHostGetsNoTasks) {
  CreateReady("acme");
  world.Post(HostLost{"h1"});
  world.Post(HostSeen{"h1", World::Report("s1", "2")});
  world.Begin(NewBackup("acme", "b1"));
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.Refusal(AcceptHostIdentity{"h1", "3"}), "IDENTITY_MISMATCH");
  ASSERT_TRUE(world.Call(AcceptHostIdentity{"h1", "2"}).ok());
  EXPECT_TRUE(world.sent.empty()) << "first the host shows what it holds";
  world.Post(HostFound{.inventory = {.host = "h1"}});
  EXPECT_EQ(world.sent.size(), 1u);
}

TEST_F(Operations, WhatCanOnlyGoForwardIsSentWithoutADeadline) {
  CreateReady("acme");
  world.Post(HostLost{"h1"});
  world.Begin(NewRetirement("acme", "b1"));
  world.Pass(absl::Hours(24 * 8));
  world.Post(HostSeen{"h1", World::Report()});
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent[0].deadline, absl::InfiniteFuture());
  world.Settle();
  EXPECT_EQ(world.Operation("op-retire-b1").state, OperationState::kSucceeded);
}

TEST_F(Operations, ACancelThatWasLostIsAskedForAgain) {
  world.Begin(NewTenant("acme"));
  world.Post(HostLost{"h1"});
  world.Begin(CancelOperation{"op-create-acme"});
  world.cancels.clear();
  world.Post(HostSeen{"h1", World::Report()});
  EXPECT_EQ(world.cancels.size(), 1u);
}

TEST_F(Operations, WhatWasSentToAnotherClusterIsSentAgainWhenItIsAccepted) {
  world.Begin(NewTenant("acme"));
  world.Post(HostLost{"h1"});
  world.sent.clear();
  world.Post(HostSeen{"h1", World::Report("s1", "2")});
  EXPECT_TRUE(world.sent.empty());
  ASSERT_TRUE(world.Call(AcceptHostIdentity{"h1", "2"}).ok());
  EXPECT_TRUE(world.sent.empty()) << "first the host shows what it holds";
  world.Post(HostFound{.inventory = {.host = "h1"}});
  EXPECT_EQ(world.sent.size(), 1u);
}

TEST_F(Operations, GoOnWhenTheServerIsBackOnItsOwnDataFolder) {
  world.Begin(NewTenant("acme"));
  world.sent.clear();
  world.Post(HostReported{"h1", World::Report("s1", "2")});
  world.Post(HostReported{"h1", World::Report("s1", "1")});
  EXPECT_EQ(world.sent.size(), 1u);
}

TEST_F(Operations, ACleanUpThatWasPushedAsideComesAgain) {
  CreateReady("acme");
  world.Begin(NewRotation("acme", "1"));
  world.Settle();
  world.Pass(absl::Minutes(6));
  for (int i = 0; i < 12; ++i) {
    world.Fails(world.TakeSent(), i % 2 == 0 ? "CANCELLED" : "STALE_COMMAND", false);
    world.Pass(absl::Minutes(2));
  }
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").credentials.size(), 2u);
}

TEST_F(Operations, AKeyThatCouldNotBeErasedIsTriedAgain) {
  CreateReady("acme");
  world.Begin(NewRetirement("acme", "b1"));
  world.Settle();
  world.Begin(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  while (!world.sent.empty()) world.Done(world.TakeSent());
  ASSERT_EQ(world.erasures.size(), 1u);
  const Fencing first = world.erasures[0].fencing;
  world.erasures.clear();
  world.Post(
      TaskReport{.fencing = first, .outcome = TaskError{"KEY_NOT_ERASED", "locked", true, Cause::kOutage}});
  world.Pass(absl::Seconds(2));
  ASSERT_EQ(world.erasures.size(), 1u);
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Operations, AnUndoIsNotLeftBehindForOutagesHoweverMany) {
  world.Begin(NewTenant("acme"));
  world.Fails(world.TakeSent(), "EXTENSION_NOT_AVAILABLE", false);
  for (int outage = 0; outage < 20; ++outage) {
    world.Fails(world.TakeSent(), "POSTGRES_UNAVAILABLE", true);
    world.Pass(absl::Minutes(2));
  }
  // One refusal after many outages is the first of its kind.
  world.Fails(world.TakeSent(), "WRONG_DATABASE", false);
  world.Pass(absl::Minutes(2));
  EXPECT_EQ(world.Operation("op-create-acme").state, OperationState::kUndoing);
  world.Settle();
  EXPECT_EQ(world.Operation("op-create-acme").steps.back().state, StepState::kDone);
  EXPECT_EQ(world.Host("h1").databases_reserved, 0);
}

TEST_F(Operations, AnUndoThatIsRefusedForGoodIsLeftBehindInTheEnd) {
  world.Begin(NewTenant("acme"));
  world.Fails(world.TakeSent(), "EXTENSION_NOT_AVAILABLE", false);
  int refusals = 0;
  while (!world.sent.empty()) {
    world.Fails(world.TakeSent(), "WRONG_DATABASE", false);
    ++refusals;
    world.Pass(absl::Minutes(2));
  }
  EXPECT_EQ(refusals, 3);
  const domain::Operation operation = world.Operation("op-create-acme");
  EXPECT_EQ(operation.state, OperationState::kFailed);
  EXPECT_THAT(operation.error->message, HasSubstr("left behind on hosts/h1"));
}

}  // namespace
}  // namespace croft::engine
