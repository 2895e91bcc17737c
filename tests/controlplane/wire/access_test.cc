#include "controlplane/wire/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/wire/audit.h"
#include "tests/controlplane/wire/corpus.h"

namespace croft::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::BindRoleRequest Binding(v1::Binding::Role role) {
  v1::BindRoleRequest request;
  request.set_name("principals/ci");
  request.mutable_binding()->set_role(role);
  return request;
}

TEST(BindingTest, SaysForWhichTenantsInExactlyOneWay) {
  v1::BindRoleRequest request = Binding(v1::Binding::ROLE_VIEWER);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("binding"))
      << "nothing said is not everything";
  request.mutable_binding()->set_all_tenants(true);
  EXPECT_EQ(Parse(request)->binding, (domain::Binding{domain::Role::kViewer, domain::AllTenants()}));
  request.mutable_binding()->add_tenants("acme");
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("binding"));
  request.mutable_binding()->set_all_tenants(false);
  EXPECT_EQ(Parse(request)->binding.scope, domain::Scope(domain::NamedTenants{{"acme"}}));
  (*request.mutable_binding()->mutable_labels())["app"] = "shop";
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("binding"));
  request.mutable_binding()->clear_tenants();
  EXPECT_EQ(Parse(request)->binding.scope, domain::Scope(domain::LabelledTenants{{{"app", "shop"}}}));
}

TEST(BindingTest, TheSameTenantsAreTheSameScope) {
  v1::BindRoleRequest request = Binding(v1::Binding::ROLE_VIEWER);
  for (const char* id : {"b", "a", "b"}) request.mutable_binding()->add_tenants(id);
  EXPECT_EQ(Parse(request)->binding.scope, domain::Scope(domain::NamedTenants{{"a", "b"}}));
}

TEST(BindingTest, RolesThatAreNotGivenAreRefused) {
  for (const int role : {0, 6, 99, -1}) {
    v1::BindRoleRequest request = Binding(static_cast<v1::Binding::Role>(role));
    request.mutable_binding()->set_all_tenants(true);
    EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("binding.role")) << role;
  }
  v1::BindRoleRequest narrowed = Binding(v1::Binding::ROLE_ADMIN);
  narrowed.mutable_binding()->add_tenants("acme");
  EXPECT_THAT(FieldsOf(Parse(narrowed).status()), ElementsAre("binding.role"));
}

TEST(BindingTest, RoundTripsThroughTheApi) {
  for (const domain::Scope& scope :
       {domain::Scope(domain::AllTenants()), domain::Scope(domain::NamedTenants{{"a", "b"}}),
        domain::Scope(domain::LabelledTenants{{{"app", "shop"}}})}) {
    v1::BindRoleRequest request = Binding(v1::Binding::ROLE_UNSPECIFIED);
    *request.mutable_binding() = ToProto(domain::Binding{domain::Role::kConnector, scope});
    EXPECT_EQ(Parse(request)->binding, (domain::Binding{domain::Role::kConnector, scope}));
  }
}

TEST(AccessRequests, BadTextsAreRefusedOrMadeForTheField) {
  for (const std::string& text : BadTexts()) {
    v1::CreatePrincipalRequest create;
    create.set_principal_id(text);
    const auto created = Parse(create);
    EXPECT_TRUE(!created.ok() || created->principal.size() <= 63u) << text;
    v1::RevokeTokenRequest revoke;
    revoke.set_name("principals/ci/tokens/" + text);
    const auto revoked = Parse(revoke);
    EXPECT_TRUE(!revoked.ok() || revoked->token.size() <= 63u) << text;
    v1::BindRoleRequest bind = Binding(v1::Binding::ROLE_VIEWER);
    bind.mutable_binding()->add_tenants(text);
    EXPECT_TRUE(!Parse(bind).ok() || text.size() <= 63u) << text;
    v1::RevokeCertificateRequest certificate;
    certificate.set_parent("principals/ci");
    certificate.set_fingerprint(text);
    const auto withdrawn = Parse(certificate);
    EXPECT_TRUE(!withdrawn.ok() || text.size() == 64u) << text;
  }
}

TEST(AccessRequests, ATokenEndsOrDoesNotButNotBoth) {
  v1::CreateTokenRequest request;
  request.set_parent("principals/ci");
  EXPECT_EQ(Parse(request)->expire_time, std::nullopt);
  request.mutable_expire_time()->set_seconds(1'800'000'000);
  EXPECT_EQ(Parse(request)->expire_time, absl::FromUnixSeconds(1'800'000'000));
  request.set_never_expires(true);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("never_expires"));
}

domain::AuditRow Row(const std::string& caller, const std::string& method, const std::string& resource,
                     absl::Time time) {
  return {
      .sequence = 1,
      .event = {.time = time, .caller = caller, .method = method, .resource = resource, .result = "OK"}};
}

TEST(AuditFilterTest, EachFieldNarrows) {
  const absl::Time time = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z
  const domain::AuditRow row = Row("ci", "TenantService/GetTenant", "tenants/a tenants/b", time);
  const std::vector<std::pair<std::string, bool>> cases = {{"", true},
                                                           {"caller = ci", true},
                                                           {"caller != ci", false},
                                                           {"method = TenantService/GetTenant", true},
                                                           {"method = TenantService", true},
                                                           {"method = Tenant", false},
                                                           {"resource = tenants/a", true},
                                                           {"resource = tenants/b", true},
                                                           {"resource = tenants", false},
                                                           {"resource != tenants/b", false},
                                                           {"result = OK AND caller = ci", true},
                                                           {"result = OK AND caller = cd", false},
                                                           {"time >= \"2027-01-15T08:00:00Z\"", true},
                                                           {"time > \"2027-01-15T08:00:00Z\"", false},
                                                           {"time < \"2027-01-15T08:00:01Z\"", true}};
  for (const auto& [filter, holds] : cases) {
    const auto parsed = ParseAuditFilter(filter);
    ASSERT_TRUE(parsed.ok()) << filter << parsed.status();
    EXPECT_EQ((*parsed)(row), holds) << filter;
  }
  for (const char* filter : {"peer = x", "caller : ci", "caller.x = ci", "time = \"2027-01-15T08:00:00Z\"",
                             "time > yesterday", "caller ="}) {
    EXPECT_THAT(FieldsOf(ParseAuditFilter(filter).status()), ElementsAre("filter")) << filter;
  }
}

TEST(AuditRequests, AHeadIsWholeOrNotThere) {
  v1::VerifyAuditRequest request;
  EXPECT_EQ(*Parse(request), std::nullopt);
  request.mutable_expect()->set_sequence(7);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("expect.hash"));
  request.mutable_expect()->set_hash(std::string(64, 'A'));
  EXPECT_EQ(**Parse(request), (domain::AuditHead{7, std::string(64, 'a')}));
  request.mutable_expect()->set_sequence(-1);
  EXPECT_THAT(FieldsOf(Parse(request).status()), ElementsAre("expect.sequence"));
}

TEST(AuditRequests, ResourcesAreShownOneByOne) {
  const v1::AuditEvent shown = ToProto(Row("ci", "M", "tenants/a tenants/b", absl::UnixEpoch()));
  EXPECT_THAT(shown.resources(), ElementsAre("tenants/a", "tenants/b"));
  EXPECT_THAT(ToProto(Row("ci", "M", "", absl::UnixEpoch())).resources(), IsEmpty());
}

}  // namespace
}  // namespace croft::wire
