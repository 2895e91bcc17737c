// Plans repairs for the findings of a fleet check.

#include "controlplane/domain/fleet_repair.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include "common/names.h"
#include "controlplane/domain/fleet_check.h"

namespace croft::domain {
namespace {

constexpr absl::string_view kShape = "shape";
constexpr absl::string_view kDrop = "drop";
constexpr absl::string_view kDropScratch = "drop-scratch";
constexpr absl::string_view kForgetBackup = "forget-backup";
constexpr absl::string_view kForgetCopy = "forget-copy";
constexpr size_t kMostIdBytes = 200;

// Of anything that a repair is about: hosts, databases, tenants and backups.
bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
  });
}

class Planner {
 public:
  Planner(const FleetCheck& check, const CatalogView& catalog, const FleetView& fleet) : check_(check) {
    for (const Tenant& tenant : catalog.tenants) tenants_.emplace(tenant.id, &tenant);
    for (const Inventory& inventory : fleet.inventories) inventories_.emplace(inventory.host, &inventory);
    // A host that was declared missing is closed by that word, as it is for a restore elsewhere.
    std::set<std::string> given_up;
    for (const Host& host : catalog.hosts) {
      if (host.missing) given_up.insert(host.id);
    }
    for (const auto& [host, why] : fleet.silent) any_silent_ |= given_up.count(host) == 0;
    for (const FleetFinding& finding : check.findings) {
      if (SpoilsHome(finding)) spoiled_.insert(finding.tenant);
      if (finding.kind == FindingKind::kDatabaseDoubled && MayTakeWrites(finding))
        open_twice_.insert(finding.tenant);
    }
  }

  RepairPlan Plan() {
    for (const FleetFinding& finding : check_.findings) {
      if (finding.severity == Severity::kNote) continue;
      if (!PlanFor(finding)) plan_.left.push_back(finding);
    }
    return std::move(plan_);
  }

 private:
  const Tenant* TenantOf(const FleetFinding& finding) const {
    const auto found = tenants_.find(finding.tenant);
    return found == tenants_.end() ? nullptr : found->second;
  }
  const FoundDatabase* DatabaseOf(const FleetFinding& finding) const {
    const auto inventory = inventories_.find(finding.host);
    if (inventory == inventories_.end()) return nullptr;
    const auto& databases = inventory->second->databases;
    const auto found = std::find_if(databases.begin(), databases.end(),
                                    [&](const FoundDatabase& one) { return one.name == finding.object; });
    return found == databases.end() ? nullptr : &*found;
  }
  bool IsAtHome(const FleetFinding& finding) const {
    const Tenant* tenant = TenantOf(finding);
    return tenant != nullptr && tenant->placement.host == finding.host &&
           WithoutSeal(finding.object) == tenant->placement.database;
  }

  // The database where the tenant lives is not there, or not as it must be for anything else of it to be removed.
  bool SpoilsHome(const FleetFinding& finding) const {
    switch (finding.kind) {
      case FindingKind::kDatabaseMissing:
      case FindingKind::kTenantHomeless: return true;
      case FindingKind::kDatabaseHalfDropped: return IsAtHome(finding);
      case FindingKind::kDatabaseMistagged: return IsAtHome(finding) && !IsUntagged(finding);
      default: return false;
    }
  }

  bool MayTakeWrites(const FleetFinding& finding) const {
    const FoundDatabase* database = DatabaseOf(finding);
    return database == nullptr || database->allows_connections;
  }

  // A comment that says nothing can be written; one that says something else is a question.
  bool IsUntagged(const FleetFinding& finding) const {
    const FoundDatabase* database = DatabaseOf(finding);
    return database != nullptr && database->uid.empty() && IsAtHome(finding);
  }

  // False when it is for people.
  bool PlanFor(const FleetFinding& finding) {
    switch (finding.kind) {
      case FindingKind::kDatabaseOpen:
      case FindingKind::kGrantMissing:
      case FindingKind::kDatabaseFencedByNobody: return IsAtHome(finding) && Shape(finding);
      case FindingKind::kDatabaseMistagged: return IsUntagged(finding) && Shape(finding);
      case FindingKind::kRoleMissing:
      case FindingKind::kRoleOpen:
      case FindingKind::kRoleClosed:
      case FindingKind::kRoleDrifted: return Shape(finding);
      case FindingKind::kDatabaseDoubled:
      case FindingKind::kDatabaseHalfDropped: return Drop(finding);
      case FindingKind::kDatabaseScratch: return DropScratch(finding);
      case FindingKind::kBackupMissing: return ForgetBackup(finding);
      case FindingKind::kCopyMissing: return ForgetCopy(finding);
      default: return false;
    }
  }

