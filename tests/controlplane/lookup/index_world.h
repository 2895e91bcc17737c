#pragma once

#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "common/random.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/lookup/placement_index.h"
#include "croft/v1/lookup.pb.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::lookup {

inline constexpr char kAuthority[] = "-----BEGIN CERTIFICATE-----\ncroft\n-----END CERTIFICATE-----\n";

// Uid of 16 characters, made from a number.
inline std::string UidOf(int64_t number) {
  const std::string digits = absl::StrCat(number);
  return std::string(16 - digits.size(), 'a') + digits;
}

// A catalog, the index that follows it, and short ways to change and ask both.
class IndexWorld {
 public:
  explicit IndexWorld(size_t most_tombstones = 100) : index(keyring, kAuthority, most_tombstones) {}

  domain::Host HostCalled(const std::string& id) {
    domain::Host host{.id = id, .uid = id};
    host.up = true;
    host.report.postgres_up = true;
    host.report.tls = true;
    host.report.advertise_endpoints = {absl::StrCat(id, ".example:7500")};
    return host;
  }

  // READY, with a password `secret-<id>-<generation>`.
  domain::Tenant TenantCalled(const std::string& id, int64_t number, int64_t generation = 1) {
    domain::Tenant tenant{.id = id, .uid = UidOf(number)};
    tenant.state = domain::TenantState::kReady;
    tenant.owner_role = absl::StrCat("t_", id, "_", tenant.uid);
    tenant.reader_role = tenant.owner_role + "_r";
    tenant.placement = {"h1", absl::StrCat(tenant.owner_role, "_g", generation), generation};
    for (const auto role : {domain::LoginRole::kApp, domain::LoginRole::kReadOnly}) {
      const bool reader = role == domain::LoginRole::kReadOnly;
      tenant.credentials.push_back(
          {.login = tenant.owner_role + (reader ? "_ra" : "_a"),
           .role = role,
           .sealed_password = keyring.Seal(absl::StrCat("secret-", id, "-", generation, reader ? "-r" : ""),
                                           absl::StrCat("password/", tenant.uid)),
           .published = true});
    }
    return tenant;
  }

  // Into the catalog and then, when it was loaded, into the index.
  void Commit(std::vector<catalog::Change> changes) {
    auto transaction = *catalog.Begin();
    for (const catalog::Change& change : changes) transaction->Apply(change);
    const domain::Revision revision = *transaction->Commit();
    if (loaded) index.Apply(changes, revision);
  }
  void Put(domain::Tenant tenant) { Commit({catalog::PutTenant{std::move(tenant)}}); }
  void Put(domain::Host host) { Commit({catalog::PutHost{std::move(host)}}); }
  absl::Status Load() {
    loaded = true;
    return index.Load(catalog);
  }

  absl::StatusOr<v1::LookupResponse> Lookup(const std::string& name, Wanted wanted = {.password = true}) {
    std::string reply;
    absl::Status status = index.Lookup(name, wanted, reply);
    if (!status.ok()) return status;
    v1::LookupResponse response;
    if (!response.ParseFromString(reply)) return absl::InternalError("no LookupResponse");
    return response;
  }

  SystemRandom random;
  keyring::Keyring keyring = keyring::Keyring::Generate(random);
  catalog::MemoryCatalog catalog;
  PlacementIndex index;
  bool loaded = false;
};

}  // namespace croft::lookup
