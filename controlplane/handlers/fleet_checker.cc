// Asks agents for inventories and compares them with the catalog, a few hosts at a time.

#include "controlplane/handlers/fleet_checker.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "controlplane/handlers/store_listing.h"

namespace croft::handlers {
namespace {

constexpr int kAtOnce = 4;  // each holds a worker
constexpr size_t kHostsAtATime = 32;
constexpr int32_t kPage = 1000;
// With all of their backups.
constexpr int32_t kPageWithBackups = 400;
constexpr int32_t kUidsAtATime = 1000;

absl::Status Busy() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "several checks of the fleet are under way; ask again when they have ended",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(1)});
}

// A host's answer on its way. Outlives the one who waits: a late one still calls.
class Answer {
 public:
  void Put(absl::StatusOr<domain::Inventory> answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
    changed_.NotifyAll();
  }

  // UNAVAILABLE when none came in time.
  absl::StatusOr<domain::Inventory> Take(absl::Time deadline, const Clock& clock) {
    const MutexLock lock(mutex_);
    while (!answer_ && clock.Now() < deadline) changed_.WaitFor(mutex_, deadline - clock.Now());
    if (!answer_) return absl::UnavailableError("it did not answer in time");
    return *std::move(answer_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::StatusOr<domain::Inventory>> answer_ ABSL_GUARDED_BY(mutex_);
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

void NoteVerifiers(domain::CatalogView& view) {
  for (const domain::Tenant& tenant : view.tenants) {
    for (const domain::Credential& credential : tenant.credentials) {
      if (!credential.published) continue;
      view.verifier_digests[credential.login] = crypto::Hex(crypto::Sha256(credential.verifier));
    }
  }
}

std::set<std::string> UidsOnServer(const domain::Inventory& inventory) {
  std::set<std::string> uids;
  for (const auto& database : inventory.databases) {
    uids.insert(database.uid.empty() ? domain::UidInName(database.name) : database.uid);
  }
  for (const auto& role : inventory.roles) uids.insert(domain::UidInName(role.name));
  uids.erase("");
  return uids;
}

// The tenants of these uids, into the view: those that were purged apart.
absl::Status AddTenants(catalog::Catalog& catalog, const std::set<std::string>& uids,
                        domain::CatalogView& view) {
  for (const std::string& uid : uids) {
    CROFT_ASSIGN_OR_RETURN(std::optional<domain::Tenant> tenant, catalog.GetTenantByUid(uid));
    if (!tenant) continue;
    const bool purged = tenant->state == domain::TenantState::kPurged;
    (purged ? view.tombstones : view.tenants).push_back(*std::move(tenant));
  }
  return absl::OkStatus();
}

// Those that findings are about.
std::vector<domain::FoundDatabase> DatabasesOf(const std::vector<domain::FleetFinding>& findings,
                                               std::vector<domain::FoundDatabase> databases) {
  std::set<std::string> objects;
  for (const domain::FleetFinding& finding : findings) objects.insert(finding.object);
  std::erase_if(databases,
                [&](const domain::FoundDatabase& database) { return objects.count(database.name) == 0; });
  databases.shrink_to_fit();
  return databases;
}

}  // namespace

// One of few checks that run at once.
class FleetChecker::Slot {
 public:
  explicit Slot(FleetChecker& checker) : checker_(checker) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    const MutexLock lock(checker_.mutex_);
    --checker_.running_;
  }

 private:
  FleetChecker& checker_;
};

absl::StatusOr<std::unique_ptr<FleetChecker::Slot>> FleetChecker::TakeSlot() {
  const MutexLock lock(mutex_);
  if (running_ >= kAtOnce) return Busy();
  ++running_;
  return std::make_unique<Slot>(*this);
}

absl::StatusOr<domain::Inventory> FleetChecker::AskOne(const std::string& host,
                                                       fleet::InventoryAsk ask) const {
  ask.deadline = std::min(ask.deadline, clock_.Now() + kTimeout);
  const auto answer = std::make_shared<Answer>();
  agents_.AskInventory(host, ask, [answer](absl::StatusOr<domain::Inventory> inventory) {
    answer->Put(std::move(inventory));
  });
  return answer->Take(ask.deadline, clock_);
}

absl::StatusOr<std::vector<domain::Operation>> FleetChecker::ReadRunning() const {
  std::vector<domain::Operation> running;
  for (const auto kind : {std::optional<domain::OperationKind>(),
                          std::optional<domain::OperationKind>(domain::OperationKind::kCleanUp)}) {
    catalog::OperationQuery query{.ended = false, .kind = kind, .limit = kPage};
    do {
      CROFT_ASSIGN_OR_RETURN(catalog::OperationPage page, catalog_.ListOperations(query));
      std::move(page.operations.begin(), page.operations.end(), std::back_inserter(running));
      query.before = page.next;
    } while (query.before);
  }
  return running;
}

// Operations before tenants: one that ends in between has changed its tenant, one that begins is not yet to be seen
// on any host.
absl::StatusOr<domain::CatalogView> FleetChecker::ReadFor(const domain::Inventory& inventory) const {
  domain::CatalogView view;
  CROFT_ASSIGN_OR_RETURN(view.running, ReadRunning());
  std::set<std::string> strangers = UidsOnServer(inventory);
  catalog::TenantQuery query{
      .conditions = {{.field = catalog::TenantQuery::Condition::Field::kHost, .value = inventory.host}},
      .show_retired = true,
      .limit = kPage};
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(catalog::TenantPage page, catalog_.ListTenants(query));
    view.tenants.reserve(view.tenants.size() + page.tenants.size());
    for (domain::Tenant& tenant : page.tenants) {
      strangers.erase(tenant.uid);
      view.tenants.push_back(std::move(tenant));
    }
    if (!page.next_after) break;
    query.after_id = *page.next_after;
  }
  CROFT_RETURN_IF_ERROR(AddTenants(catalog_, strangers, view));
  NoteVerifiers(view);
  return view;
}

