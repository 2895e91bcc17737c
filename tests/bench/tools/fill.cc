// Fills the catalog of a control plane that is not running with READY tenants `bench-0`, `bench-1`, … on the
// hosts it knows, or on one called `h1`.
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/strings/str_cat.h>

#include "common/ids.h"
#include "common/memory.h"
#include "common/random.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/keyring/keyring.h"

namespace croft::bench {
namespace {

constexpr int kPerTransaction = 10'000;

// Uids that rise: a million random places in an index take many times as long to write.
std::string UidOfNumber(int number, Random& random) {
  std::string bytes = random.Bytes(16);
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<char>(number >> (24 - 8 * i) & 0xff);
  return UidFrom(bytes);
}

domain::Tenant TenantNumber(int number, const std::string& host, Random& random,
                            const keyring::Keyring& keyring) {
  domain::Tenant tenant;
  tenant.id = absl::StrCat("bench-", number);
  tenant.uid = UidOfNumber(number, random);
  tenant.create_time = tenant.update_time = absl::Now();
  tenant.version = 1;
  tenant.labels = {{"app", "bench"}, {"shard", absl::StrCat(number % 100)}};
  tenant.state = domain::TenantState::kReady;
  tenant.owner_role = OwnerRoleName(tenant.id, tenant.uid);
  tenant.reader_role = tenant.owner_role + "_r";
  tenant.last_generation = 1;
  tenant.order = 1;
  tenant.placement = {host, DatabaseName(tenant.owner_role, 1), 1};
  tenant.create_operation = OperationIdFrom(random.Bytes(16));
  for (const auto role : {domain::LoginRole::kApp, domain::LoginRole::kReadOnly}) {
    domain::Credential credential;
    credential.login = tenant.owner_role + (role == domain::LoginRole::kApp ? "_a" : "_ra");
    credential.role = role;
    credential.sealed_password = keyring.Seal("abcdefghijklmnopqrstuvwxyz012345", "password/" + tenant.uid);
    credential.verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$a2V5:a2V5";
    credential.create_time = tenant.create_time;
    credential.published = true;
    tenant.credentials.push_back(std::move(credential));
  }
  return tenant;
}

domain::Host HostCalled(const std::string& id) {
  domain::Host host{.id = id, .uid = "benchhost", .create_time = absl::Now(), .version = 1};
  host.certificate_fingerprint = "none";
  host.report.advertise_endpoints = {"127.0.0.1:7500"};
  host.report.tls = true;
  host.report.postgres_up = true;
  return host;
}

int Fill(const std::string& state, int tenants) {
  const auto keyring = keyring::LoadKeyring(keyring::FindKeyring(state, ""));
  auto catalog = catalog::SqliteCatalog::Open(absl::StrCat(state, "/catalog.db"), {});
  if (!keyring.ok() || !catalog.ok()) {
    std::cerr << keyring.status() << " " << catalog.status() << "\n";
    return 1;
  }
  SystemRandom random;
  const auto hosts = *(*catalog)->ListHosts();
  const std::string host = hosts.empty() ? "h1" : hosts.front().id;
  for (int begin = 0; begin < tenants; begin += kPerTransaction) {
    auto transaction = *(*catalog)->Begin();
    if (hosts.empty() && begin == 0) transaction->Apply(catalog::PutHost{HostCalled(host)});
    for (int number = begin; number < std::min(tenants, begin + kPerTransaction); ++number) {
      transaction->Apply(catalog::PutTenant{TenantNumber(number, host, random, *keyring)});
    }
    if (const auto committed = transaction->Commit(); !committed.ok()) {
      std::cerr << committed.status() << "\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace croft::bench

int main(int argc, char** argv) {
  croft::KeepFreedMemory();
  std::string state;
  int tenants = 1000;
  CLI::App app("Fills a catalog with tenants");
  app.add_option("--state", state)->required();
  app.add_option("--tenants", tenants)->required();
  CLI11_PARSE(app, argc, argv);
  return croft::bench::Fill(state, tenants);
}
