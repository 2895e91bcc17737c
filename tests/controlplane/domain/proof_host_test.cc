#include "controlplane/domain/proof_host.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Host UpHost(const std::string& id, const std::string& role) {
  Host host{.id = id, .labels = {{"role", role}}, .certificate_fingerprint = "f", .up = true};
  host.report = {
      .postgres_up = true, .postgres_version = "16.4", .system_identifier = "1", .stores = {"s1"}};
  host.accepted_system_identifier = "1";
  return host;
}

class ProofHostTest : public ::testing::Test {
 protected:
  ProofHostTest() {
    tenant.placement.host = "h1";
    tenant.prove_on = {{"role", "proof"}};
    backup.server_version = "16.1";
  }
  absl::StatusOr<std::vector<std::string>> Chosen() {
    return ProofHosts(hosts, tenant, InForce(tenant, {}), backup, "s1");
  }
  std::vector<std::string> Hosts() { return Chosen().value(); }
  std::string Refusal() { return std::string(Chosen().status().message()); }

  Tenant tenant;
  Backup backup;
  std::vector<Host> hosts = {UpHost("h1", "proof"), UpHost("h2", "work"), UpHost("p1", "proof"),
                             UpHost("p2", "proof")};
};

TEST_F(ProofHostTest, TheTenantsOwnHostIsTheLastResort) {
  EXPECT_THAT(Hosts(), ElementsAre("p1", "p2"));
  hosts.resize(2);
  EXPECT_THAT(Hosts(), ElementsAre("h1"));
  hosts.front().labels.clear();
  EXPECT_THAT(Refusal(), HasSubstr("2 without the labels of prove_on (h1, h2)"));
}

TEST_F(ProofHostTest, ACordonedHostProves) {
  hosts[2].cordoned = true;
  EXPECT_THAT(Hosts(), ElementsAre("p1", "p2"));
}

TEST_F(ProofHostTest, OnlyHostsThatCanRestoreItAreTaken) {
  hosts.erase(hosts.begin());
  hosts.pop_back();
  Host& host = hosts.back();
  const Host good = host;
  host.up = false;
  EXPECT_THAT(Refusal(), HasSubstr("1 not up (p1)"));
  host = good;
  host.report.postgres_up = false;
  EXPECT_THAT(Refusal(), HasSubstr("1 with PostgreSQL down (p1)"));
  host = good;
  host.report.stores = {"s2"};
  EXPECT_THAT(Refusal(), HasSubstr("1 without reach of the backup's store (p1)"));
  host = good;
  host.report.task_kinds = {"create"};
  EXPECT_THAT(Refusal(), HasSubstr("1 with an agent that is too old for it (p1)"));
  host = good;
  host.report.postgres_version = "15.20";
  EXPECT_THAT(Refusal(), HasSubstr("1 with an older PostgreSQL than the backup's (p1)"));
  EXPECT_EQ(DetailsOf(Chosen().status()).reason, "NO_HOST_FITS");
  host = good;
  EXPECT_THAT(Hosts(), ElementsAre("p1"));
}

}  // namespace
}  // namespace croft::domain