absl::StatusOr<FleetChecker::HostCheck> FleetChecker::CheckHost(const domain::Host& host,
                                                                const fleet::InventoryAsk& ask) {
  const absl::Time asked = clock_.Now();
  CROFT_ASSIGN_OR_RETURN(std::vector<domain::Operation> running, ReadRunning());
  CROFT_ASSIGN_OR_RETURN(domain::Inventory inventory, AskOne(host.id, ask));
  comparing_.acquire();
  absl::StatusOr<HostCheck> checked = Compare(host, asked, std::move(running), std::move(inventory));
  comparing_.release();
  return checked;
}

absl::StatusOr<FleetChecker::HostCheck> FleetChecker::Compare(const domain::Host& host, absl::Time asked,
                                                              std::vector<domain::Operation> running,
                                                              domain::Inventory inventory) {
  CROFT_ASSIGN_OR_RETURN(domain::CatalogView view, ReadFor(inventory));
  view.hosts = {host};
  HostCheck checked{.stores = std::exchange(inventory.stores, {})};
  domain::FleetView fleet;
  fleet.inventories.push_back(std::move(inventory));
  domain::FleetCheck check =
      domain::CheckFleet(domain::OutlineAt(asked, std::move(running), view), view, fleet);
  // Tenants of other hosts are in the view to be known, not to be judged.
  std::erase_if(check.findings, [](const domain::FleetFinding& finding) {
    return finding.kind == domain::FindingKind::kTenantHomeless;
  });
  checked.findings = std::move(check.findings);
  checked.busy = std::move(check.busy);
  checked.databases = DatabasesOf(checked.findings, std::move(fleet.inventories.front().databases));
  findings_.Put(host.id, asked, checked.findings, checked.busy);
  return checked;
}

// What came of asking the hosts, put together by several threads.
struct FleetChecker::Stores {
  Mutex mutex;
  size_t next = 0;
  std::map<std::string, std::string> silent;
  int64_t hosts_checked = 0;
  std::vector<domain::LookedInto> looks;
  std::shared_ptr<StoreListing> listing;  // agents that answer too late still add to it
  std::set<std::string> busy;
  absl::Status error;
};

absl::Status FleetChecker::AddHost(const domain::Host& host, const std::vector<std::string>& stores,
                                   absl::Time deadline, FleetReport& report, Stores& found) {
  const fleet::InventoryAsk ask{
      .stores = stores,
      .deadline = deadline,
      .on_stored = [listing = found.listing](const std::vector<domain::FoundBackup>& backups,
                                             const std::vector<domain::FoundKey>& keys) {
        listing->Add(backups, keys);
      }};
  absl::StatusOr<HostCheck> checked = fleet::CanBeAsked(host)
                                          ? CheckHost(host, ask)
                                          : absl::UnavailableError(WhyNotAsked(domain::StateOf(host)));
  const MutexLock lock(found.mutex);
  if (!checked.ok()) {
    if (!absl::IsUnavailable(checked.status())) return checked.status();
    found.silent[host.id] = std::string(checked.status().message());
    return absl::OkStatus();
  }
  std::move(checked->findings.begin(), checked->findings.end(), std::back_inserter(report.findings));
  report.fleet.inventories.push_back({.host = host.id, .databases = std::move(checked->databases)});
  found.busy.insert(checked->busy.begin(), checked->busy.end());
  std::move(checked->stores.begin(), checked->stores.end(), std::back_inserter(found.looks));
  ++found.hosts_checked;
  return absl::OkStatus();
}

