#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A call as the holder of a token.
class Bearer : public grpc::ClientContext {
 public:
  explicit Bearer(const std::string& token) {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    AddMetadata("authorization", "Bearer " + token);
  }
};

class AccessHandlersTest : public ControlPlane {
 protected:
  AccessHandlersTest() {
    JoinHost("h1");
    CreateWith("acme", "shop");
    CreateWith("globex", "bank");
    lookup_stub_ = v1::LookupService::NewStub(plane_->AsNobody());
    tenant_stub_ = v1::TenantService::NewStub(plane_->AsNobody());
  }

  void CreateWith(const std::string& id, const std::string& app) {
    v1::CreateTenantRequest request;
    request.set_tenant_id(id);
    (*request.mutable_tenant()->mutable_labels())["app"] = app;
    v1::Operation operation;
    const grpc::Status status = Call(*tenants_, &v1::TenantService::Stub::CreateTenant, request, operation);
    AwaitSuccess(status, operation);
  }
  v1::Binding OnShops(v1::Binding::Role role) {
    v1::Binding binding;
    binding.set_role(role);
    (*binding.mutable_labels())["app"] = "shop";
    return binding;
  }
  // A principal with this binding; answers its token.
  v1::CreateTokenResponse NewPrincipal(const std::string& id, const v1::Binding& binding) {
    v1::CreatePrincipalRequest create;
    create.set_principal_id(id);
    v1::Principal principal;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::CreatePrincipal, create, principal).ok());
    v1::BindRoleRequest bind;
    bind.set_name("principals/" + id);
    *bind.mutable_binding() = binding;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::BindRole, bind, principal).ok());
    v1::CreateTokenRequest token;
    token.set_parent("principals/" + id);
    v1::CreateTokenResponse made;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateToken, token, made).ok());
    return made;
  }
  void Revoke(const v1::CreateTokenResponse& token) {
    v1::RevokeTokenRequest request;
    request.set_name(token.token().name());
    v1::RevokeTokenResponse response;
    EXPECT_TRUE(Call(*access_, &v1::AccessService::Stub::RevokeToken, request, response).ok());
  }
  std::string LookupReasonAs(const std::string& token, const std::string& tenant, std::string* password) {
    Bearer context(token);
    v1::LookupRequest request;
    request.set_tenant(tenant);
    v1::LookupResponse response;
    const grpc::Status status = lookup_stub_->Lookup(&context, request, &response);
    if (password != nullptr) *password = response.password();
    return status.ok() ? "" : server::ReasonOf(status);
  }
  std::vector<v1::AuditEvent> Audited(const std::string& filter) {
    v1::ListAuditEventsRequest request;
    request.set_filter(filter);
    v1::ListAuditEventsResponse response;
    const grpc::Status status = Call(*audit_, &v1::AuditService::Stub::ListAuditEvents, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.events().begin(), response.events().end()};
  }
  // The names that a watch tells until it is in step.
  static std::vector<std::string> FirstSet(grpc::ClientReader<v1::WatchPlacementsResponse>& stream) {
    std::vector<std::string> names;
    v1::WatchPlacementsResponse response;
    while (!response.has_revision() && stream.Read(&response)) {
      for (const auto& change : response.changes()) names.push_back(change.tenant());
    }
    return names;
  }
  static grpc::Status EndOf(grpc::ClientReader<v1::WatchPlacementsResponse>& stream) {
    v1::WatchPlacementsResponse response;
    while (stream.Read(&response)) {
    }
    return stream.Finish();
  }

  std::unique_ptr<v1::LookupService::Stub> lookup_stub_;
  std::unique_ptr<v1::TenantService::Stub> tenant_stub_;
};

