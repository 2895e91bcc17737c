#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/lookup/index_world.h"

namespace croft::lookup {
namespace {

using domain::SuspendMode;
using domain::TenantState;

class LookupTest : public testing::Test {
 protected:
  LookupTest() {
    world.Put(world.HostCalled("h1"));
    EXPECT_TRUE(world.Load().ok());
  }

  std::string ReasonFor(const std::string& name, Wanted wanted = {}) {
    return DetailsOf(world.Lookup(name, wanted).status()).reason;
  }

  IndexWorld world;
};

TEST_F(LookupTest, AnswerHoldsEverythingAnApplicationNeeds) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.settings = R"({"theme":"dark","limits":{"users":5}})";
  tenant.features = R"({"beta":true,"rate":1.5})";
  world.Put(tenant);
  const auto answer = world.Lookup("acme");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->tenant(), "tenants/acme");
  EXPECT_EQ(answer->uid(), tenant.uid);
  EXPECT_EQ(answer->placement_generation(), 1);
  ASSERT_EQ(answer->endpoints_size(), 1);
  EXPECT_EQ(answer->endpoints(0).purpose(), v1::Endpoint::PURPOSE_DIRECT);
  EXPECT_EQ(answer->endpoints(0).host(), "h1.example");
  EXPECT_EQ(answer->endpoints(0).port(), 7500);
  EXPECT_EQ(answer->endpoints(0).database(), tenant.placement.database);
  EXPECT_EQ(answer->endpoints(0).user(), tenant.owner_role + "_a");
  EXPECT_EQ(answer->password(), "secret-acme-1");
  EXPECT_EQ(answer->sslmode(), "verify-full");
  EXPECT_EQ(answer->root_certificate(), kAuthority);
  EXPECT_EQ(answer->settings().fields().at("limits").struct_value().fields().at("users").number_value(), 5);
  EXPECT_EQ(answer->features().at("rate").number_value(), 1.5);
  EXPECT_EQ(answer->revision().epoch(), 1);
  EXPECT_EQ(answer->revision().revision(), 2);
  EXPECT_EQ(answer->ttl().seconds(), 60);
  EXPECT_EQ(answer->conninfo(), "host=h1.example port=7500 dbname=" + tenant.placement.database + " user=" +
                                    tenant.owner_role + "_a password=secret-acme-1 sslmode=verify-full");
}

TEST_F(LookupTest, PasswordStaysOutUnlessWanted) {
  world.Put(world.TenantCalled("acme", 1));
  const auto answer = world.Lookup("acme", {.password = false});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->SerializeAsString().find("secret"), std::string::npos);
}

TEST_F(LookupTest, RolesDecideTheLogin) {
  world.Put(world.TenantCalled("acme", 1));
  const auto reader = world.Lookup("acme", {.role = v1::ROLE_READ_ONLY, .password = true});
  EXPECT_THAT(reader->endpoints(0).user(), testing::EndsWith("_ra"));
  EXPECT_EQ(reader->password(), "secret-acme-1-r");
  const auto migrate = world.Lookup("acme", {.role = v1::ROLE_MIGRATE, .password = true});
  EXPECT_THAT(migrate->endpoints(0).user(), testing::EndsWith("_a"));
  EXPECT_THAT(migrate->conninfo(), testing::EndsWith("options='-c statement_timeout=0'"));
  EXPECT_THAT(migrate->uri(), testing::EndsWith("options=-c%20statement_timeout%3D0"));
}

TEST_F(LookupTest, EveryStateHasItsAnswer) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  const std::vector<std::pair<TenantState, std::string>> expected = {
      {TenantState::kCreating, "TENANT_NOT_READY"},
      {TenantState::kFailed, "TENANT_NOT_READY"},
      {TenantState::kRetired, "TENANT_RETIRED"},
      {TenantState::kPurged, "TENANT_NOT_FOUND"},
      {TenantState::kReady, ""}};
  for (const auto& [state, reason] : expected) {
    tenant.state = state;
    tenant.version += 1;
    world.Put(tenant);
    EXPECT_EQ(ReasonFor("acme"), reason) << static_cast<int>(state);
  }
  EXPECT_EQ(ReasonFor("nobody"), "TENANT_NOT_FOUND");
}

TEST_F(LookupTest, SuspendedReadOnlyStillAnswersReaders) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.state = TenantState::kSuspended;
  tenant.suspend_mode = SuspendMode::kReadOnly;
  world.Put(tenant);
  EXPECT_EQ(ReasonFor("acme", {.role = v1::ROLE_READ_ONLY}), "");
  EXPECT_EQ(ReasonFor("acme", {.role = v1::ROLE_APP}), "TENANT_SUSPENDED");
  EXPECT_EQ(ReasonFor("acme", {.role = v1::ROLE_MIGRATE}), "TENANT_SUSPENDED");
  tenant.suspend_mode = SuspendMode::kBlocked;
  world.Put(tenant);
  EXPECT_EQ(ReasonFor("acme", {.role = v1::ROLE_READ_ONLY}), "TENANT_SUSPENDED");
}

