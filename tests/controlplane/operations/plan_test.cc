#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/operations/rules.h"
#include "tests/controlplane/engine/world.h"

// What each request leads to, as a dry run answers it: the plan, of which nothing is begun.
namespace croft::engine {
namespace {

using domain::Step;
using domain::TaskKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<TaskKind> Tasks(const std::vector<Step>& steps) {
  std::vector<TaskKind> kinds;
  for (const Step& step : steps) kinds.push_back(domain::KindOf(step.task));
  return kinds;
}

class Plans : public ::testing::Test {
 protected:
  Plans() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
    world.Begin(NewBackup("acme", "b1"));
    world.Settle();
  }

  domain::Operation Plan(RequestBody body) {
    const absl::StatusOr<Answer> answer = world.Call(std::move(body), "", /*validate_only=*/true);
    EXPECT_TRUE(answer.ok()) << answer.status();
    const auto* operation = answer.ok() ? std::get_if<domain::Operation>(&*answer) : nullptr;
    return operation == nullptr ? domain::Operation() : *operation;
  }

  World world;
};

TEST_F(Plans, APlanHasAllStepsWaitingAndNothingOfItIsKept) {
  const domain::Tenant before = world.Tenant("acme");
  const domain::Operation plan = Plan(NewRetirement("acme", "f1"));
  EXPECT_THAT(Tasks(plan.steps), ElementsAre(TaskKind::kFence, TaskKind::kBackUp, TaskKind::kVerify));
  for (const Step& step : plan.steps) {
    EXPECT_EQ(step.state, domain::StepState::kPending);
    EXPECT_EQ(step.attempt, 0);
    EXPECT_EQ(step.host, "h1");
  }
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.Operation(plan.id).id, "");
  EXPECT_EQ(world.Tenant("acme"), before);
}

TEST_F(Plans, RetireBacksUpOnlyWhatIsFencedAndProvesIt) {
  const domain::Operation plan = Plan(NewRetirement("acme", "f1"));
  EXPECT_TRUE(std::get<domain::BackUpTask>(plan.steps[1].task).sealed) << "dumped under its sealed name";
  EXPECT_EQ(plan.point_of_no_return, 0);
}

TEST_F(Plans, RestoreInPlaceClosesTheOldBeforeItOpensTheNew) {
  const domain::Operation plan = Plan(RestoreTenant{.operation = "op-r", .tenant = "acme", .backup = "b1"});
  ASSERT_THAT(Tasks(plan.steps), ElementsAre(TaskKind::kRestore, TaskKind::kFence, TaskKind::kUnfence));
  EXPECT_EQ(plan.steps[0].database, "t_acme_g2");
  EXPECT_EQ(plan.steps[1].database, "t_acme_g1");
  EXPECT_EQ(plan.steps[2].database, "t_acme_g2");
  EXPECT_EQ(plan.point_of_no_return, 3);
}

TEST_F(Plans, BackUpDumpsABlockedTenantUnderItsSealedName) {
  const auto sealed = [&] {
    return std::get<domain::BackUpTask>(Plan(NewBackup("acme", "b2")).steps.front().task).sealed;
  };
  EXPECT_FALSE(sealed());
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = domain::SuspendMode::kBlocked});
  world.Settle();
  EXPECT_TRUE(sealed());
}

TEST_F(Plans, BackUpsLeaveOutTheRowsThatTheTenantSkipsAndFinalOnesDoNot) {
  UpdateTenant update{.operation = "op-u", .tenant = "acme"};
  update.update.Set<&domain::Tenant::skip_rows>() = {"public.jobs", "cache.*"};
  ASSERT_TRUE(world.Call(update).ok());
  const auto skipped = [](const Step& step) { return std::get<domain::BackUpTask>(step.task).skip_rows; };
  EXPECT_THAT(skipped(Plan(NewBackup("acme", "b2")).steps.front()), ElementsAre("public.jobs", "cache.*"));
  EXPECT_THAT(skipped(Plan(NewRetirement("acme", "f1")).steps[1]), IsEmpty());
}

TEST_F(Plans, APartOfABackupIsRestoredByAnAgentThatKnowsOfParts) {
  domain::Tenant copy = NewTenant("copy").tenant;
  const RestoreTenant part{
      .operation = "op-r", .tenant = "acme", .backup = "b1", .only = {"billing.*"}, .as_new = copy};
  EXPECT_THAT(std::get<domain::RestoreTask>(Plan(part).steps.front().task).only, ElementsAre("billing.*"));
  domain::HostReport older = world.Report();
  older.task_kinds = {"create", "restore", "unfence", "drop"};
  world.Post(HostSeen{.host = "h1", .report = older});
  EXPECT_EQ(world.Refusal(part), "NO_HOST_FITS");
  RestoreTenant whole = part;
  whole.only.clear();
  EXPECT_THAT(Tasks(Plan(whole).steps), ElementsAre(TaskKind::kRestore, TaskKind::kUnfence));
}

TEST_F(Plans, SuspendReadOnlyOpensReadersAlone) {
  const domain::Operation plan =
      Plan(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = domain::SuspendMode::kReadOnly});
  ASSERT_THAT(Tasks(plan.steps), ElementsAre(TaskKind::kFence, TaskKind::kUnfence));
  EXPECT_TRUE(std::get<domain::FenceTask>(plan.steps[0].task).allow_readers);
  EXPECT_THAT(std::get<domain::UnfenceTask>(plan.steps[1].task).logins, ElementsAre("t_acme_ra"));
}

TEST_F(Plans, UndeleteLeavesABlockedTenantClosed) {
  world.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme", .mode = domain::SuspendMode::kBlocked});
  world.Settle();
  world.Begin(NewRetirement("acme", "f1"));
  world.Settle();
  EXPECT_THAT(Plan(UndeleteTenant{.operation = "op-u", .tenant = "acme"}).steps, IsEmpty());
}

TEST_F(Plans, PurgeDropsThenDeletesThenErasesTheKey) {
  world.Begin(NewRetirement("acme", "f1"));
  world.Settle();
  const domain::Operation plan =
      Plan(PurgeTenant{.operation = "op-p", .tenant = "acme", .confirmed = true});
  EXPECT_THAT(Tasks(plan.steps),
              ElementsAre(TaskKind::kDrop, TaskKind::kDeleteBackup, TaskKind::kEraseKey));
}

TEST_F(Plans, RotateMakesEachLoginInAStepOfItsOwn) {
  const domain::Operation plan = Plan(NewRotation("acme", "1"));
  ASSERT_THAT(Tasks(plan.steps), ElementsAre(TaskKind::kRotate, TaskKind::kRotate));
  EXPECT_EQ(std::get<domain::RotateTask>(plan.steps[0].task),
            (domain::RotateTask{.login = "t_acme_b", .enable = true}));
}

}  // namespace
}  // namespace croft::engine
