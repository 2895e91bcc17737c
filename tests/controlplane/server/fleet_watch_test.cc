#include "controlplane/server/fleet_watch.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/controlplane/handlers/control_plane.h"

namespace croft::server {
namespace {

class FleetWatchTest : public handlers::ControlPlane {
 protected:
  // As `host` must be for its tenant, but for its database.
  domain::Inventory WithoutDatabase(const std::string& host, const std::string& tenant) {
    const domain::Tenant stored = **catalog_->GetTenant(tenant);
    domain::Inventory inventory{.host = host};
    inventory.roles = {{.name = stored.owner_role}, {.name = stored.reader_role}};
    for (const auto& credential : stored.credentials) {
      inventory.roles.push_back({.name = credential.login, .can_login = true});
    }
    return inventory;
  }
  domain::Inventory Whole(const std::string& host, const std::string& tenant) {
    const domain::Tenant stored = **catalog_->GetTenant(tenant);
    domain::Inventory inventory = WithoutDatabase(host, tenant);
    inventory.databases = {{.name = stored.placement.database,
                            .uid = stored.uid,
                            .generation = stored.placement.generation,
                            .allows_connections = true}};
    return inventory;
  }
  std::vector<std::string> ConditionsOf(const std::string& tenant) {
    v1::GetTenantRequest request;
    request.set_name("tenants/" + tenant);
    v1::Tenant shown;
    EXPECT_TRUE(Call(*tenants_, &v1::TenantService::Stub::GetTenant, request, shown).ok());
    std::vector<std::string> types;
    for (const v1::Condition& condition : shown.conditions()) types.push_back(condition.type());
    return types;
  }
  bool IsMismatched(const std::string& tenant) {
    const std::vector<std::string> types = ConditionsOf(tenant);
    return std::find(types.begin(), types.end(), "FLEET_MISMATCH") != types.end();
  }
  v1::GetStatusResponse Status() {
    v1::GetStatusResponse response;
    EXPECT_TRUE(Call(*admin_, &v1::AdminService::Stub::GetStatus, {}, response).ok());
    return response;
  }
  template <typename Condition>
  static bool Becomes(Condition condition) {
    for (int i = 0; i < 300; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
};

TEST_F(FleetWatchTest, ADeadTenantGetsAConditionAndLosesItWhenAllIsWell) {
  JoinHost("h1");
  Create("acme");
  inventories_.Lay(WithoutDatabase("h1", "acme"));
  EXPECT_FALSE(Status().has_fleet_check_time());
  handlers::FleetChecker checker(*catalog_, inventories_, clock_, findings_);
  FleetWatch watch(*catalog_, checker, findings_, clock_);
  watch.Start();
  watch.Compare("h1");
  EXPECT_TRUE(Becomes([&] { return IsMismatched("acme"); }));
  EXPECT_TRUE(Status().has_fleet_check_time());
  EXPECT_EQ(Status().fleet_problem_count(), 1);
  inventories_.Lay(Whole("h1", "acme"));
  watch.Compare("h1");
  EXPECT_TRUE(Becomes([&] { return !IsMismatched("acme"); }));
  EXPECT_EQ(Status().fleet_problem_count(), 0);
  watch.Stop();
}

TEST_F(FleetWatchTest, AHostThatDoesNotAnswerHoldsUpNoOther) {
  JoinHost("h1");
  JoinHost("h2");
  inventories_.Mute("h1");
  inventories_.Lay(domain::Inventory{.host = "h2"});
  handlers::FleetChecker checker(*catalog_, inventories_, clock_, findings_);
  FleetWatch watch(*catalog_, checker, findings_, clock_);
  watch.Start();
  watch.Compare("none");
  EXPECT_TRUE(Becomes([&] {
    watch.Compare("h1");
    watch.Compare("h2");
    return inventories_.asked_times("h2") > 3;
  }));
  EXPECT_EQ(inventories_.asked_times("h1"), 1) << "it is asked once at a time";
  inventories_.AnswerMute();
  watch.Stop();
}

TEST_F(FleetWatchTest, AHostThatIsAskedForWhileItIsComparedIsComparedAgain) {
  JoinHost("h1");
  inventories_.Mute("h1");
  handlers::FleetChecker checker(*catalog_, inventories_, clock_, findings_);
  FleetWatch watch(*catalog_, checker, findings_, clock_);
  watch.Start();
  watch.Compare("h1");
  ASSERT_TRUE(Becomes([&] { return inventories_.asked_times("h1") == 1; }));
  watch.Compare("h1");
  watch.Compare("h1");
  inventories_.AnswerMute();
  EXPECT_TRUE(Becomes([&] { return inventories_.asked_times("h1") == 2; }));
  watch.Stop();
  EXPECT_EQ(inventories_.asked_times("h1"), 2) << "those that wait are compared once";
}

}  // namespace
}  // namespace croft::server