TEST_F(AccessHandlersTest, NarrowedConnectorReachesItsOwnTenantsAlone) {
  const std::string token = NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR)).secret();
  std::string password;
  EXPECT_EQ(LookupReasonAs(token, "acme", &password), "");
  EXPECT_NE(password, "");
  EXPECT_EQ(LookupReasonAs(token, "globex", nullptr), "PERMISSION_DENIED");
  EXPECT_EQ(LookupReasonAs(token, "nobody", nullptr), "PERMISSION_DENIED");
  Bearer context(token);
  EXPECT_THAT(FirstSet(*lookup_stub_->WatchPlacements(&context, {})), ElementsAre("tenants/acme"));
}

TEST_F(AccessHandlersTest, NarrowedViewerListsItsOwnTenantsWithoutPasswords) {
  const std::string token = NewPrincipal("eye", OnShops(v1::Binding::ROLE_VIEWER)).secret();
  std::string password;
  EXPECT_EQ(LookupReasonAs(token, "acme", &password), "");
  EXPECT_EQ(password, "");
  Bearer context(token);
  v1::ListTenantsResponse listed;
  ASSERT_TRUE(tenant_stub_->ListTenants(&context, {}, &listed).ok());
  ASSERT_THAT(listed.tenants(), SizeIs(1));
  EXPECT_EQ(listed.tenants(0).name(), "tenants/acme");
  EXPECT_THAT(Audited("caller = eye AND result = OK"), IsEmpty()) << "nobody's password was read";
}

TEST_F(AccessHandlersTest, RevokedTokenEndsItsOpenWatch) {
  const v1::CreateTokenResponse token = NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR));
  Bearer context(token.secret());
  const auto stream = lookup_stub_->WatchPlacements(&context, {});
  EXPECT_THAT(FirstSet(*stream), SizeIs(1));
  Revoke(token);
  EXPECT_EQ(EndOf(*stream).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(LookupReasonAs(token.secret(), "acme", nullptr), "TOKEN_INVALID");
}

TEST_F(AccessHandlersTest, ChangedBindingEndsTheWatchAndItCannotBeResumed) {
  const v1::CreateTokenResponse token = NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR));
  Bearer context(token.secret());
  const auto stream = lookup_stub_->WatchPlacements(&context, {});
  EXPECT_THAT(FirstSet(*stream), SizeIs(1));
  v1::BindRoleRequest bind;
  bind.set_name("principals/shop");
  bind.mutable_binding()->set_role(v1::Binding::ROLE_LOCATOR);
  bind.mutable_binding()->add_tenants("globex");
  v1::Principal principal;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::BindRole, bind, principal).ok());
  EXPECT_EQ(server::ReasonOf(EndOf(*stream)), "PERMISSIONS_CHANGED");
  Bearer again(token.secret());
  v1::WatchPlacementsRequest resume;
  resume.mutable_since()->set_epoch(1);
  resume.mutable_since()->set_revision(1);
  const auto resumed = lookup_stub_->WatchPlacements(&again, resume);
  EXPECT_EQ(EndOf(*resumed).error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(AccessHandlersTest, FirstReadIsInTheAuditBeforeItsAnswerAndTheNextIsNot) {
  const std::string token = NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR)).secret();
  EXPECT_EQ(LookupReasonAs(token, "acme", nullptr), "");
  const auto rows = Audited("caller = shop AND result = OK");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].method(), "LookupService/Lookup");
  EXPECT_THAT(rows[0].resources(), ElementsAre("tenants/acme"));
  EXPECT_EQ(LookupReasonAs(token, "acme", nullptr), "");
  EXPECT_THAT(Audited("caller = shop AND result = OK"), SizeIs(1));
}

TEST_F(AccessHandlersTest, RepeatedTokenIsNotShownAgain) {
  NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR));
  v1::CreateTokenRequest request;
  request.set_parent("principals/shop");
  request.set_request_id(Uuid(1));
  v1::CreateTokenResponse first, again;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateToken, request, first).ok());
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateToken, request, again).ok());
  EXPECT_EQ(again.secret(), "");
  EXPECT_EQ(again.token().name(), first.token().name());
  EXPECT_NE(first.secret(), "");
}

