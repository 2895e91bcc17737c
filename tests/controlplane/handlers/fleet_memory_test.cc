#include <fstream>
#include <string>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/handlers/fleet_checker.h"

// How much memory a check of a large fleet takes.
namespace croft::handlers {
namespace {

constexpr int kHosts = 100;
constexpr int kTenantsOnEach = 1000;
constexpr int kTenants = kHosts * kTenantsOnEach;
constexpr int kBackupsOfEach = 5;
// For the tenants of the hosts that are compared at a time, however many others there are; what lies in the stores goes
// to a temporary file.
constexpr int64_t kMostBytes = int64_t{160} << 20;
constexpr size_t kStoredInAPart = 1000;
constexpr char kVerifier[] =
    "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

std::string HostAt(int number) { return absl::StrFormat("host-%04d", number); }
std::string IdAt(int number) { return absl::StrFormat("tenant-%07d", number); }

std::string BackupAt(int number) { return absl::StrFormat("20261123t0311%02dz-abcd", number); }

std::string UidAt(int number) {
  std::string uid(16, 'a');
  for (size_t i = uid.size(); number > 0; number /= 26) uid[--i] = static_cast<char>('a' + number % 26);
  return uid;
}

domain::Tenant TenantAt(int number) {
  domain::Tenant tenant{.id = IdAt(number), .uid = UidAt(number), .version = 3};
  tenant.state = domain::TenantState::kReady;
  tenant.owner_role = absl::StrCat("t_tenant_", tenant.uid);
  tenant.reader_role = absl::StrCat(tenant.owner_role, "_r");
  tenant.placement = {HostAt(number / kTenantsOnEach), absl::StrCat(tenant.owner_role, "_g1"), 1};
  for (const char* login : {"_a", "_ra"}) {
    tenant.credentials.push_back(
        {.login = absl::StrCat(tenant.owner_role, login),
         .role = absl::StrContains(login, "r") ? domain::LoginRole::kReadOnly : domain::LoginRole::kApp,
         .sealed_password = std::string(80, 's'),
         .verifier = kVerifier,
         .published = true});
  }
  tenant.last_backup = BackupAt(kBackupsOfEach - 1);
  return tenant;
}

// A catalog of so many tenants, of which none is kept. All backups are in one store.
class MadeUpCatalog final : public catalog::Catalog {
 public:
  absl::StatusOr<catalog::TenantPage> ListTenants(const catalog::TenantQuery& query) override {
    int number = 0;
    int end = kTenants;
    for (const auto& condition : query.conditions) {
      if (!absl::SimpleAtoi(condition.value.substr(condition.value.find('-') + 1), &number)) break;
      number *= kTenantsOnEach;
      end = number + kTenantsOnEach;
    }
    int after = 0;
    if (absl::SimpleAtoi(query.after_id.substr(query.after_id.find('-') + 1), &after)) number = after + 1;
    catalog::TenantPage page;
    for (; number < end && static_cast<int32_t>(page.tenants.size()) < query.limit; ++number) {
      page.tenants.push_back(TenantAt(number));
    }
    if (number < end) page.next_after = page.tenants.back().id;
    return page;
  }
  absl::StatusOr<std::vector<domain::Host>> ListHosts() override {
    std::vector<domain::Host> hosts;
    for (int i = 0; i < kHosts; ++i) {
      domain::Host host{.id = HostAt(i), .certificate_fingerprint = "f", .up = true};
      host.report.stores = {"the-one-store-of-all-hosts"};
      hosts.push_back(std::move(host));
    }
    return hosts;
  }
  absl::StatusOr<std::vector<domain::Backup>> ListBackups(absl::string_view tenant,
                                                          const catalog::BackupPosition&,
                                                          int32_t) override {
    int number = 0;
    if (!absl::SimpleAtoi(tenant.substr(tenant.find('-') + 1), &number))
      return absl::InternalError("no id");
    std::vector<domain::Backup> backups;
    for (int i = 0; i < kBackupsOfEach; ++i) {
      domain::Backup& backup =
          backups.emplace_back(domain::Backup{.tenant = std::string(tenant),
                                              .id = BackupAt(i),
                                              .tenant_uid = UidAt(number),
                                              .state = domain::BackupState::kAvailable});
      backup.store = "the-one-store-of-all-hosts";
      backup.size_bytes = 17;
    }
    return backups;
  }
  absl::StatusOr<catalog::OperationPage> ListOperations(const catalog::OperationQuery&) override {
    return catalog::OperationPage();
  }
  absl::StatusOr<int64_t> CountTenants() override { return kTenants; }
  absl::StatusOr<std::optional<domain::Tenant>> GetTenantByUid(absl::string_view) override {
    return std::nullopt;
  }
  absl::StatusOr<std::optional<domain::Tenant>> GetTenant(absl::string_view id) override {
    int number = 0;
    if (!absl::SimpleAtoi(id.substr(id.find('-') + 1), &number)) return std::nullopt;
    return TenantAt(number);
  }