absl::StatusOr<FleetChecker::FleetReport> FleetChecker::CheckAll(absl::Time deadline) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Slot> slot, TakeSlot());
  const absl::Time asked = clock_.Now();
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Operation> running, ReadRunning());
  FleetReport report;
  CROFT_ASSIGN_OR_RETURN(report.hosts, catalog_.ListHosts());
  const std::vector<domain::Host>& hosts = report.hosts;
  const std::map<std::string, std::vector<std::string>> shares = ShareStores(hosts);
  Stores found;
  CROFT_ASSIGN_OR_RETURN(found.listing, StoreListing::Open());
  const auto work = [&] {
    for (;;) {
      size_t index = 0;
      {
        const MutexLock lock(found.mutex);
        index = found.next++;
      }
      if (index >= hosts.size()) return;
      const auto share = shares.find(hosts[index].id);
      const absl::Status status =
          AddHost(hosts[index], share == shares.end() ? std::vector<std::string>() : share->second,
                  deadline, report, found);
      const MutexLock lock(found.mutex);
      found.error.Update(status);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kHostsAtATime, hosts.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  CROFT_RETURN_IF_ERROR(found.error);
  report.time = clock_.Now();
  report.hosts_checked = found.hosts_checked;
  CROFT_RETURN_IF_ERROR(CompareStores(asked, running, hosts, found, report));
  report.busy.assign(found.busy.begin(), found.busy.end());
  CROFT_ASSIGN_OR_RETURN(const int64_t tenants, catalog_.CountTenants());
  report.tenants_checked = std::max<int64_t>(0, tenants - static_cast<int64_t>(report.busy.size()));
  std::sort(report.findings.begin(), report.findings.end(),
            [](const domain::FleetFinding& a, const domain::FleetFinding& b) {
              return std::tie(a.host, a.store, a.kind, a.object) <
                     std::tie(b.host, b.store, b.kind, b.object);
            });
  return report;
}

namespace {

using domain::FindingKind;

// Compares what lies in the stores with the backups of some tenants.
class StorePages {
 public:
  StorePages(catalog::Catalog& catalog, absl::Time asked, const std::vector<domain::Operation>& running,
             const std::vector<domain::Host>& hosts, const std::vector<domain::LookedInto>& looks,
             StoreListing& listing)
      : catalog_(catalog),
        asked_(asked),
        running_(running),
        hosts_(hosts),
        looks_(looks),
        listing_(listing) {}

  // `view` holds the tenants and the operations that run now.
  absl::Status Compare(domain::CatalogView view, const std::set<std::string>& uids,
                       std::vector<domain::FleetFinding>& findings, std::set<std::string>& busy) {
    domain::FleetView fleet = Looks();
    domain::Inventory& stores = fleet.inventories.front();
    CROFT_RETURN_IF_ERROR(listing_.Take(uids, stores));
    std::set<std::string> lying;  // uids of which something is there
    for (const domain::FoundBackup& backup : stores.backups) lying.insert(backup.uid);
    for (const domain::FoundKey& key : stores.keys) lying.insert(key.uid);
    for (const domain::Tenant& tenant : view.tenants) {
      if (tenant.last_backup.empty() && lying.count(tenant.uid) == 0) continue;
      CROFT_ASSIGN_OR_RETURN(std::vector<domain::Backup> backups,
                             catalog_.ListBackups(tenant.id, {}, std::numeric_limits<int32_t>::max()));
      for (const domain::Backup& backup : backups) {
        for (const std::string& store : domain::StoresOf(backup)) stores_.insert(store);
      }
      // Most tenants have about as many, and growing would take twice the room.
      if (view.backups.empty()) view.backups.reserve(view.tenants.size() * backups.size());
      std::move(backups.begin(), backups.end(), std::back_inserter(view.backups));
    }
    view.hosts = hosts_;
    const domain::FleetCheck check =
        domain::CheckFleet(domain::OutlineAt(asked_, running_, view), view, fleet);
    for (const domain::FleetFinding& finding : check.findings) {
      const bool in_store = !finding.store.empty() && finding.kind != FindingKind::kStoreSilent;
      if (in_store || finding.kind == FindingKind::kTenantHomeless) findings.push_back(finding);
    }
    busy.insert(check.busy.begin(), check.busy.end());
    return absl::OkStatus();
  }

  // Hosts and stores of which nothing was heard. After all pages.
  int64_t CompareSilence(const std::map<std::string, std::string>& silent,
                         std::vector<domain::FleetFinding>& findings) const {
    domain::CatalogView view{.hosts = hosts_};
    // One that nobody can restore, so that only its store is missed.
    for (const std::string& store : stores_) {
      view.backups.push_back({.state = domain::BackupState::kFailed, .store = store});
    }
    domain::FleetView fleet = Looks();
    fleet.silent = silent;
    domain::FleetCheck check = domain::CheckFleet({}, view, fleet);
    std::move(check.findings.begin(), check.findings.end(), std::back_inserter(findings));
    return check.stores_checked;
  }

 private:
  // What became of looking into the stores, as if one host that has nothing else had looked into all.
  domain::FleetView Looks() const {
    domain::FleetView fleet;
    fleet.inventories.push_back({.stores = looks_});
    return fleet;
  }

  catalog::Catalog& catalog_;
  const absl::Time asked_;
  const std::vector<domain::Operation>& running_;
  const std::vector<domain::Host>& hosts_;
  const std::vector<domain::LookedInto>& looks_;
  StoreListing& listing_;
  std::set<std::string> stores_;
};

}  // namespace

absl::Status FleetChecker::CompareStores(absl::Time asked, const std::vector<domain::Operation>& running,
                                         const std::vector<domain::Host>& hosts, Stores& found,
                                         FleetReport& report) const {
  found.listing->Close();
  StorePages pages(catalog_, asked, running, hosts, found.looks, *found.listing);
  catalog::TenantQuery query{.show_retired = true, .limit = kPageWithBackups};
  for (bool more = true; more;) {
    domain::CatalogView view;
    CROFT_ASSIGN_OR_RETURN(view.running, ReadRunning());
    CROFT_ASSIGN_OR_RETURN(catalog::TenantPage page, catalog_.ListTenants(query));
    more = page.next_after.has_value();
    if (more) query.after_id = *page.next_after;
    view.tenants = std::move(page.tenants);
    std::set<std::string> uids;
    for (const domain::Tenant& tenant : view.tenants) uids.insert(tenant.uid);
    CROFT_RETURN_IF_ERROR(pages.Compare(std::move(view), uids, report.findings, found.busy));
  }
  // What lies there of tenants that are gone, or that nobody knows.
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const std::set<std::string> uids, found.listing->FirstUids(kUidsAtATime));
    if (uids.empty()) break;
    domain::CatalogView view;
    CROFT_ASSIGN_OR_RETURN(view.running, ReadRunning());
    CROFT_RETURN_IF_ERROR(AddTenants(catalog_, uids, view));
    CROFT_RETURN_IF_ERROR(pages.Compare(std::move(view), uids, report.findings, found.busy));
  }
  report.stores_checked = pages.CompareSilence(found.silent, report.findings);
  report.fleet.silent = std::move(found.silent);
  return absl::OkStatus();
}

