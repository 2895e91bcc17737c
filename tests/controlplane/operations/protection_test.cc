// What ends a tenant is asked for twice, and a protected one is not ended.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::TenantState;
using ::testing::HasSubstr;

class Protection : public ::testing::Test {
 protected:
  Protection() {
    world.Join("h1");
    world.Begin(NewTenant("acme"));
    world.Settle();
  }
  UpdateTenant Update() { return {.operation = "op-update", .tenant = "acme"}; }
  UpdateTenant Protect(bool on) {
    UpdateTenant update = Update();
    update.update.Set<&domain::Tenant::delete_protection>() = on;
    return update;
  }
  UpdateTenant ExpireIn(absl::Duration time) {
    UpdateTenant update = Update();
    update.update.Set<&domain::Tenant::expire_time>() = world.now + time;
    return update;
  }
  void RetireWell() {
    world.Begin(NewRetirement("acme", "b1"));
    world.Settle();
    ASSERT_EQ(world.Tenant("acme").state, TenantState::kRetired);
  }
  PurgeTenant Purge() { return {.operation = "op-p", .tenant = "acme", .confirmed = true}; }

  World world;
};

TEST_F(Protection, RefusesRetirementUntilItIsTakenOff) {
  ASSERT_TRUE(world.Call(Protect(true)).ok());
  const auto refused = world.Call(NewRetirement("acme", "b1"));
  EXPECT_EQ(DetailsOf(refused.status()).reason, "DELETE_PROTECTED");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--delete-protection off"));
  ASSERT_TRUE(world.Call(Protect(false)).ok());
  RetireWell();
}

TEST_F(Protection, RefusesThePurgeOfARetiredTenant) {
  RetireWell();
  ASSERT_TRUE(world.Call(Protect(true)).ok());
  EXPECT_EQ(world.Refusal(Purge()), "DELETE_PROTECTED");
  ASSERT_TRUE(world.Call(Protect(false)).ok());
  world.Begin(Purge());
  world.Settle();
  EXPECT_EQ(world.Tenant("acme").state, TenantState::kPurged);
}

TEST_F(Protection, KeepsATenantThatHasExpired) {
  ASSERT_TRUE(world.Call(Protect(true)).ok());
  ASSERT_TRUE(world.Call(ExpireIn(absl::Hours(2))).ok());
  world.Pass(absl::Hours(3));
  EXPECT_TRUE(world.Due().empty());
  // Without it the tenant would be retired at once, so that is asked for twice.
  EXPECT_EQ(world.Refusal(Protect(false)), "CONFIRMATION_REQUIRED");
  UpdateTenant update = Protect(false);
  update.confirmed = true;
  ASSERT_TRUE(world.Call(update).ok());
  EXPECT_EQ(world.Due(), std::vector<std::string>({"EXPIRE tenants/acme"}));
}

TEST_F(Protection, CanBeGivenAtTheCreation) {
  CreateTenant create = NewTenant("globex");
  create.tenant.delete_protection = true;
  world.Begin(create);
  world.Settle();
  EXPECT_EQ(world.Refusal(NewRetirement("globex", "b1")), "DELETE_PROTECTED");
}

TEST_F(Protection, RetirementWithLittleGraceIsConfirmed) {
  RetireTenant retire = NewRetirement("acme", "b1");
  retire.grace = absl::Minutes(59);
  const auto refused = world.Call(retire);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(refused.status()).reason, "CONFIRMATION_REQUIRED");
  EXPECT_EQ(DetailsOf(refused.status()).metadata.at("value"), "tenants/acme");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("set confirm to tenants/acme"));
  retire.confirmed = true;
  EXPECT_EQ(world.Begin(retire).id, "op-retire-b1");
}

TEST_F(Protection, RetirementWithAnHourOfGraceIsNot) {
  RetireTenant retire = NewRetirement("acme", "b1");
  retire.grace = absl::Hours(1);
  EXPECT_EQ(world.Begin(retire).id, "op-retire-b1");
}

TEST_F(Protection, APurgeIsConfirmed) {
  RetireWell();
  PurgeTenant purge = Purge();
  purge.confirmed = false;
  EXPECT_EQ(world.Refusal(purge), "CONFIRMATION_REQUIRED");
  EXPECT_EQ(world.Begin(Purge()).id, "op-p");
}

TEST_F(Protection, AnEndWithinTheHourIsConfirmed) {
  EXPECT_EQ(world.Refusal(ExpireIn(absl::Minutes(59))), "CONFIRMATION_REQUIRED");
  EXPECT_EQ(world.Refusal(ExpireIn(-absl::Hours(1))), "CONFIRMATION_REQUIRED");
  EXPECT_EQ(world.Tenant("acme").expire_time, std::nullopt);
  ASSERT_TRUE(world.Call(ExpireIn(absl::Hours(1))).ok());
  // One that is as near as it was is not asked for again, whatever else changes.
  world.Pass(absl::Minutes(30));
  UpdateTenant labels = Update();
  labels.update.label_edits["tier"] = "gold";
  labels.update.Set<&domain::Tenant::expire_time>() = world.Tenant("acme").expire_time;
  EXPECT_TRUE(world.Call(labels).ok());
  UpdateTenant sooner = ExpireIn(absl::Minutes(5));
  sooner.confirmed = true;
  EXPECT_TRUE(world.Call(sooner).ok());
}

}  // namespace
}  // namespace croft::engine
