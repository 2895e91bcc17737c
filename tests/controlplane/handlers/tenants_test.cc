#include "common/ids.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using Tenants = v1::TenantService::Stub;

class TenantsTest : public ControlPlane {};

TEST_F(TenantsTest, CreatedTenantIsReadyAndFoundWithItsPassword) {
  JoinHost("h1");
  v1::Operation operation;
  ASSERT_TRUE(BeginCreate("acme", operation).ok());
  EXPECT_EQ(operation.kind(), v1::Operation::KIND_CREATE);
  EXPECT_EQ(operation.target(), "tenants/acme");
  EXPECT_EQ(operation.caller(), "admin");
  EXPECT_EQ(Await(operation.name()).state(), v1::Operation::STATE_SUCCEEDED);

  const v1::Tenant tenant = Get("acme");
  EXPECT_EQ(tenant.state(), v1::Tenant::STATE_READY);
  EXPECT_EQ(tenant.placement().host(), "hosts/h1");
  EXPECT_EQ(tenant.credentials_size(), 2);
  EXPECT_EQ(tenant.conditions_size(), 0) << tenant.ShortDebugString();
  v1::LookupResponse placement;
  ASSERT_TRUE(Lookup("acme", placement).ok());
  EXPECT_EQ(placement.password().size(), 32U);
  EXPECT_EQ(placement.endpoints(0).host(), "h1.example");
  EXPECT_EQ(placement.endpoints(0).user(), "t_acme_" + tenant.uid() + "_a");
  EXPECT_EQ(placement.root_certificate(), "authority");

  // The agent was given verifiers of both logins, and the password's nowhere.
  const auto sent = fleet_->sent();
  ASSERT_FALSE(sent.empty());
  ASSERT_EQ(sent[0].tenant.credentials.size(), 2U);
  for (const auto& credential : sent[0].tenant.credentials) {
    EXPECT_THAT(credential.verifier, testing::StartsWith("SCRAM-SHA-256$4096:"));
  }
  EXPECT_TRUE(keys_->Wrapped(tenant.uid()).ok()) << "it has a data key";
}

TEST_F(TenantsTest, TenantIsListedWhileItIsMade) {
  JoinHost("h1");
  fleet_->Hold(domain::TaskKind::kCreate);
  v1::Operation operation;
  ASSERT_TRUE(BeginCreate("acme", operation).ok());
  EXPECT_EQ(Get("acme").state(), v1::Tenant::STATE_CREATING);
  EXPECT_EQ(Get("acme").current_operation(), operation.name());
  EXPECT_EQ(LookupReason("acme"), "TENANT_NOT_READY");
  fleet_->Release();
  Await(operation.name());
  EXPECT_EQ(LookupReason("acme"), "");
}

TEST_F(TenantsTest, CreateWithoutAHostFailsAndKeepsNoKey) {
  v1::Operation operation;
  EXPECT_EQ(ReasonOf(BeginCreate("acme", operation)), "NO_HOST_FITS");
  v1::GetTenantRequest request;
  request.set_name("tenants/acme");
  v1::Tenant tenant;
  EXPECT_EQ(ReasonOf(Call(*tenants_, &Tenants::GetTenant, request, tenant)), "TENANT_NOT_FOUND");
  for (const std::string& drawn : random_.drawn()) {
    EXPECT_FALSE(drawn.size() == 16 && keys_->Wrapped(UidFrom(drawn)).ok()) << "a key that nobody needs";
  }
}

TEST_F(TenantsTest, CreateDuplicateTenantReturnsAlreadyExists) {
  JoinHost("h1");
  Create("acme");
  v1::Operation operation;
  const grpc::Status status = BeginCreate("acme", operation);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(status), "TENANT_EXISTS");
}