// One that changed since the first host was asked was judged by some hosts before and by others after.
absl::StatusOr<domain::CatalogView> FleetChecker::ReadUnchanged(const FleetReport& report,
                                                                absl::Time asked) const {
  std::set<std::string> ids;
  for (const domain::FleetFinding& finding : report.findings) ids.insert(finding.tenant);
  for (const std::string& busy : report.busy) ids.erase(busy);
  ids.erase("");
  domain::CatalogView view{.hosts = report.hosts};
  for (const std::string& id : ids) {
    CROFT_ASSIGN_OR_RETURN(std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
    const bool changed =
        !tenant || tenant->state == domain::TenantState::kPurged || tenant->update_time > asked;
    if (!changed) view.tenants.push_back(*std::move(tenant));
  }
  return view;
}

absl::StatusOr<FleetChecker::RepairView> FleetChecker::CheckForRepairs(absl::Time deadline) {
  const absl::Time asked = clock_.Now();
  CROFT_ASSIGN_OR_RETURN(FleetReport report, CheckAll(deadline));
  RepairView view;
  CROFT_ASSIGN_OR_RETURN(view.catalog, ReadUnchanged(report, asked));
  std::set<std::string> unchanged = {""};
  for (const domain::Tenant& tenant : view.catalog.tenants) unchanged.insert(tenant.id);
  std::erase_if(report.findings,
                [&](const domain::FleetFinding& finding) { return unchanged.count(finding.tenant) == 0; });
  view.check.findings = std::move(report.findings);
  view.fleet = std::move(report.fleet);
  return view;
}

}  // namespace croft::handlers
