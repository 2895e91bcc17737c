#include <algorithm>

#include "common/crypto/hash.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class AdminTest : public ControlPlane {
 protected:
  AdminTest() {
    JoinHost("h1");
    Create("acme");
    const domain::Tenant tenant = **catalog_->GetTenant("acme");
    home_ = {.host = "h1"};
    home_.databases = {{.name = tenant.placement.database,
                        .uid = tenant.uid,
                        .generation = tenant.placement.generation,
                        .allows_connections = true}};
    home_.roles = {{.name = tenant.owner_role}, {.name = tenant.reader_role}};
    for (const auto& credential : tenant.credentials)
      home_.roles.push_back({.name = credential.login, .can_login = true});
    home_.stores = {{.store = "s1"}};
  }
  v1::RepairFleetResponse Repair(bool validate_only, std::vector<std::string> ids = {}) {
    inventories_.Lay(home_);
    v1::RepairFleetRequest request;
    request.set_validate_only(validate_only);
    request.set_request_id(Uuid(7));
    for (std::string& id : ids) request.add_repairs(std::move(id));
    v1::RepairFleetResponse response;
    const grpc::Status status = Call(*admin_, &v1::AdminService::Stub::RepairFleet, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  size_t TasksOf(domain::TaskKind kind) {
    const auto sent = fleet_->sent();
    return static_cast<size_t>(std::count_if(sent.begin(), sent.end(), [&](const auto& task) {
      return domain::KindOf(task.step.task) == kind;
    }));
  }

  domain::Inventory home_;
};

TEST_F(AdminTest, APlanIsShownAndChangesNothing) {
  home_.roles.pop_back();
  const v1::RepairFleetResponse plan = Repair(/*validate_only=*/true);
  ASSERT_THAT(plan.repairs(), SizeIs(1));
  EXPECT_EQ(plan.repairs(0).tenant(), "tenants/acme");
  EXPECT_EQ(plan.repairs(0).host(), "hosts/h1");
  EXPECT_EQ(plan.repairs(0).operation(), "");
  EXPECT_EQ(plan.repairs(0).problem(), "");
  EXPECT_THAT(plan.left(), IsEmpty());
  EXPECT_EQ(TasksOf(domain::TaskKind::kConfigure), 0u);
  EXPECT_EQ(Get("acme").current_operation(), "");
}

TEST_F(AdminTest, ARepairIsAnOperationLikeAnyOther) {
  home_.roles.pop_back();
  const v1::RepairFleetResponse begun = Repair(/*validate_only=*/false);
  ASSERT_THAT(begun.repairs(), SizeIs(1));
  const v1::Operation ended = Await(begun.repairs(0).operation());
  EXPECT_EQ(ended.state(), v1::Operation::STATE_SUCCEEDED);
  EXPECT_EQ(TasksOf(domain::TaskKind::kConfigure), 1u);
  EXPECT_EQ(TasksOf(domain::TaskKind::kUnfence), 1u);
}

TEST_F(AdminTest, OnlyWhatWasNamedIsRepaired) {
  home_.roles.pop_back();
  EXPECT_THAT(Repair(false, {"shape:h1:another"}).repairs(), IsEmpty());
  EXPECT_EQ(TasksOf(domain::TaskKind::kConfigure), 0u);
  const std::string id = Repair(true).repairs(0).id();
  EXPECT_THAT(Repair(false, {id}).repairs(), SizeIs(1));
}

TEST_F(AdminTest, ATenantThatChangesMeanwhileIsLeftOut) {
  home_.roles.pop_back();
  inventories_.WhenAsked([this] {
    v1::UpdateTenantRequest request;
    request.mutable_tenant()->set_name("tenants/acme");
    request.mutable_tenant()->set_display_name("Changed");
    v1::Tenant tenant;
    EXPECT_TRUE(Call(*tenants_, &v1::TenantService::Stub::UpdateTenant, request, tenant).ok());
  });
  const v1::RepairFleetResponse plan = Repair(/*validate_only=*/true);
  EXPECT_THAT(plan.repairs(), IsEmpty());
  EXPECT_THAT(plan.left(), IsEmpty());
}

TEST_F(AdminTest, WhatIsForPeopleIsTold) {
  home_.databases.push_back(
      {.name = "t_x_bbbbbbbbbbbbbbbb_g1", .uid = "bbbbbbbbbbbbbbbb", .generation = 1});
  const v1::RepairFleetResponse plan = Repair(false);
  EXPECT_THAT(plan.repairs(), IsEmpty());
  ASSERT_THAT(plan.left(), SizeIs(1));
  EXPECT_EQ(plan.left(0).kind(), v1::FleetFinding::KIND_DATABASE_ORPHANED);
  EXPECT_EQ(TasksOf(domain::TaskKind::kDrop), 0u);
}

TEST_F(AdminTest, StatusCountsTheOperationsThatAreListedAsRunning) {
  const auto counted = [this] {
    v1::GetStatusResponse status;
    EXPECT_TRUE(Call(*admin_, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status).ok());
    return status.operations_running();
  };
  const auto listed = [this] {
    v1::ListOperationsRequest request;
    request.set_filter("done = false");
    v1::ListOperationsResponse response;
    EXPECT_TRUE(Call(*operations_, &v1::OperationService::Stub::ListOperations, request, response).ok());
    return response.operations_size();
  };
  v1::Operation operation;
  const grpc::Status rotation = Begin(&v1::TenantService::Stub::RotateCredentials, "acme", operation);
  AwaitSuccess(rotation, operation);
  ASSERT_EQ(catalog_->ListOperations({.ended = false, .kind = domain::OperationKind::kCleanUp, .limit = 9})
                ->operations.size(),
            1u)
      << "the replaced logins are disabled later";
  EXPECT_EQ(counted(), 0);
  EXPECT_EQ(listed(), 0);
  fleet_->Hold(domain::TaskKind::kCreate);
  ASSERT_TRUE(BeginCreate("globex", operation).ok());
  EXPECT_EQ(counted(), 1);
  EXPECT_EQ(listed(), 1);
  fleet_->Release();
}

TEST_F(AdminTest, ACopyOfTheCatalogComesWithItsDigestLast) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto reader = admin_->BackupCatalog(&context, v1::BackupCatalogRequest());
  std::string bytes;
  v1::CatalogCopy copy;
  for (v1::BackupCatalogResponse part; reader->Read(&part);) {
    EXPECT_FALSE(copy.size_bytes() > 0) << "nothing follows the description";
    bytes += part.data();
    if (part.has_copy()) copy = part.copy();
  }
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_EQ(copy.size_bytes(), static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(copy.sha256(), crypto::Hex(crypto::Sha256(bytes)));
  EXPECT_EQ(copy.revision().epoch(), catalog_->revision().epoch);
  EXPECT_EQ(bytes.substr(0, 15), "SQLite format 3");
}

}  // namespace
}  // namespace croft::handlers