TEST_F(TenantsTest, RepeatedRequestIdAnswersTheFirstOperation) {
  JoinHost("h1");
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  request.set_request_id(Uuid(1));
  v1::Operation first;
  AwaitSuccess(Call(*tenants_, &Tenants::CreateTenant, request, first), first);
  const std::string uid = Get("acme").uid();
  v1::Operation again;
  ASSERT_TRUE(Call(*tenants_, &Tenants::CreateTenant, request, again).ok());
  EXPECT_EQ(again.name(), first.name());
  EXPECT_EQ(Get("acme").uid(), uid);
  request.set_tenant_id("globex");
  EXPECT_EQ(ReasonOf(Call(*tenants_, &Tenants::CreateTenant, request, again)), "REQUEST_ID_REUSED");
}

TEST_F(TenantsTest, ValidateOnlyChangesNothing) {
  JoinHost("h1");
  v1::CreateTenantRequest request;
  request.set_tenant_id("acme");
  request.set_validate_only(true);
  v1::Operation operation;
  ASSERT_TRUE(Call(*tenants_, &Tenants::CreateTenant, request, operation).ok());
  EXPECT_EQ(operation.name(), "");
  EXPECT_EQ(operation.kind(), v1::Operation::KIND_CREATE);
  EXPECT_EQ(LookupReason("acme"), "TENANT_NOT_FOUND");
  EXPECT_TRUE(fleet_->sent().empty());
}

TEST_F(TenantsTest, FailedCreateSaysWhyAndCanBePurged) {
  JoinHost("h1");
  fleet_->FailNext(domain::TaskKind::kCreate);
  v1::Operation operation;
  ASSERT_TRUE(BeginCreate("acme", operation).ok());
  const v1::Operation ended = Await(operation.name());
  EXPECT_EQ(ended.state(), v1::Operation::STATE_FAILED);
  EXPECT_THAT(ended.error().message(), testing::HasSubstr("no room on the disk"));
  EXPECT_EQ(Get("acme").state(), v1::Tenant::STATE_FAILED);
  AwaitSuccess(Begin(&Tenants::PurgeTenant, "acme", operation), operation);
  EXPECT_EQ(LookupReason("acme"), "TENANT_NOT_FOUND");
  Create("acme");
}

TEST_F(TenantsTest, UpdateIsSeenByTheNextLookup) {
  JoinHost("h1");
  Create("acme");
  v1::UpdateTenantRequest request;
  request.mutable_tenant()->set_name("tenants/acme");
  request.mutable_tenant()->add_aliases("Shop.Acme.com");
  (*request.mutable_tenant()->mutable_features())["beta"].set_bool_value(true);
  v1::Tenant updated;
  ASSERT_TRUE(Call(*tenants_, &Tenants::UpdateTenant, request, updated).ok());
  EXPECT_EQ(updated.aliases(0), "shop.acme.com");
  v1::LookupResponse placement;
  ASSERT_TRUE(Lookup("SHOP.acme.com", placement).ok());
  EXPECT_TRUE(placement.features().at("beta").bool_value());
}

TEST_F(TenantsTest, LostRaceForAnUpdateIsAborted) {
  JoinHost("h1");
  Create("acme");
  v1::UpdateTenantRequest request;
  *request.mutable_tenant() = Get("acme");
  request.mutable_tenant()->set_display_name("one");
  request.mutable_update_mask()->add_paths("display_name");
  v1::Tenant updated;
  ASSERT_TRUE(Call(*tenants_, &Tenants::UpdateTenant, request, updated).ok());
  EXPECT_NE(updated.etag(), request.tenant().etag());
  request.mutable_tenant()->set_display_name("two");
  const grpc::Status status = Call(*tenants_, &Tenants::UpdateTenant, request, updated);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "ETAG_MISMATCH");
  EXPECT_EQ(Get("acme").display_name(), "one");
}

