#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class FleetCheckTest : public ControlPlane {
 protected:
  v1::CheckFleetResponse Check() {
    v1::CheckFleetResponse response;
    const grpc::Status status =
        Call(*admin_, &v1::AdminService::Stub::CheckFleet, v1::CheckFleetRequest(), response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // The host as the catalog says it is.
  domain::Inventory AsItShouldBe(const std::string& host) {
    domain::Inventory inventory{.host = host};
    const auto page = catalog_->ListTenants({});
    for (const domain::Tenant& tenant : page->tenants) {
      if (tenant.placement.host != host) continue;
      inventory.databases.push_back({.name = tenant.placement.database,
                                     .uid = tenant.uid,
                                     .generation = tenant.placement.generation,
                                     .allows_connections = true});
      inventory.roles.push_back({.name = tenant.owner_role});
      inventory.roles.push_back({.name = tenant.reader_role});
      for (const auto& credential : tenant.credentials)
        inventory.roles.push_back({.name = credential.login, .can_login = true});
    }
    inventory.stores = {{.store = "s1"}};
    return inventory;
  }
};

TEST_F(FleetCheckTest, SaysNothingOfAFleetThatIsAsTheCatalogSays) {
  JoinHost("h1");
  Create("acme");
  inventories_.Lay(AsItShouldBe("h1"));
  const v1::CheckFleetResponse check = Check();
  EXPECT_THAT(check.findings(), IsEmpty()) << check.ShortDebugString();
  EXPECT_EQ(check.hosts_checked(), 1);
  EXPECT_EQ(check.stores_checked(), 1);
  EXPECT_EQ(check.tenants_checked(), 1);
  EXPECT_THAT(check.tenants_busy(), IsEmpty());
  EXPECT_GT(check.check_time().seconds(), 0);
}

TEST_F(FleetCheckTest, NamesWhatDiffersInTheApisWords) {
  JoinHost("h1");
  Create("acme");
  domain::Inventory inventory = AsItShouldBe("h1");
  inventory.databases.front().name += "_f";
  inventory.databases.front().allows_connections = false;
  inventories_.Lay(inventory);
  const v1::CheckFleetResponse check = Check();
  ASSERT_EQ(check.findings_size(), 1);
  const v1::FleetFinding& finding = check.findings(0);
  EXPECT_EQ(finding.kind(), v1::FleetFinding::KIND_DATABASE_FENCED_BY_NOBODY);
  EXPECT_EQ(finding.severity(), v1::FleetFinding::SEVERITY_PROBLEM);
  EXPECT_EQ(finding.host(), "hosts/h1");
  EXPECT_EQ(finding.tenant(), "tenants/acme");
  EXPECT_EQ(finding.object(), inventory.databases.front().name);
}

TEST_F(FleetCheckTest, ADatabaseOfAPurgedTenantIsKnownByItsTombstone) {
  JoinHost("h1");
  fleet_->FailNext(domain::TaskKind::kCreate);
  v1::Operation operation;
  ASSERT_TRUE(BeginCreate("acme", operation).ok());
  Await(operation.name());
  const std::string uid = (*catalog_->GetTenant("acme"))->uid;
  AwaitSuccess(Begin(&v1::TenantService::Stub::PurgeTenant, "acme", operation), operation);
  domain::Inventory inventory = AsItShouldBe("h1");
  inventory.databases.push_back({.name = "t_acme_" + uid + "_g1", .uid = uid, .generation = 1});
  inventories_.Lay(inventory);
  const v1::CheckFleetResponse check = Check();
  ASSERT_EQ(check.findings_size(), 1) << check.ShortDebugString();
  EXPECT_EQ(check.findings(0).kind(), v1::FleetFinding::KIND_DATABASE_HALF_DROPPED);
}

TEST_F(FleetCheckTest, HostsThatAreAwayAreToldAsSuchAndNotAsked) {
  JoinHost("h1");
  JoinHost("h2");
  Lose("h2");
  inventories_.Lay(AsItShouldBe("h1"));
  const v1::CheckFleetResponse check = Check();
  ASSERT_EQ(check.findings_size(), 1);
  EXPECT_EQ(check.findings(0).kind(), v1::FleetFinding::KIND_HOST_SILENT);
  EXPECT_EQ(check.findings(0).host(), "hosts/h2");
  EXPECT_THAT(inventories_.asked(), ElementsAre(Pair("h1", ElementsAre("s1"))));
}

TEST_F(FleetCheckTest, AHostThatIsLostWhileItIsAskedIsSilent) {
  JoinHost("h1");  // nothing is laid out: it is gone when it is asked
  const v1::CheckFleetResponse check = Check();
  ASSERT_EQ(check.findings_size(), 1);
  EXPECT_EQ(check.findings(0).kind(), v1::FleetFinding::KIND_HOST_SILENT);
}

TEST_F(FleetCheckTest, AHostThatDoesNotAnswerIsSilentWhenTheCallersTimeIsUp) {
  JoinHost("h1");
  inventories_.Mute("h1");
  FleetChecker checker(*catalog_, inventories_, clock_, findings_);
  const auto checked = checker.CheckAll(absl::Now() + absl::Milliseconds(50));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(checked->fleet.silent, ElementsAre(Pair("h1", HasSubstr("did not answer in time"))));
}

TEST_F(FleetCheckTest, AStoreThatHostsShareIsReadOnce) {
  JoinHost("h1");
  JoinHost("h2");
  inventories_.Lay(AsItShouldBe("h1"));
  inventories_.Lay(domain::Inventory{.host = "h2"});
  EXPECT_THAT(Check().findings(), IsEmpty());
  EXPECT_THAT(inventories_.asked(),
              UnorderedElementsAre(Pair("h1", ElementsAre("s1")), Pair("h2", IsEmpty())));
}

TEST_F(FleetCheckTest, ATenantThatIsWorkedOnIsNamedAndNotJudged) {
  JoinHost("h1");
  fleet_->Hold(domain::TaskKind::kCreate);
  v1::Operation operation;
  ASSERT_TRUE(BeginCreate("acme", operation).ok());
  inventories_.Lay(domain::Inventory{.host = "h1", .stores = {{.store = "s1"}}});
  const v1::CheckFleetResponse check = Check();
  EXPECT_THAT(check.findings(), IsEmpty());
  EXPECT_THAT(check.tenants_busy(), ElementsAre("tenants/acme"));
  fleet_->Release();
  AwaitSuccess(grpc::Status::OK, operation);
}

}  // namespace
}  // namespace croft::handlers
