#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::FleetRepair;
using domain::OperationState;
using domain::TaskKind;
using domain::TenantState;
using RepairKind = FleetRepair::Kind;

class RepairTest : public ::testing::Test {
 protected:
  RepairTest() {
    world_.Join("h1");
    world_.Begin(NewTenant("acme"));
    world_.Settle();
  }
  RepairTenant Repair(RepairKind kind) {
    const domain::Tenant tenant = world_.Tenant("acme");
    return {.operation = "op-mend",
            .repair = {.kind = kind,
                       .tenant = "acme",
                       .uid = tenant.uid,
                       .host = "h1",
                       .database = tenant.placement.database,
                       .generation = tenant.placement.generation}};
  }
  // Of an earlier generation than the one where the tenant lives.
  RepairTenant DropOfOld() {
    auto transaction = *world_.catalog().Begin();
    domain::Tenant tenant = world_.Tenant("acme");
    tenant.placement.database = "t_acme_g2";
    tenant.placement.generation = 2;
    transaction->Apply(catalog::PutTenant{tenant});
    EXPECT_TRUE(transaction->Commit().ok());
    RepairTenant drop = Repair(RepairKind::kDrop);
    drop.repair.database = "t_acme_g1_f";
    drop.repair.generation = 1;
    return drop;
  }

  World world_;
};

TEST_F(RepairTest, AReadyTenantIsConfiguredAndOpened) {
  const domain::Operation operation = world_.Begin(Repair(RepairKind::kShape));
  EXPECT_EQ(operation.kind, domain::OperationKind::kConfigure);
  EXPECT_EQ(operation.order, 2);
  const SendTask configure = world_.TakeSent();
  EXPECT_EQ(KindOf(configure), TaskKind::kConfigure);
  world_.Done(configure);
  const SendTask open = world_.TakeSent();
  EXPECT_EQ(KindOf(open), TaskKind::kUnfence);
  EXPECT_THAT(TaskOf<domain::UnfenceTask>(open).logins, testing::ElementsAre("t_acme_a", "t_acme_ra"));
  world_.Done(open);
  EXPECT_EQ(world_.Operation("op-mend").state, OperationState::kSucceeded);
  EXPECT_EQ(world_.Tenant("acme").state, TenantState::kReady);
  EXPECT_EQ(world_.Tenant("acme").current_operation, "");
}

TEST_F(RepairTest, WhoIsToBeKeptOutIsClosed) {
  world_.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  world_.Settle();
  world_.Begin(Repair(RepairKind::kShape));
  world_.Done(world_.TakeSent());
  const SendTask fence = world_.TakeSent();
  EXPECT_EQ(KindOf(fence), TaskKind::kFence);
  EXPECT_FALSE(TaskOf<domain::FenceTask>(fence).allow_readers);
  world_.Done(fence);
  EXPECT_TRUE(world_.sent.empty()) << "nothing is opened";
  EXPECT_EQ(world_.Tenant("acme").state, TenantState::kSuspended);
}

TEST_F(RepairTest, AFailureLeavesTheTenantsStateAsItIs) {
  world_.Begin(Repair(RepairKind::kShape));
  world_.Fails(world_.TakeSent(), "WRONG_DATABASE", false);
  world_.Settle();
  EXPECT_EQ(world_.Operation("op-mend").state, OperationState::kFailed);
  EXPECT_EQ(world_.Tenant("acme").state, TenantState::kReady);
  EXPECT_EQ(world_.Tenant("acme").current_operation, "");
}

TEST_F(RepairTest, WhatHasChangedSinceThePlanIsNotMended) {
  RepairTenant moved = Repair(RepairKind::kShape);
  moved.repair.generation = 7;
  EXPECT_EQ(world_.Refusal(moved), "REPAIR_NOT_CALLED_FOR");
  RepairTenant another = Repair(RepairKind::kShape);
  another.repair.uid = "another";
  EXPECT_EQ(world_.Refusal(another), "REPAIR_NOT_CALLED_FOR");
  world_.Begin(SuspendTenant{.operation = "op-s", .tenant = "acme"});
  EXPECT_EQ(world_.Refusal(Repair(RepairKind::kShape)), "TENANT_BUSY");
}

TEST_F(RepairTest, AnEarlierGenerationIsDroppedByACleanUp) {
  world_.Begin(DropOfOld());
  const SendTask drop = world_.TakeSent();
  EXPECT_EQ(KindOf(drop), TaskKind::kDrop);
  EXPECT_THAT(TaskOf<domain::DropTask>(drop).databases, testing::ElementsAre("t_acme_g1"));
  EXPECT_FALSE(TaskOf<domain::DropTask>(drop).roles) << "the roles are in use";
  world_.Done(drop);
  EXPECT_EQ(world_.Operation("op-mend").state, OperationState::kSucceeded);
  EXPECT_EQ(world_.Host("h1").databases_reserved, 1);
}

TEST_F(RepairTest, TheDatabaseWhereTheTenantLivesIsNeverDropped) {
  EXPECT_EQ(world_.Refusal(Repair(RepairKind::kDrop)), "REPAIR_NOT_CALLED_FOR");
  RepairTenant sealed = Repair(RepairKind::kDrop);
  sealed.repair.database += "_f";
  sealed.repair.generation = 0;
  EXPECT_EQ(world_.Refusal(sealed), "REPAIR_NOT_CALLED_FOR");
  RepairTenant newer = DropOfOld();
  newer.repair.generation = 2;
  EXPECT_EQ(world_.Refusal(newer), "REPAIR_NOT_CALLED_FOR");
  EXPECT_TRUE(world_.sent.empty());
}

TEST_F(RepairTest, OnlyAScratchNameOfTheTenantsOwnIsDroppedAsScratch) {
  RepairTenant scratch = Repair(RepairKind::kDropScratch);
  EXPECT_EQ(world_.Refusal(scratch), "REPAIR_NOT_CALLED_FOR");
  scratch.repair.database = "v_bbbbbbbbbbbbbbbb_1234";
  EXPECT_EQ(world_.Refusal(scratch), "REPAIR_NOT_CALLED_FOR");
  EXPECT_TRUE(world_.sent.empty());
}

TEST_F(RepairTest, ABackupThatIsNotInItsStoreFails) {
  world_.Begin(NewBackup("acme", "b1"));
  world_.Settle();
  RepairTenant forget = Repair(RepairKind::kForgetBackup);
  forget.repair.backup = "b1";
  ASSERT_TRUE(world_.Call(forget).ok());
  EXPECT_EQ(world_.Backup("acme", "b1").state, domain::BackupState::kFailed);
  EXPECT_EQ(world_.Refusal(forget), "REPAIR_NOT_CALLED_FOR") << "it has failed already";
}

}  // namespace
}  // namespace croft::engine