TEST_F(TenantsTest, PagesHoldEveryTenantOnceAndTokensTheirQuery) {
  JoinHost("h1");
  for (int i = 0; i < 7; ++i) Create(absl::StrCat("t", i));
  v1::ListTenantsRequest request;
  request.set_page_size(3);
  request.set_filter("state = READY AND id != t3");
  v1::ListTenantsResponse page;
  std::vector<std::string> names;
  do {
    ASSERT_TRUE(Call(*tenants_, &Tenants::ListTenants, request, page).ok());
    for (const v1::Tenant& tenant : page.tenants()) names.push_back(tenant.name());
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  EXPECT_THAT(names, testing::ElementsAre("tenants/t0", "tenants/t1", "tenants/t2", "tenants/t4",
                                          "tenants/t5", "tenants/t6"));
  request.set_page_token("tampered");
  const grpc::Status status = Call(*tenants_, &Tenants::ListTenants, request, page);
  EXPECT_THAT(server::DetailsIn(status).fields, testing::ElementsAre("page_token"));
}

TEST_F(TenantsTest, APageThatIsFullOfSettingsEndsAndGoesOn) {
  JoinHost("h1");
  constexpr int kTenants = 9;
  for (int i = 0; i < kTenants; ++i) {
    v1::CreateTenantRequest create;
    create.set_tenant_id(absl::StrCat("t", i));
    (*create.mutable_tenant()->mutable_settings()->mutable_fields())["text"].set_string_value(
        std::string(60'000, 'x'));
    v1::Operation operation;
    ASSERT_TRUE(Call(*tenants_, &Tenants::CreateTenant, create, operation).ok());
  }
  v1::ListTenantsRequest request;
  v1::ListTenantsResponse page;
  std::vector<std::string> names;
  int pages = 0;
  do {
    ASSERT_TRUE(Call(*tenants_, &Tenants::ListTenants, request, page).ok());
    EXPECT_LT(page.ByteSizeLong(), 300'000U);
    for (const v1::Tenant& tenant : page.tenants()) names.push_back(tenant.name());
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!page.next_page_token().empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(names.size(), static_cast<size_t>(kTenants));
  for (int i = 0; i < kTenants; ++i) EXPECT_EQ(names[i], absl::StrCat("tenants/t", i));
}

TEST_F(TenantsTest, EveryBadFieldIsNamedAtOnce) {
  v1::CreateTenantRequest request;
  request.set_tenant_id("../etc");
  request.mutable_tenant()->set_display_name("two\nlines");
  request.mutable_tenant()->mutable_quota()->set_connections(-1);
  v1::Operation operation;
  const grpc::Status status = Call(*tenants_, &Tenants::CreateTenant, request, operation);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(server::DetailsIn(status).fields,
              testing::ElementsAre("tenant_id", "tenant.display_name", "tenant.quota.connections"));
}

TEST_F(TenantsTest, RotationPublishesNewLoginsAndSaysThatOldOnesStillWork) {
  JoinHost("h1");
  Create("acme");
  v1::LookupResponse before;
  ASSERT_TRUE(Lookup("acme", before).ok());
  v1::Operation operation;
  AwaitSuccess(Begin(&Tenants::RotateCredentials, "acme", operation), operation);
  v1::LookupResponse after;
  ASSERT_TRUE(Lookup("acme", after).ok());
  EXPECT_THAT(after.endpoints(0).user(), testing::EndsWith("_b"));
  EXPECT_NE(after.password(), before.password());
  EXPECT_EQ(Get("acme").conditions(0).type(), "LOGIN_REPLACED");
}

TEST_F(TenantsTest, WholeLifeFromBackupToPurge) {
  JoinHost("h1");
  Create("acme");
  const std::string uid = Get("acme").uid();
  v1::CreateBackupRequest backup_request;
  backup_request.set_parent("tenants/acme");
  v1::Operation operation;
  operation = AwaitSuccess(
      Call(*backups_, &v1::BackupService::Stub::CreateBackup, backup_request, operation), operation);
  const std::string backup = operation.result();
  EXPECT_EQ(Get("acme").last_backup(), backup);

  v1::RestoreTenantRequest restore;
  restore.set_name("tenants/acme");
  restore.set_backup(backup);
  restore.set_new_tenant_id("acme-copy");
  operation = AwaitSuccess(Call(*tenants_, &Tenants::RestoreTenant, restore, operation), operation);
  EXPECT_EQ(operation.result(), "tenants/acme-copy");
  EXPECT_EQ(LookupReason("acme-copy"), "");
  EXPECT_NE(Get("acme-copy").uid(), uid);

  restore.clear_new_tenant_id();
  restore.set_validate_only(true);
  ASSERT_TRUE(Call(*tenants_, &Tenants::RestoreTenant, restore, operation).ok());
  EXPECT_EQ(operation.estimate().backup(), backup);
  EXPECT_EQ(operation.estimate().archive_bytes(), 17);
  EXPECT_EQ(operation.estimate().host(), "hosts/h1");
  EXPECT_EQ(operation.estimate().free_bytes(), int64_t{1} << 40);
  EXPECT_FALSE(operation.estimate().has_duration());
  restore.set_validate_only(false);
  AwaitSuccess(Call(*tenants_, &Tenants::RestoreTenant, restore, operation), operation);
  EXPECT_FALSE(operation.has_estimate());
  v1::LookupResponse placement;
  ASSERT_TRUE(Lookup("acme", placement).ok());
  EXPECT_EQ(placement.placement_generation(), 2);

  ASSERT_EQ(Get("acme").kept_databases_size(), 1);
  AwaitSuccess(Begin(&Tenants::UndoRestore, "acme", operation), operation);
  ASSERT_TRUE(Lookup("acme", placement).ok());
  EXPECT_EQ(placement.placement_generation(), 3);

  AwaitSuccess(Begin(&Tenants::RetireTenant, "acme", operation), operation);
  EXPECT_EQ(LookupReason("acme"), "TENANT_RETIRED");
  AwaitSuccess(Begin(&Tenants::UndeleteTenant, "acme", operation), operation);
  EXPECT_EQ(LookupReason("acme"), "");
  EXPECT_EQ(ReasonOf(Begin(&Tenants::PurgeTenant, "acme", operation)), "WRONG_STATE");
  AwaitSuccess(Begin(&Tenants::RetireTenant, "acme", operation), operation);
  AwaitSuccess(Begin(&Tenants::PurgeTenant, "acme", operation), operation);
  EXPECT_EQ(LookupReason("acme"), "TENANT_NOT_FOUND");
  EXPECT_FALSE(keys_->Wrapped(uid).ok()) << "the data key is gone";
}

TEST_F(TenantsTest, WorkOnUnknownTenantsIsNotFound) {
  JoinHost("h1");
  v1::Operation operation;
  EXPECT_EQ(ReasonOf(Begin(&Tenants::RetireTenant, "nobody", operation)), "TENANT_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Begin(&Tenants::RotateCredentials, "nobody", operation)), "TENANT_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Begin(&Tenants::SuspendTenant, "nobody", operation)), "TENANT_NOT_FOUND");
  v1::CreateBackupRequest request;
  request.set_parent("tenants/nobody");
  EXPECT_EQ(ReasonOf(Call(*backups_, &v1::BackupService::Stub::CreateBackup, request, operation)),
            "TENANT_NOT_FOUND");
  v1::ListBackupsRequest list;
  list.set_parent("tenants/nobody");
  v1::ListBackupsResponse backups;
  EXPECT_EQ(ReasonOf(Call(*backups_, &v1::BackupService::Stub::ListBackups, list, backups)),
            "TENANT_NOT_FOUND");
}

TEST_F(TenantsTest, SecondOperationIsToldWhoHoldsTheTenant) {
  JoinHost("h1");
  Create("acme");
  fleet_->Hold(domain::TaskKind::kFence);
  v1::Operation first;
  ASSERT_TRUE(Begin(&Tenants::RetireTenant, "acme", first).ok());
  v1::Operation second;
  const grpc::Status status = Begin(&Tenants::RotateCredentials, "acme", second);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "TENANT_BUSY");
  EXPECT_EQ(server::DetailsIn(status).infos[0].metadata().at("holder"), first.name());
  EXPECT_EQ(LookupReason("acme"), "TENANT_RETIRED") << "before anything was fenced";
}

}  // namespace
}  // namespace croft::handlers
