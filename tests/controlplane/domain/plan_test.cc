#include "controlplane/domain/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tenant Acme() {
  Tenant tenant{.id = "acme", .uid = "u"};
  tenant.placement = {"h1", "t_acme_u_g1", 1};
  tenant.owner_role = "t_acme_u";
  tenant.credentials = {{.login = "t_acme_u_a", .role = LoginRole::kApp, .published = true},
                        {.login = "t_acme_u_ra", .role = LoginRole::kReadOnly, .published = true}};
  return tenant;
}

std::vector<TaskKind> Tasks(const std::vector<Step>& steps) {
  std::vector<TaskKind> kinds;
  for (const Step& step : steps) kinds.push_back(step.task);
  return kinds;
}

Operation Sent(OperationKind kind, std::vector<Step> steps, size_t sent) {
  Operation operation{.id = "op-1", .kind = kind, .tenant = "acme", .steps = std::move(steps)};
  for (size_t i = 0; i < sent; ++i) operation.steps[i].attempt = 1;
  return operation;
}

const Placement kNext{"h1", "t_acme_u_g2", 2};
const Backup kBackup{.tenant = "acme", .id = "b1"};

TEST(RestoreInPlace, ClosesTheOldBeforeItOpensTheNew) {
  const auto steps = RestoreInPlacePlan(Acme(), kNext, kBackup, false);
  EXPECT_THAT(Tasks(steps), ElementsAre(TaskKind::kRestore, TaskKind::kFence, TaskKind::kUnfence));
  EXPECT_EQ(steps[0].database, "t_acme_u_g2");
  EXPECT_EQ(steps[1].database, "t_acme_u_g1");
  EXPECT_EQ(steps[2].database, "t_acme_u_g2");
}

TEST(RestoreInPlace, HasNothingToFenceOnALostHost) {
  EXPECT_THAT(Tasks(RestoreInPlacePlan(Acme(), kNext, kBackup, true)),
              ElementsAre(TaskKind::kRestore, TaskKind::kUnfence));
}

TEST(RestoreInPlace, UndoDropsTheNewBeforeItReopensTheOld) {
  const Operation operation =
      Sent(OperationKind::kRestore, RestoreInPlacePlan(Acme(), kNext, kBackup, false), 3);
  const auto undo = UndoPlan(operation, Acme());
  ASSERT_THAT(Tasks(undo), ElementsAre(TaskKind::kDrop, TaskKind::kUnfence));
  EXPECT_THAT(undo[0].databases, ElementsAre("t_acme_u_g2"));
  EXPECT_FALSE(undo[0].flag) << "the tenant's roles are still in use";
  EXPECT_EQ(undo[1].database, "t_acme_u_g1");
}

TEST(Undo, TakesBackOnlyWhatWasSent) {
  EXPECT_THAT(UndoPlan(Sent(OperationKind::kCreate, CreatePlan(Acme()), 0), Acme()), IsEmpty());
  const auto undo = UndoPlan(Sent(OperationKind::kCreate, CreatePlan(Acme()), 1), Acme());
  ASSERT_THAT(Tasks(undo), ElementsAre(TaskKind::kDrop));
  EXPECT_TRUE(undo[0].flag) << "roles go too";
  EXPECT_TRUE(undo[0].undo);
}

TEST(Retire, BacksUpOnlyWhatIsFencedAndProvesIt) {
  const auto steps = RetirePlan(Acme(), kBackup);
  EXPECT_THAT(Tasks(steps), ElementsAre(TaskKind::kFence, TaskKind::kBackUp, TaskKind::kVerify));
  EXPECT_TRUE(steps[1].flag) << "dumped under its sealed name";
  EXPECT_EQ(PointOfNoReturn(OperationKind::kRetire, steps), 0);
}

TEST(BackUp, DumpsABlockedTenantUnderItsSealedName) {
  Tenant tenant = Acme();
  EXPECT_FALSE(BackUpPlan(tenant, kBackup).front().flag);
  tenant.suspend_mode = SuspendMode::kBlocked;
  EXPECT_TRUE(BackUpPlan(tenant, kBackup).front().flag);
}

TEST(Purge, DropsEachHostOnceThenArchivesThenTheKey) {
  const auto steps = PurgePlan(Acme(), {{"h2", "d2"}, {"h1", "d1"}, {"h1", "d0"}}, {{"h1", kBackup}});
  ASSERT_THAT(Tasks(steps),
              ElementsAre(TaskKind::kDrop, TaskKind::kDrop, TaskKind::kDeleteBackup, TaskKind::kEraseKey));
  EXPECT_THAT(steps[0].databases, ElementsAre("d0", "d1"));
  EXPECT_EQ(steps.back().landing, Landing::kTenantErased);
}

TEST(Suspend, ReadOnlyOpensReadersAlone) {
  Tenant tenant = Acme();
  tenant.suspend_mode = SuspendMode::kReadOnly;
  const auto steps = SuspendPlan(tenant);
  ASSERT_THAT(Tasks(steps), ElementsAre(TaskKind::kFence, TaskKind::kUnfence));
  EXPECT_TRUE(steps[0].flag);
  EXPECT_THAT(steps[1].logins, ElementsAre("t_acme_u_ra"));
}

TEST(Undelete, LeavesABlockedTenantClosed) {
  Tenant tenant = Acme();
  tenant.suspend_mode = SuspendMode::kBlocked;
  EXPECT_THAT(UndeletePlan(tenant), IsEmpty());
}

TEST(Rotate, PublishesWhenAllNewLoginsAreProven) {
  const auto steps = RotatePlan(Acme(), {"t_acme_u_b", "t_acme_u_rb"});
  EXPECT_EQ(steps[0].landing, Landing::kNone);
  EXPECT_EQ(steps[1].landing, Landing::kCredentialsPublished);
  const auto undo = UndoPlan(Sent(OperationKind::kRotate, steps, 1), Acme());
  ASSERT_EQ(undo.size(), 1u);
  EXPECT_FALSE(undo[0].flag) << "disables it";
  EXPECT_THAT(undo[0].logins, ElementsAre("t_acme_u_b"));
}

}  // namespace
}  // namespace croft::domain