TEST_F(LookupTest, WhoWritesHearsThatATenantIsClosedForGrowth) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  const auto told = [&](v1::Role role) {
    return world.Lookup("acme", {.role = role})->closed_for_growth();
  };
  tenant.storage.closed = true;
  world.Put(tenant);
  EXPECT_TRUE(told(v1::ROLE_APP));
  EXPECT_TRUE(told(v1::ROLE_MIGRATE));
  EXPECT_FALSE(told(v1::ROLE_READ_ONLY));
  EXPECT_EQ(world.index.CountClosedForGrowth(), 1);
  tenant.storage.closed = false;
  world.Put(tenant);
  EXPECT_FALSE(told(v1::ROLE_APP));
  EXPECT_EQ(world.index.CountClosedForGrowth(), 0);
}

TEST_F(LookupTest, PurposeTheHostLacksIsNotAvailable) {
  world.Put(world.TenantCalled("acme", 1));
  EXPECT_EQ(ReasonFor("acme", {.purpose = v1::Endpoint::PURPOSE_POOLED}), "ENDPOINT_NOT_AVAILABLE");
  domain::Host silent = world.HostCalled("h1");
  silent.report.advertise_endpoints.clear();
  world.Put(silent);
  EXPECT_EQ(ReasonFor("acme"), "ENDPOINT_NOT_AVAILABLE");
}

TEST_F(LookupTest, AliasesAreFoundAndLost) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.aliases = {"shop.acme.com", "cust:17"};
  world.Put(tenant);
  EXPECT_TRUE(world.Lookup("shop.acme.com").ok());
  EXPECT_TRUE(world.Lookup("cust:17").ok());
  tenant.aliases = {"cust:17"};
  world.Put(tenant);
  EXPECT_EQ(ReasonFor("shop.acme.com"), "TENANT_NOT_FOUND");
  domain::Tenant other = world.TenantCalled("globex", 2);
  other.aliases = {"shop.acme.com"};
  world.Put(other);
  EXPECT_EQ(world.Lookup("shop.acme.com")->tenant(), "tenants/globex");
  EXPECT_EQ(world.Lookup("cust:17")->tenant(), "tenants/acme");
}

TEST_F(LookupTest, HostsAddressAndCertificateAreThoseOfNow) {
  world.Put(world.TenantCalled("acme", 1));
  domain::Host host = world.HostCalled("h1");
  host.report.advertise_endpoints = {"[::1]:7501", "10.0.0.2:7502"};
  host.report.root_certificate = "own authority";
  world.Put(host);
  auto answer = world.Lookup("acme");
  ASSERT_EQ(answer->endpoints_size(), 2);
  EXPECT_EQ(answer->endpoints(0).host(), "::1");
  EXPECT_EQ(answer->root_certificate(), "own authority");
  EXPECT_EQ(answer->revision().revision(), 3) << "the answer changed when the host did";
  host.report.root_certificate.clear();
  host.report.free_bytes_unknown = true;
  world.Put(host);
  answer = world.Lookup("acme");
  EXPECT_EQ(answer->sslmode(), "require") << "somebody else's server, and no authority was given";
  EXPECT_EQ(answer->root_certificate(), "");
  host.report.tls = false;
  world.Put(host);
  answer = world.Lookup("acme");
  EXPECT_EQ(answer->sslmode(), "disable");
  EXPECT_EQ(answer->root_certificate(), "");
  host.missing = true;
  world.Put(host);
  EXPECT_EQ(ReasonFor("acme"), "HOST_UNREACHABLE");
}

TEST_F(LookupTest, PurgedIdCanBeUsedAgain) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  world.Put(tenant);
  tenant.state = TenantState::kPurged;
  world.Put(tenant);
  EXPECT_EQ(ReasonFor("acme"), "TENANT_NOT_FOUND");
  EXPECT_EQ(world.index.tenants(), 0U);
  world.Put(world.TenantCalled("acme", 2, 5));
  EXPECT_EQ(world.Lookup("acme")->uid(), UidOf(2));
  EXPECT_EQ(world.Lookup("acme")->placement_generation(), 5);
  EXPECT_EQ(world.index.tenants(), 1U);
}

TEST_F(LookupTest, PasswordSealedForAnotherTenantIsNotShown) {
  domain::Tenant tenant = world.TenantCalled("acme", 1);
  tenant.credentials = world.TenantCalled("acme", 2).credentials;
  world.Put(tenant);
  EXPECT_EQ(world.Lookup("acme").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace croft::lookup