TEST_F(AccessHandlersTest, CertificateRequestThatCannotBeSignedIsNamed) {
  NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR));
  v1::CreateCertificateRequest request;
  request.set_parent("principals/shop");
  request.set_certificate_request("nonsense");
  v1::CreateCertificateResponse none;
  const grpc::Status refused = Call(*access_, &v1::AccessService::Stub::CreateCertificate, request, none);
  EXPECT_EQ(refused.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(server::DetailsIn(refused).fields, ElementsAre("certificate_request"));
}

TEST_F(AccessHandlersTest, CertificateOfAPrincipalIsThatPrincipalUntilItIsRevoked) {
  NewPrincipal("shop", OnShops(v1::Binding::ROLE_CONNECTOR));
  const std::string key = crypto::NewPrivateKey();
  v1::CreateCertificateRequest request;
  request.set_parent("principals/shop");
  request.set_certificate_request(*crypto::NewCertificateRequest(key, "whatever"));
  v1::CreateCertificateResponse made;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::CreateCertificate, request, made).ok());
  const auto stub = v1::AccessService::NewStub(plane_->AsHolderOf(key, made.certificate()));
  v1::WhoAmIResponse who;
  ASSERT_TRUE(Call(*stub, &v1::AccessService::Stub::WhoAmI, v1::WhoAmIRequest(), who).ok());
  EXPECT_EQ(who.caller(), "shop");
  EXPECT_EQ(who.kind(), v1::WhoAmIResponse::KIND_PRINCIPAL);
  v1::RevokeCertificateRequest revoke;
  revoke.set_parent("principals/shop");
  revoke.set_fingerprint(made.fingerprint());
  v1::RevokeCertificateResponse revoked;
  ASSERT_TRUE(Call(*access_, &v1::AccessService::Stub::RevokeCertificate, revoke, revoked).ok());
  EXPECT_EQ(server::ReasonOf(Call(*stub, &v1::AccessService::Stub::WhoAmI, v1::WhoAmIRequest(), who)),
            "IDENTITY_UNKNOWN");
}

TEST_F(AccessHandlersTest, AuditIsProvenAgainstAHeadThatWasNoted) {
  v1::VerifyAuditRequest request;
  v1::VerifyAuditResponse first, later;
  ASSERT_TRUE(Call(*audit_, &v1::AuditService::Stub::VerifyAudit, request, first).ok());
  CreateWith("more", "shop");
  *request.mutable_expect() = first.head();
  ASSERT_TRUE(Call(*audit_, &v1::AuditService::Stub::VerifyAudit, request, later).ok());
  EXPECT_GT(later.head().sequence(), first.head().sequence());
  request.mutable_expect()->set_hash(std::string(64, '0'));
  EXPECT_EQ(server::ReasonOf(Call(*audit_, &v1::AuditService::Stub::VerifyAudit, request, later)),
            "AUDIT_BROKEN");
}

TEST_F(AccessHandlersTest, CutOfTheAuditIsShownAndAForgedOneRefused) {
  const domain::AuditRow row = catalog_->ListAudit(1, 1)->front();
  const auto cut = [&](const std::string& signature) {
    const auto transaction = *catalog_->Begin();
    transaction->Apply(catalog::CutAudit{{.head = {row.sequence, row.hash},
                                          .time = row.event.time,
                                          .cut_time = row.event.time + absl::Hours(1),
                                          .signature = signature}});
    ASSERT_TRUE(transaction->Commit().ok());
  };
  cut("signed");
  v1::VerifyAuditResponse proven;
  ASSERT_TRUE(Call(*audit_, &v1::AuditService::Stub::VerifyAudit, {}, proven).ok());
  EXPECT_EQ(proven.pruned().head().sequence(), 2);
  EXPECT_EQ(proven.pruned().signature(), "signed");
  EXPECT_GT(proven.head().sequence(), 2);
  cut("forged");
  EXPECT_EQ(server::ReasonOf(Call(*audit_, &v1::AuditService::Stub::VerifyAudit, {}, proven)),
            "AUDIT_BROKEN");
}

}  // namespace
}  // namespace croft::handlers