  bool Shape(const FleetFinding& finding) {
    const Tenant* tenant = TenantOf(finding);
    if (tenant == nullptr || tenant->placement.host != finding.host) return false;
    // Never a second place that takes writes: nothing is opened while one may be open somewhere.
    const bool opens = DoorOf(*tenant) != Door::kSealed;
    if (DoorOf(*tenant) == Door::kNone || spoiled_.count(tenant->id) > 0) return false;
    if (opens && (any_silent_ || open_twice_.count(tenant->id) > 0)) return false;
    if (!shaped_.insert(tenant->id).second) return true;
    Add({.kind = FleetRepair::Kind::kShape,
         .tenant = tenant->id,
         .uid = tenant->uid,
         .host = finding.host,
         .database = tenant->placement.database,
         .generation = tenant->placement.generation,
         .description =
             absl::StrCat(opens ? "let in whom the tenant's state lets in" : "keep everybody out",
                          ", with the roles, passwords and comment that the catalog has")});
    return true;
  }

  bool Drop(const FleetFinding& finding) {
    const Tenant* tenant = TenantOf(finding);
    const FoundDatabase* database = DatabaseOf(finding);
    if (tenant == nullptr || database == nullptr || IsAtHome(finding)) return false;
    // Its name must be what Croft called that generation, and its comment must agree.
    const bool is_ours =
        database->uid == tenant->uid &&
        WithoutSeal(database->name) == absl::StrCat(tenant->owner_role, "_g", database->generation);
    const bool is_earlier = database->generation < tenant->placement.generation;
    const bool is_shut = database->invalid || !database->allows_connections;
    const bool lives = DoorOf(*tenant) != Door::kNone && spoiled_.count(tenant->id) == 0 &&
                       !tenant->unconfirmed && inventories_.count(tenant->placement.host) > 0;
    if (!is_ours || !is_earlier || !is_shut || !lives) return false;
    Add({.kind = FleetRepair::Kind::kDrop,
         .tenant = tenant->id,
         .uid = tenant->uid,
         .host = finding.host,
         .database = database->name,
         .generation = database->generation,
         .description =
             absl::StrCat("drop ", database->name, ": closed, and of an earlier generation than ",
                          tenant->placement.database)});
    return true;
  }

  bool DropScratch(const FleetFinding& finding) {
    const Tenant* tenant = TenantOf(finding);
    const FoundDatabase* database = DatabaseOf(finding);
    if (tenant == nullptr || database == nullptr || !database->uid.empty()) return false;
    Add({.kind = FleetRepair::Kind::kDropScratch,
         .tenant = tenant->id,
         .uid = tenant->uid,
         .host = finding.host,
         .database = database->name,
         .description = absl::StrCat("drop ", database->name, ", which a proof that was cut left")});
    return true;
  }

  bool ForgetBackup(const FleetFinding& finding) {
    if (TenantOf(finding) == nullptr) return false;
    Add({.kind = FleetRepair::Kind::kForgetBackup,
         .tenant = finding.tenant,
         .uid = finding.uid,
         .backup = finding.object,
         .description = absl::StrCat("put a usable copy of backup ", finding.object,
                                     " in its place, or mark it as failed: ", finding.message)});
    return true;
  }

  bool ForgetCopy(const FleetFinding& finding) {
    if (TenantOf(finding) == nullptr) return false;
    Add({.kind = FleetRepair::Kind::kForgetCopy,
         .tenant = finding.tenant,
         .uid = finding.uid,
         .backup = finding.object,
         .store = finding.store,
         .description = absl::StrCat("mark the copy of backup ", finding.object, " in store ",
                                     finding.store, " as failed: ", finding.message)});
    return true;
  }

  void Add(FleetRepair repair) { plan_.repairs.push_back(std::move(repair)); }

  const FleetCheck& check_;
  std::map<std::string, const Tenant*> tenants_;
  std::map<std::string, const Inventory*> inventories_;
  bool any_silent_ = false;
  std::set<std::string> spoiled_;
  std::set<std::string> open_twice_;
  std::set<std::string> shaped_;
  RepairPlan plan_;
};

}  // namespace

std::string FleetRepair::Id() const {
  switch (kind) {
    case Kind::kShape: return absl::StrCat(kShape, ":", host, ":", database);
    case Kind::kDrop: return absl::StrCat(kDrop, ":", host, ":", database);
    case Kind::kDropScratch: return absl::StrCat(kDropScratch, ":", host, ":", database);
    case Kind::kForgetBackup: return absl::StrCat(kForgetBackup, ":", tenant, ":", backup);
    case Kind::kForgetCopy: return absl::StrCat(kForgetCopy, ":", tenant, ":", backup, "-in-", store);
  }
  return "";
}

bool CanBeRepairId(absl::string_view text) {
  if (text.size() > kMostIdBytes) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() != 3) return false;
  const bool known = parts[0] == kShape || parts[0] == kDrop || parts[0] == kDropScratch ||
                     parts[0] == kForgetBackup || parts[0] == kForgetCopy;
  return known && IsName(parts[1]) && IsName(parts[2]);
}

RepairPlan PlanRepairs(const FleetCheck& check, const CatalogView& catalog, const FleetView& fleet) {
  return Planner(check, catalog, fleet).Plan();
}

}  // namespace croft::domain
