// Compares the catalog with what hosts and stores hold.

#include "controlplane/domain/fleet_check.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/domain/fleet_check_parts.h"

namespace croft::domain {

Door DoorOf(const Tenant& tenant) {
  switch (tenant.state) {
    case TenantState::kReady: return Door::kOpen;
    case TenantState::kSuspended:
      return tenant.suspend_mode == SuspendMode::kReadOnly ? Door::kReadersOnly : Door::kSealed;
    case TenantState::kRetired: return Door::kSealed;
    case TenantState::kCreating:
    case TenantState::kFailed:
    case TenantState::kPurged: return Door::kNone;
  }
  return Door::kNone;
}

bool LetsIn(Door door, LoginRole role) {
  return door == Door::kOpen || (door == Door::kReadersOnly && role == LoginRole::kReadOnly);
}

CatalogOutline OutlineAt(absl::Time asked, std::vector<Operation> running, const CatalogView& after) {
  CatalogOutline outline{.running = std::move(running)};
  for (const Tenant& tenant : after.tenants) {
    if (tenant.update_time <= asked) outline.versions.emplace(tenant.id, tenant.version);
  }
  for (const Backup& backup : after.backups) {
    if (backup.create_time <= asked) outline.backups.emplace(backup.tenant_uid, backup.id, backup.store);
    for (const BackupCopy& copy : backup.copies) {
      if (copy.copy_time.value_or(copy.create_time) <= asked)
        outline.backups.emplace(backup.tenant_uid, backup.id, copy.store);
    }
  }
  return outline;
}

Knowledge::Knowledge(const CatalogOutline& before, const CatalogView& after)
    : view_(after), backups_before_(before.backups) {
  for (const Tenant& tenant : view_.tenants) {
    by_uid_.emplace(tenant.uid, &tenant);
    if (!tenant.placement.host.empty()) by_host_[tenant.placement.host].push_back(&tenant);
    const auto seen = before.versions.find(tenant.id);
    const bool same = seen != before.versions.end() && seen->second == tenant.version;
    if (!same || tenant.state == TenantState::kCreating) busy_.insert(tenant.id);
  }
  for (const Tenant& tombstone : view_.tombstones) {
    tombstones_.emplace(tombstone.uid, tombstone.id);
    if (before.versions.count(tombstone.id) > 0) busy_.insert(tombstone.id);
  }
  for (const Backup& backup : view_.backups) {
    for (const std::string& store : StoresOf(backup)) backups_.emplace(backup.tenant_uid, backup.id, store);
  }
  NoteWork(before.running);
  NoteWork(view_.running);
}

void Knowledge::NoteWork(const std::vector<Operation>& running) {
  for (const Operation& operation : running) {
    if (operation.kind == OperationKind::kCleanUp) {
      NoteCleanUp(operation);
      continue;
    }
    if (!operation.tenant.empty()) busy_.insert(operation.tenant);
    if (!operation.source_tenant.empty()) busy_.insert(operation.source_tenant);
  }
}

void Knowledge::NoteCleanUp(const Operation& operation) {
  for (const Step& step : operation.steps) {
    const bool sent = step.attempt > 0;
    const auto* drop = std::get_if<DropTask>(&step.task);
    if (drop == nullptr) {
      if (step.state == StepState::kDispatched) busy_.insert(operation.tenant);
      continue;
    }
    for (const std::string& database : drop->databases) {
      Copy& copy = copies_[{step.host, WithoutSeal(database)}];
      if (copy != Copy::kLeaving) copy = sent ? Copy::kLeaving : Copy::kSealed;
    }
  }
}

const Tenant* Knowledge::TenantOf(absl::string_view uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : found->second;
}

bool Knowledge::IsTombstone(absl::string_view uid) const {
  return tombstones_.find(uid) != tombstones_.end();
}

bool Knowledge::IsBusy(absl::string_view uid) const {
  if (const Tenant* tenant = TenantOf(uid)) return busy_.find(tenant->id) != busy_.end();
  const auto tombstone = tombstones_.find(uid);
  return tombstone != tombstones_.end() && busy_.find(tombstone->second) != busy_.end();
}

std::vector<const Tenant*> Knowledge::SettledOn(absl::string_view host) const {
  std::vector<const Tenant*> settled;
  const auto found = by_host_.find(host);
  if (found == by_host_.end()) return settled;
  for (const Tenant* tenant : found->second) {
    if (!IsBusy(tenant->uid)) settled.push_back(tenant);
  }
  return settled;
}

Knowledge::Copy Knowledge::CopyAt(absl::string_view host, absl::string_view database) const {
  const auto found = copies_.find({std::string(host), std::string(database)});
  return found == copies_.end() ? Copy::kNone : found->second;
}

bool Knowledge::KnowsBackup(const PlacedBackup& backup) const {
  return HadBackup(backup) || backups_.count(backup) > 0;
}

bool Knowledge::HadBackup(const PlacedBackup& backup) const { return backups_before_.count(backup) > 0; }

std::vector<std::string> Knowledge::Busy() const {
  std::vector<std::string> busy;
  for (const Tenant& tenant : view_.tenants) {
    if (busy_.find(tenant.id) != busy_.end()) busy.push_back(tenant.id);
  }
  return busy;
}

namespace {

void CheckSilentHosts(const CatalogView& view, const FleetView& fleet,
                      std::vector<FleetFinding>& findings) {
  for (const Host& host : view.hosts) {
    const auto silent = fleet.silent.find(host.id);
    if (silent == fleet.silent.end() || host.missing) continue;
    const bool expected = StateOf(host) == HostState::kExpected;
    findings.push_back(
        {.kind = FindingKind::kHostSilent,
         .severity = expected && host.databases_reserved == 0 ? Severity::kNote : Severity::kProblem,
         .host = host.id,
         .object = host.id,
         .message = absl::StrCat("it did not report: ", silent->second),
         .remedy = "bring it back, or declare it gone for good with `croftctl host accept-missing`"});
  }
}

void CheckHomes(const Knowledge& knowledge, std::vector<FleetFinding>& findings) {
  std::set<std::string> homes;
  for (const Host& host : knowledge.view().hosts) {
    if (!host.missing) homes.insert(host.id);
  }
  for (const Tenant& tenant : knowledge.view().tenants) {
    const std::string& home = tenant.placement.host;
    if (home.empty() || homes.count(home) > 0 || knowledge.IsBusy(tenant.uid)) continue;
    findings.push_back({.kind = FindingKind::kTenantHomeless,
                        .host = home,
                        .tenant = tenant.id,
                        .uid = tenant.uid,
                        .object = tenant.placement.database,
                        .message = "its host was removed or declared missing",
                        .remedy = "restore it from a backup: `croftctl tenant restore`"});
  }
}

// Every store that somebody writes to or that holds backups, and what became of looking into it.
void CheckStores(const Knowledge& knowledge, const FleetView& fleet, FleetCheck& check) {
  std::map<std::string, std::string> problems;
  for (const Backup& backup : knowledge.view().backups) {
    for (const std::string& store : StoresOf(backup)) {
      if (!store.empty()) problems.emplace(store, "no host that reported reaches it");
    }
  }
  std::set<std::string> done;
  for (const Inventory& inventory : fleet.inventories) {
    for (const LookedInto& look : inventory.stores) {
      if (!look.problem.empty()) problems[look.store] = look.problem;
      if (!look.problem.empty() || !done.insert(look.store).second) continue;
      CheckStore(knowledge, look.store, inventory, check.findings);
    }
  }
  for (const auto& [store, problem] : problems) {
    if (done.count(store) > 0) continue;
    check.findings.push_back({.kind = FindingKind::kStoreSilent,
                              .store = store,
                              .object = store,
                              .message = absl::StrCat("it could not be looked into: ", problem),
                              .remedy = "bring back a host that reaches it, and the folder or bucket"});
  }
  check.stores_checked = static_cast<int64_t>(done.size());
}

}  // namespace

bool ShowsAsSaid(const Inventory& inventory, const Tenant& tenant) {
  if (tenant.placement.host != inventory.host) return false;
  // By the same rules as the whole fleet: a catalog of this one tenant, compared with this one host.
  const CatalogView alone{.tenants = {tenant}};
  CatalogOutline before;
  before.versions.emplace(tenant.id, tenant.version);
  std::vector<FleetFinding> findings;
  CheckHost(Knowledge(before, alone), inventory, findings);
  return DoorOf(tenant) != Door::kNone &&
         std::none_of(findings.begin(), findings.end(), [&](const FleetFinding& finding) {
           return finding.tenant == tenant.id && finding.severity == Severity::kProblem &&
                  finding.kind != FindingKind::kDatabaseDoubled &&
                  finding.kind != FindingKind::kRoleOrphaned &&
                  finding.kind != FindingKind::kGrantMissing &&
                  finding.kind != FindingKind::kRoleOverprivileged &&
                  finding.kind != FindingKind::kDatabaseOwnedByOther;
         });
}

FleetCheck CheckFleet(const CatalogOutline& before, const CatalogView& after, const FleetView& fleet) {
  const Knowledge knowledge(before, after);
  FleetCheck check{.busy = knowledge.Busy()};
  CheckSilentHosts(after, fleet, check.findings);
  CheckHomes(knowledge, check.findings);
  for (const Inventory& inventory : fleet.inventories) CheckHost(knowledge, inventory, check.findings);
  CheckStores(knowledge, fleet, check);
  std::sort(check.findings.begin(), check.findings.end(), [](const FleetFinding& a, const FleetFinding& b) {
    return std::tie(a.host, a.store, a.kind, a.object) < std::tie(b.host, b.store, b.kind, b.object);
  });
  return check;
}

}  // namespace croft::domain