  // None of these is asked.
  absl::StatusOr<std::unique_ptr<catalog::Transaction>> Begin() override { return NotAsked(); }
  domain::Revision revision() const override { return {}; }
  absl::StatusOr<std::optional<domain::Host>> GetHost(absl::string_view) override { return NotAsked(); }
  absl::StatusOr<std::optional<domain::User>> GetUser(absl::string_view) override { return NotAsked(); }
  absl::StatusOr<std::vector<domain::User>> ListUsers() override { return NotAsked(); }
  absl::StatusOr<std::optional<domain::Operation>> GetOperation(absl::string_view) override {
    return NotAsked();
  }
  absl::StatusOr<std::optional<domain::Backup>> GetBackup(absl::string_view, absl::string_view) override {
    return NotAsked();
  }
  absl::StatusOr<domain::Revision> ForEachTenant(
      const std::function<void(const domain::Tenant&)>&) override {
    return NotAsked();
  }
  absl::StatusOr<domain::Revision> ReadPlacements(const std::function<domain::Tenant&()>&) override {
    return NotAsked();
  }
  absl::StatusOr<int64_t> CountRunningOperations() override { return NotAsked(); }
  absl::StatusOr<int64_t> CountUnconfirmedTenants() override { return NotAsked(); }
  absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view, int32_t) override {
    return NotAsked();
  }
  absl::StatusOr<std::vector<domain::BackupPolicy>> ListBackupPolicies() override { return NotAsked(); }
  absl::StatusOr<std::vector<domain::Schedule>> DueSchedules(absl::Time, int32_t) override {
    return NotAsked();
  }
  absl::StatusOr<std::vector<domain::Schedule>> RefusedSchedules(int32_t, int32_t) override {
    return NotAsked();
  }
  absl::StatusOr<std::optional<domain::Schedule>> GetSchedule(const domain::ScheduleKey&) override {
    return NotAsked();
  }
  absl::StatusOr<std::optional<domain::Erasure>> GetErasure(absl::string_view) override {
    return NotAsked();
  }
  absl::StatusOr<std::optional<domain::AuditCheckpoint>> GetAuditCheckpoint() override {
    return NotAsked();
  }
  absl::StatusOr<std::vector<domain::AuditRow>> ListAudit(int64_t, int32_t) override { return NotAsked(); }
  absl::StatusOr<std::vector<domain::AuditRow>> ListAuditBefore(int64_t, int32_t) override {
    return NotAsked();
  }
  absl::StatusOr<domain::Revision> CommittedRevision() override { return NotAsked(); }
  absl::StatusOr<domain::AuditHead> RecordedAuditHead() override { return NotAsked(); }
  absl::StatusOr<catalog::EventPage> ListEvents(const catalog::EventQuery&) override { return NotAsked(); }
  absl::StatusOr<domain::EventLog> GetEventLog() override { return NotAsked(); }
  absl::StatusOr<int64_t> PositionBefore(absl::Time) override { return NotAsked(); }

 private:
  static absl::Status NotAsked() { return absl::UnimplementedError("a check does not ask this"); }
};

// Every host holds what the catalog says, but for one login of the last tenant.
class MadeUpHosts final : public fleet::InventorySource {
 public:
  void AskInventory(const std::string& host, const fleet::InventoryAsk& ask,
                    fleet::InventoryCallback told) override {
    domain::Inventory inventory{.host = host};
    int number = 0;
    ASSERT_TRUE(absl::SimpleAtoi(host.substr(host.find('-') + 1), &number));
    for (int i = number * kTenantsOnEach; i < (number + 1) * kTenantsOnEach; ++i) Add(i, inventory);
    for (const std::string& store : ask.stores) {
      inventory.stores.push_back({.store = store});
      for (int i = 0; i < kTenants; ++i) {
        AddStored(store, i, inventory);
        if (!ask.on_stored || inventory.backups.size() < kStoredInAPart) continue;
        ask.on_stored(std::exchange(inventory.backups, {}), std::exchange(inventory.keys, {}));
      }
    }
    told(std::move(inventory));
  }

 private:
  static void AddStored(const std::string& store, int number, domain::Inventory& inventory) {
    for (int i = 0; i < kBackupsOfEach; ++i) {
      inventory.backups.push_back({.store = store,
                                   .uid = UidAt(number),
                                   .id = BackupAt(i),
                                   .has_archive = true,
                                   .has_manifest = true,
                                   .size_bytes = 17});
    }
    inventory.keys.push_back({.store = store, .uid = UidAt(number)});
  }
  static void Add(int number, domain::Inventory& inventory) {
    const domain::Tenant tenant = TenantAt(number);
    inventory.databases.push_back({.name = tenant.placement.database,
                                   .uid = tenant.uid,
                                   .generation = 1,
                                   .allows_connections = true,
                                   .size_bytes = 7 << 20});
    inventory.roles.push_back({.name = tenant.owner_role});
    inventory.roles.push_back({.name = tenant.reader_role});
    for (const domain::Credential& credential : tenant.credentials) {
      inventory.roles.push_back(
          {.name = credential.login, .can_login = number != kTenants - 1 || !credential.published});
    }
  }
};

// In bytes, of this process; `field` is VmRSS or VmHWM.
int64_t Memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    int64_t kilobytes = 0;
    if (absl::StartsWith(line, field + ":") &&
        absl::SimpleAtoi(line.substr(field.size() + 1, line.size() - field.size() - 4), &kilobytes)) {
      return kilobytes << 10;
    }
  }
  ADD_FAILURE() << "no " << field;
  return 0;
}

TEST(FleetMemoryTest, AFleetIsCheckedAndItsRepairsPlannedWithinABound) {
  MadeUpCatalog catalog;
  MadeUpHosts hosts;
  SystemClock clock;
  FleetFindings findings;
  FleetChecker checker(catalog, hosts, clock, findings);
  std::ofstream("/proc/self/clear_refs") << "5";  // the highest mark begins anew
  const int64_t before = Memory("VmRSS");
  const auto view = checker.CheckForRepairs(absl::InfiniteFuture());
  const int64_t taken = Memory("VmHWM") - before;
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->check.findings.size(), 2u);
  EXPECT_EQ(view->catalog.tenants.size(), 1u);
  EXPECT_EQ(view->fleet.inventories.size(), static_cast<size_t>(kHosts));
  RecordProperty("megabytes", static_cast<int>(taken >> 20));
  EXPECT_LT(taken, kMostBytes);
}

}  // namespace
}  // namespace croft::handlers
