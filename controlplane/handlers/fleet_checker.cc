#include "controlplane/handlers/fleet_checker.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/crypto/hash.h"
#include "common/errors.h"

namespace croft::handlers {
namespace {

constexpr int kAtOnce = 4;  // each holds a worker, and all of the catalog in memory
constexpr int32_t kPage = 1000;

absl::Status Busy() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "several checks of the fleet are under way; ask again when they have ended",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(1)});
}

// Answers on their way from many hosts. Outlives the one who waits: late ones still call.
class Answers {
 public:
  explicit Answers(size_t expected) : missing_(expected) {}

  void Put(const std::string& host, absl::StatusOr<domain::Inventory> answer) {
    const MutexLock lock(mutex_);
    if (!answers_.emplace(host, std::move(answer)).second) return;
    --missing_;
    changed_.NotifyAll();
  }

  std::map<std::string, absl::StatusOr<domain::Inventory>> Take(absl::Time deadline, const Clock& clock) {
    const MutexLock lock(mutex_);
    while (missing_ > 0 && clock.Now() < deadline) changed_.WaitFor(mutex_, deadline - clock.Now());
    return std::move(answers_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::StatusOr<domain::Inventory>> answers_ ABSL_GUARDED_BY(mutex_);
};

// Which store each host looks into: hosts that share one need not all read it.
std::map<std::string, std::vector<std::string>> ShareStores(const std::vector<domain::Host>& hosts) {
  std::map<std::string, std::vector<std::string>> shares;
  std::set<std::string> taken;
  for (const domain::Host& host : hosts) {
    if (!fleet::CanBeAsked(host)) continue;
    for (const std::string& store : host.report.stores) {
      if (taken.insert(store).second) shares[host.id].push_back(store);
    }
  }
  return shares;
}

std::string WhyNotAsked(domain::HostState state) {
  switch (state) {
    case domain::HostState::kUp:
    case domain::HostState::kUnconfirmed: return "";
    case domain::HostState::kAwaited: return "it was not heard yet since the control plane started";
    case domain::HostState::kExpected: return "its agent has not joined yet";
    case domain::HostState::kAway: return "it is away";
    case domain::HostState::kIdentityChanged: return "its server is another one than was accepted";
    case domain::HostState::kMissing: return "it was declared missing";
  }
  return "";
}

}  // namespace

absl::StatusOr<FleetChecker::Checked> FleetChecker::Check(absl::Time deadline) {
  {
    const MutexLock lock(mutex_);
    if (running_ >= kAtOnce) return Busy();
    ++running_;
  }
  const auto ended = [this](const void*) {
    const MutexLock lock(mutex_);
    --running_;
  };
  const std::unique_ptr<const void, decltype(ended)> slot(this, ended);

  domain::CatalogOutline before;
  Checked checked;
  {
    CROFT_ASSIGN_OR_RETURN(const domain::CatalogView view, Read());
    before = domain::OutlineOf(view);
    checked.fleet = Ask(view, std::min(deadline, clock_.Now() + kPatience));
  }
  CROFT_ASSIGN_OR_RETURN(checked.catalog, Read());
  CROFT_RETURN_IF_ERROR(FindTombstones(checked.fleet, checked.catalog));
  checked.time = clock_.Now();
  checked.check = domain::CheckFleet(before, checked.catalog, checked.fleet);
  return checked;
}

// Operations before tenants: one that ends in between has changed its tenant, one that begins is not yet to be seen
// on any host.
absl::StatusOr<domain::CatalogView> FleetChecker::Read() const {
  domain::CatalogView view;
  for (const auto kind : {std::optional<domain::OperationKind>(),
                          std::optional<domain::OperationKind>(domain::OperationKind::kCleanUp)}) {
    catalog::OperationQuery query{.ended = false, .kind = kind, .limit = kPage};
    do {
      CROFT_ASSIGN_OR_RETURN(catalog::OperationPage page, catalog_.ListOperations(query));
      std::move(page.operations.begin(), page.operations.end(), std::back_inserter(view.running));
      query.before = page.next;
    } while (query.before);
  }
  CROFT_ASSIGN_OR_RETURN(view.backups, catalog_.ListBackups("", {}, std::numeric_limits<int32_t>::max()));
  CROFT_ASSIGN_OR_RETURN(view.hosts, catalog_.ListHosts());
  CROFT_RETURN_IF_ERROR(
      catalog_.ForEachTenant([&](const domain::Tenant& tenant) { view.tenants.push_back(tenant); })
          .status());
  for (const domain::Tenant& tenant : view.tenants) {
    for (const domain::Credential& credential : tenant.credentials) {
      if (credential.published)
        view.verifier_digests[credential.login] = crypto::Hex(crypto::Sha256(credential.verifier));
    }
  }
  return view;
}

domain::FleetView FleetChecker::Ask(const domain::CatalogView& view, absl::Time deadline) const {
  domain::FleetView fleet;
  std::vector<std::string> asked;
  for (const domain::Host& host : view.hosts) {
    if (fleet::CanBeAsked(host)) {
      asked.push_back(host.id);
    } else {
      fleet.silent[host.id] = WhyNotAsked(domain::StateOf(host));
    }
  }
  const auto answers = std::make_shared<Answers>(asked.size());
  std::map<std::string, std::vector<std::string>> shares = ShareStores(view.hosts);
  for (const std::string& host : asked) {
    agents_.AskInventory(host, {.stores = shares[host], .deadline = deadline},
                         [answers, host](absl::StatusOr<domain::Inventory> inventory) {
                           answers->Put(host, std::move(inventory));
                         });
    fleet.silent[host] = "it did not answer in time";
  }
  for (auto& [host, answer] : answers->Take(deadline, clock_)) {
    if (answer.ok()) {
      fleet.silent.erase(host);
      fleet.inventories.push_back(*std::move(answer));
    } else {
      fleet.silent[host] = std::string(answer.status().message());
    }
  }
  return fleet;
}

// Whose the objects are that belong to no tenant of today.
absl::Status FleetChecker::FindTombstones(const domain::FleetView& fleet, domain::CatalogView& view) const {
  std::set<std::string> uids;
  for (const domain::Inventory& inventory : fleet.inventories) {
    for (const auto& database : inventory.databases) {
      uids.insert(database.uid.empty() ? domain::UidInName(database.name) : database.uid);
    }
    for (const auto& role : inventory.roles) uids.insert(domain::UidInName(role.name));
    for (const auto& backup : inventory.backups) uids.insert(backup.uid);
    for (const auto& key : inventory.keys) uids.insert(key.uid);
  }
  for (const domain::Tenant& tenant : view.tenants) uids.erase(tenant.uid);
  for (const std::string& uid : uids) {
    CROFT_ASSIGN_OR_RETURN(std::optional<domain::Tenant> tenant, catalog_.GetTenantByUid(uid));
    if (tenant && tenant->state == domain::TenantState::kPurged)
      view.tombstones.push_back(*std::move(tenant));
  }
  return absl::OkStatus();
}

}  // namespace croft::handlers
