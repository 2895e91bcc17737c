#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/engine/world.h"

namespace croft::engine {
namespace {

using domain::AllTenants;
using domain::Role;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class AccessTest : public testing::Test {
 protected:
  AccessTest() { EXPECT_TRUE(world_.Call(CreatePrincipal{.principal = "ci", .uid = "u1"}).ok()); }

  domain::User User() { return world_.catalog().GetUser("ci")->value_or(domain::User()); }
  CreateToken Token(const std::string& id, absl::Duration life = absl::Hours(1)) {
    return {.principal = "ci",
            .token = {.id = id, .hash = "hash-of-" + id, .expire_time = world_.now + life}};
  }
  std::vector<std::string> Audited() {
    std::vector<std::string> lines;
    const auto rows = world_.catalog().ListAudit(0, 1000);
    for (const domain::AuditRow& row : *rows) {
      lines.push_back(row.event.resource);
    }
    return lines;
  }
  static const domain::Binding kShops;

  World world_;
};

const domain::Binding AccessTest::kShops = {Role::kConnector, domain::LabelledTenants{{{"app", "shop"}}}};

TEST_F(AccessTest, PrincipalIsMadeOnceAndMayNothing) {
  EXPECT_EQ(User().uid, "u1");
  EXPECT_EQ(User().create_time, world_.now);
  EXPECT_THAT(User().bindings, IsEmpty());
  EXPECT_EQ(world_.Refusal(CreatePrincipal{.principal = "ci", .uid = "u2"}), "PRINCIPAL_EXISTS");
  EXPECT_THAT(Audited(), ElementsAre("principals/ci"));
}

TEST_F(AccessTest, NamesThatStandForOthersAreNotGiven) {
  for (const char* name : {"admin", "system", "anonymous", "hosts/h1", ""}) {
    EXPECT_EQ(world_.Refusal(CreatePrincipal{.principal = name, .uid = "u2"}), "INVALID_FIELD") << name;
  }
}

TEST_F(AccessTest, RepeatedTokenIsTheFirstOne) {
  const std::string id = "00000000-0000-4000-8000-000000000001";
  const auto first = world_.Call(Token("tk-1"), id);
  const auto again = world_.Call(Token("tk-2"), id);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(std::get<TokenMade>(*first).token, "tk-1");
  EXPECT_EQ(std::get<TokenMade>(*again).token, "tk-1");
  ASSERT_THAT(User().tokens, SizeIs(1));
  EXPECT_EQ(User().tokens.front().hash, "hash-of-tk-1");
  EXPECT_EQ(User().tokens.front().create_time, world_.now);
  EXPECT_THAT(Audited(), ElementsAre("principals/ci", "principals/ci/tokens/tk-1 principals/ci"));
}

TEST_F(AccessTest, TokenOfThePastIsRefused) {
  EXPECT_EQ(world_.Refusal(Token("tk-1", absl::ZeroDuration())), "INVALID_FIELD");
}

TEST_F(AccessTest, TokensThatAreOverMakeRoom) {
  for (size_t i = 0; i < domain::kMostTokens; ++i) {
    EXPECT_TRUE(world_.Call(Token("tk-" + std::to_string(i))).ok());
  }
  EXPECT_EQ(world_.Refusal(Token("tk-more")), "TOO_MANY");
  world_.now += absl::Hours(2);
  EXPECT_TRUE(world_.Call(Token("tk-more")).ok());
  EXPECT_THAT(User().tokens, SizeIs(1));
}

TEST_F(AccessTest, RevokedTokenIsGone) {
  ASSERT_TRUE(world_.Call(Token("tk-1")).ok());
  EXPECT_EQ(world_.Refusal(RevokeToken{"ci", "tk-2"}), "TOKEN_NOT_FOUND");
  EXPECT_EQ(world_.Refusal(RevokeToken{"nobody", "tk-1"}), "TOKEN_NOT_FOUND");
  EXPECT_TRUE(world_.Call(RevokeToken{"ci", "tk-1"}).ok());
  EXPECT_THAT(User().tokens, IsEmpty());
}

TEST_F(AccessTest, BindingIsHeldOnceAndTakenByTheSameRoleAndScope) {
  EXPECT_TRUE(world_.Call(BindRole{"ci", kShops}).ok());
  EXPECT_TRUE(world_.Call(BindRole{"ci", kShops}).ok());
  EXPECT_TRUE(world_.Call(BindRole{"ci", {Role::kViewer, AllTenants()}}).ok());
  EXPECT_THAT(User().bindings, SizeIs(2));
  EXPECT_EQ(world_.Refusal(UnbindRole{"ci", {Role::kConnector, AllTenants()}}), "BINDING_NOT_FOUND");
  EXPECT_TRUE(world_.Call(UnbindRole{"ci", kShops}).ok());
  EXPECT_THAT(User().bindings, ElementsAre(domain::Binding{Role::kViewer, AllTenants()}));
}

TEST_F(AccessTest, NobodyIsBoundToWhatIsNotGiven) {
  EXPECT_EQ(world_.Refusal(BindRole{"ci", {Role::kAgent, AllTenants()}}), "INVALID_FIELD");
  EXPECT_EQ(world_.Refusal(BindRole{"ci", {Role::kViewer, domain::NamedTenants()}}), "INVALID_FIELD");
  EXPECT_EQ(world_.Refusal(BindRole{"nobody", kShops}), "PRINCIPAL_NOT_FOUND");
}

TEST_F(AccessTest, NobodyIsBoundToTenantsThatDoNotExist) {
  world_.Join("h1");
  world_.Begin(NewTenant("acme"));
  const auto to = [](std::vector<std::string> tenants) {
    return BindRole{"ci", {Role::kViewer, domain::NamedTenants{std::move(tenants)}}};
  };
  EXPECT_TRUE(world_.Call(to({"acme"})).ok());
  const ErrorDetails one = DetailsOf(world_.Call(to({"acme", "acmee"})).status());
  EXPECT_EQ(one.reason, "TENANT_NOT_FOUND");
  EXPECT_EQ(one.metadata.at("tenant"), "acmee");
  const ErrorDetails two = DetailsOf(world_.Call(to({"b", "acme", "c"})).status());
  EXPECT_EQ(two.reason, "TENANT_NOT_FOUND");
  EXPECT_EQ(two.metadata.at("tenants"), "b, c");
  EXPECT_THAT(User().bindings, SizeIs(1));
}

TEST_F(AccessTest, CertificateStandsForOneAlone) {
  ASSERT_TRUE(world_.Call(CreatePrincipal{.principal = "bob", .uid = "u2"}).ok());
  EXPECT_TRUE(world_.Call(AddCertificate{"ci", {"ab", world_.now + absl::Hours(1)}}).ok());
  EXPECT_EQ(world_.Refusal(AddCertificate{"bob", {"ab", world_.now + absl::Hours(1)}}),
            "CERTIFICATE_TAKEN");
  EXPECT_EQ(world_.Refusal(RemoveCertificate{"bob", "ab"}), "CERTIFICATE_NOT_FOUND");
  EXPECT_TRUE(world_.Call(RemoveCertificate{"ci", "ab"}).ok());
  EXPECT_TRUE(world_.Call(AddCertificate{"bob", {"ab", world_.now + absl::Hours(1)}}).ok());
}

TEST_F(AccessTest, DeletedPrincipalIsGoneAndItsNameIsFree) {
  ASSERT_TRUE(world_.Call(Token("tk-1")).ok());
  EXPECT_EQ(world_.Refusal(DeletePrincipal{"ci", "7"}), "ETAG_MISMATCH");
  EXPECT_TRUE(world_.Call(DeletePrincipal{"ci", "2"}).ok());
  EXPECT_EQ(*world_.catalog().GetUser("ci"), std::nullopt);
  EXPECT_EQ(world_.Refusal(DeletePrincipal{"ci", ""}), "PRINCIPAL_NOT_FOUND");
  EXPECT_TRUE(world_.Call(CreatePrincipal{.principal = "ci", .uid = "u2"}).ok());
  EXPECT_THAT(User().tokens, IsEmpty());
}

TEST_F(AccessTest, ValidationChangesNothing) {
  EXPECT_TRUE(world_.Call(BindRole{"ci", kShops}, "", /*validate_only=*/true).ok());
  EXPECT_THAT(User().bindings, IsEmpty());
}

TEST_F(AccessTest, RecordedCallsAreRowsOfTheirOwnCallers) {
  ASSERT_TRUE(world_.Call(Token("tk-1")).ok());
  RecordCalls record;
  record.events = {{.caller = "ci",
                    .method = "LookupService/Lookup",
                    .resource = "tenants/a tenants/b",
                    .result = "OK",
                    .count = 7}};
  record.token_uses = {{"ci", "tk-1", world_.now}};
  ASSERT_TRUE(world_.Call(record).ok());
  const auto rows = *world_.catalog().ListAuditBefore(1000, 2);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].event.caller, "ci");
  EXPECT_EQ(rows[0].event.count, 7);
  EXPECT_EQ(rows[0].event.time, world_.now);
  EXPECT_EQ(rows[1].event.resource, "principals/ci/tokens/tk-1 principals/ci")
      << "recording is no call of its own";
  EXPECT_EQ(User().tokens.front().last_used_time, world_.now);
}

}  // namespace
}  // namespace croft::engine
