// Asks hosts for inventories until everything is confirmed after a restore.

#include "controlplane/server/confirmer.h"

#include <optional>
#include <utility>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/log.h"
#include "controlplane/domain/inventory.h"

namespace croft::server {
namespace {

constexpr absl::Duration kLook = absl::Seconds(2);
constexpr absl::Duration kTimeout = absl::Seconds(60);
// What a host shows costs it a look at all of its databases.
constexpr absl::Duration kAgain = absl::Seconds(10);

}  // namespace

Confirmer::Confirmer(catalog::Catalog& catalog, fleet::InventorySource& agents,
                     engine::EventQueue& event_queue, const Clock& clock)
    : catalog_(catalog), agents_(agents), event_queue_(event_queue), clock_(clock) {}

Confirmer::~Confirmer() { Stop(); }

void Confirmer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Confirmer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Confirmer::Run() {
  for (;;) {
    const absl::StatusOr<bool> more = LookOnce();
    if (!more.ok()) {
      log::Error("what is left to confirm cannot be read",
                 {{"error", std::string(more.status().message())}});
    }
    const MutexLock lock(mutex_);
    if (!stopping_) changed_.WaitFor(mutex_, kLook);
    if (stopping_) return;
  }
}

absl::StatusOr<bool> Confirmer::LookOnce() {
  CROFT_ASSIGN_OR_RETURN(const std::set<std::string> hosts, HostsToAsk());
  for (const std::string& id : hosts) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(id));
    if (host && fleet::CanBeAsked(*host) && (host->unconfirmed || IsTimeFor(id))) RequestInventory(id);
  }
  return !hosts.empty();
}

// A tenant may turn up on any host, in a later generation than the catalog knows: as long as one is unconfirmed, all are
// asked.
absl::StatusOr<std::set<std::string>> Confirmer::HostsToAsk() {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog_.ListHosts());
  int64_t tenants = 0;
  if (!tenants_confirmed_) {
    CROFT_ASSIGN_OR_RETURN(tenants, catalog_.CountUnconfirmedTenants());
    tenants_confirmed_ = tenants == 0;
  }
  std::set<std::string> ids;
  for (const domain::Host& host : hosts) {
    if (!host.missing && (tenants > 0 || host.unconfirmed)) ids.insert(host.id);
  }
  return ids;
}

bool Confirmer::IsTimeFor(const std::string& host) {
  const MutexLock lock(mutex_);
  const auto found = answered_.find(host);
  return found == answered_.end() || clock_.Now() - found->second >= kAgain;
}

void Confirmer::RequestInventory(const std::string& host) {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || !asked_.insert(host).second) return;
  }
  agents_.AskInventory(host, {.deadline = clock_.Now() + kTimeout},
                       [this, host](absl::StatusOr<domain::Inventory> inventory) {
                         if (inventory.ok()) PostConfirmation(*inventory);
                         const MutexLock lock(mutex_);
                         asked_.erase(host);
                         if (inventory.ok()) answered_[host] = clock_.Now();
                       });
}

void Confirmer::PostConfirmation(const domain::Inventory& inventory) {
  engine::HostFound found{.inventory = inventory};
  std::set<std::string> uids;
  for (const auto& database : inventory.databases) uids.insert(database.uid);
  for (const auto& role : inventory.roles) uids.insert(domain::UidInName(role.name));
  for (const auto& position : inventory.positions) uids.insert(position.uid);
  std::map<std::string, std::string> digests;
  for (const auto& role : inventory.roles) digests.emplace(role.name, role.verifier_digest);
  for (const std::string& uid : uids) {
    const auto tenant = catalog_.GetTenantByUid(uid);
    if (!tenant.ok() || !*tenant) continue;
    found.tenants.emplace(uid, (*tenant)->id);
    for (const domain::Credential& credential : (*tenant)->credentials) {
      const std::string& digest = digests[credential.login];
      if (credential.published && !digest.empty() &&
          digest != crypto::Hex(crypto::Sha256(credential.verifier))) {
        found.drifted.insert(credential.login);
      }
    }
  }
  event_queue_.Post(std::move(found));
}

}  // namespace croft::server
