// PURGE: the end of a tenant: its databases, its backups and its keys.
//
// Why this order: databases and roles first, while the backups could still bring the tenant back; then what each store
// holds; the data key last, since from then on no copy of a backup, wherever it is, can be read. Without a proven final
// backup it asks for a reason. It only goes forward. One that ends half-way parks: it gives back the work that it took
// over and may be asked for again, although what proved that it may is gone.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/engine/verdict.h"
#include "controlplane/operations/backups.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Backup;
using domain::DeleteBackupTask;
using domain::DropTask;
using domain::EraseKeyTask;
using domain::Operation;
using domain::Step;
using domain::Tenant;
using domain::TenantState;
using engine::PurgeTenant;

struct PlacedDatabase {
  std::string host;
  std::string database;
};

// --- How its steps go.

// What is left of a purged tenant: its id, its uid and its counters, never to be used again.
Tenant TombstoneOf(const Tenant& tenant) {
  Tenant tombstone{.id = tenant.id, .uid = tenant.uid, .create_time = tenant.create_time};
  tombstone.update_time = tenant.update_time;
  tombstone.version = tenant.version;
  tombstone.delete_time = tenant.delete_time;
  tombstone.state = TenantState::kPurged;
  tombstone.placement.generation = tenant.last_generation;
  tombstone.order = tenant.order;
  tombstone.last_generation = tenant.last_generation;
  tombstone.current_operation = tenant.current_operation;
  tombstone.create_operation = tenant.create_operation;
  return tombstone;
}

void Erase(Draft& draft, const Operation& operation, Tenant& tenant) {
  for (const Step& step : operation.steps) {
    const auto* drop = std::get_if<DropTask>(&step.task);
    if (drop == nullptr) continue;
    for (const std::string& database : drop->databases) {
      const bool copy = database != tenant.placement.database;
      GiveBackRoomOn(draft, step.host, copy ? 0 : tenant.quota.connections);
    }
  }
  for (const Backup& backup : draft.facts().BackupsOfTenant(tenant.id)) {
    draft.EraseBackup(backup.tenant, backup.id);
  }
  tenant = TombstoneOf(tenant);
}

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport&) {
  if (std::holds_alternative<EraseKeyTask>(step.task))
    Erase(draft, operation, *draft.FindTenant(operation.tenant));
}

// --- What it has destroyed.

// Each store that holds something of the tenant, which is where copies of its data key lie.
std::set<std::string> StoresOf(const std::vector<Backup>& backups) {
  std::set<std::string> stores;
  for (const Backup& backup : backups) {
    for (const std::string& store : domain::StoresOf(backup)) stores.insert(store);
  }
  return stores;
}

std::string Time(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void AddDrop(const Step& step, const DropTask& drop, std::string& lines) {
  const bool gone = step.message == engine::kHostIsGone;
  for (const std::string& database : drop.databases) {
    absl::StrAppend(&lines, "database ", database, " on ", HostName(step.host),
                    gone ? ": not reached, since the host was declared missing\n" : ": dropped\n");
  }
}

// A line for each thing, such that two purges that destroyed the same say the same.
std::string Account(Draft& draft, const Operation& operation) {
  const Tenant& tenant = *draft.FindTenant(operation.tenant);
  const std::vector<Backup> backups = engine::BackupsOf(draft, tenant);
  std::string lines = absl::StrCat("created ", Time(tenant.create_time), "\n");
  if (tenant.delete_time) absl::StrAppend(&lines, "retired ", Time(*tenant.delete_time), "\n");
  absl::StrAppend(&lines, "purged by ", operation.caller, " since ", Time(operation.create_time), "\n");
  const auto details = domain::Details<domain::PurgeDetails>(operation);
  if (!details.waiver.empty()) absl::StrAppend(&lines, "without a proven backup: ", details.waiver, "\n");
  for (const Step& step : operation.steps) {
    if (const auto* drop = std::get_if<DropTask>(&step.task)) AddDrop(step, *drop, lines);
  }
  const std::string& home = tenant.placement.host;
  if (!home.empty() && !engine::CanHold(draft, home)) {
    absl::StrAppend(&lines, "database ", tenant.placement.database, " on ", HostName(home),
                    ": not reached, since the host was removed or declared missing\n");
  }
  for (const Backup& backup : backups) {
    absl::StrAppend(&lines, "backup ", backup.id, " in store ", backup.store, ", ", backup.size_bytes,
                    " bytes, sha256 ", backup.sha256.empty() ? "none" : backup.sha256, ": deleted\n");
    for (const domain::BackupCopy& copy : backup.copies) {
      absl::StrAppend(&lines, "backup ", backup.id, ", copy in store ", copy.store, ": deleted\n");
    }
  }
  for (const std::string& store : StoresOf(backups))
    absl::StrAppend(&lines, "data key ", tenant.uid, ", copy in store ", store, ": destroyed\n");
  absl::StrAppend(&lines, "data key ", tenant.uid, ", in the key store: destroyed\n");
  return lines;
}

// What it would drop from a host is gone with the host.
bool EndsWithHost(const Step& step) { return std::holds_alternative<DropTask>(step.task); }

// --- How it fails.

// The clean-ups that it did not get to are scheduled again; the room of what it dropped is free.
void GiveBackCleanUps(Draft& draft, const Operation& operation, const Tenant& tenant) {
  std::vector<Step> steps;
  for (const Step& step : operation.steps) {
    const auto* drop = std::get_if<DropTask>(&step.task);
    if (drop == nullptr) continue;
    for (const std::string& database : drop->databases) {
      if (database == tenant.placement.database) continue;
      if (step.state == domain::StepState::kDone) {
        GiveBackRoomOn(draft, step.host, 0);
      } else {
        steps.push_back(DropCopy(tenant, step.host, database, draft.now()));
      }
    }
  }
  for (const domain::Credential& credential : tenant.credentials) {
    if (!credential.disable_time) continue;
    const auto disable = DisableLogins(tenant, {credential.login}, *credential.disable_time);
    steps.insert(steps.end(), disable.begin(), disable.end());
  }
  if (!steps.empty()) ScheduleCleanUp(draft, operation, tenant, std::move(steps));
}

// What it was sent to remove from the stores cannot be counted on any more, and it was allowed to go on: the next one
// is, too.
void Park(Draft& draft, const Operation& operation, Tenant& tenant) {
  std::set<std::string> stores;
  bool had_copies = false;
  for (const Step& step : operation.steps) {
    const bool removes = std::holds_alternative<DeleteBackupTask>(step.task) ||
                         std::holds_alternative<EraseKeyTask>(step.task);
    if (!removes || step.attempt == 0) continue;
    tenant.purge_parked = true;
    const domain::BackupRef* about = domain::BackupOf(step.task);
    const Backup* any = about == nullptr ? nullptr : draft.FindBackup(about->tenant, about->id);
    if (any == nullptr) continue;
    const std::string copy = domain::CopyStoreOf(step.task);
    stores.insert(copy.empty() ? any->store : copy);
  }
  for (const Backup& known : engine::BackupsOf(draft, tenant)) {
    Backup& backup = *draft.FindBackup(known.tenant, known.id);
    if (stores.contains(backup.store)) backup.state = domain::BackupState::kDeleting;
    for (domain::BackupCopy& copy : backup.copies) {
      if (!stores.contains(copy.store)) continue;
      copy.state = domain::BackupState::kDeleting;
      had_copies = true;
    }
  }
  if (had_copies)
    draft.Record(catalog::PutSchedule{{.key = engine::CopyingOf(tenant.id), .next_time = draft.now()}});
  engine::ChooseLastBackup(draft, tenant);
}

void Revert(Draft& draft, Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  Park(draft, operation, tenant);
  GiveBackCleanUps(draft, operation, tenant);
}

// --- How it begins.

// Clean-ups that a purge does anyway end here; their databases are the purge's to drop.
void TakeOverCleanUps(Draft& draft, const Tenant& tenant, std::vector<PlacedDatabase>& databases) {
  for (const Operation& running : draft.facts().RunningOperationsOfTenant(tenant.id)) {
    if (running.kind != kCleanUp.id) continue;
    Operation& clean_up = *draft.FindOperation(running.id);
    clean_up.state = domain::OperationState::kCancelled;
    clean_up.end_time = draft.now();
    for (const Step& step : clean_up.steps) {
      const auto* drop = std::get_if<DropTask>(&step.task);
      if (drop == nullptr) continue;
      for (const std::string& database : drop->databases) databases.push_back({step.host, database});
    }
  }
}

// Every database of the tenant that still lies somewhere, ordered by host.
std::vector<PlacedDatabase> DatabasesOf(Draft& draft, const Tenant& tenant) {
  std::vector<PlacedDatabase> databases;
  TakeOverCleanUps(draft, tenant, databases);
  if (!tenant.placement.host.empty())
    databases.push_back({tenant.placement.host, tenant.placement.database});
  std::erase_if(databases, [&](const PlacedDatabase& one) { return !engine::CanHold(draft, one.host); });
  std::sort(databases.begin(), databases.end(), [](const PlacedDatabase& a, const PlacedDatabase& b) {
    return std::tie(a.host, a.database) < std::tie(b.host, b.database);
  });
  return databases;
}

// One drop a host.
std::vector<Step> DropSteps(const Tenant& tenant, const std::vector<PlacedDatabase>& databases) {
  std::vector<Step> steps;
  for (const PlacedDatabase& placed : databases) {
    if (steps.empty() || steps.back().host != placed.host) {
      steps.push_back({.task = DropTask{.roles = true},
                       .host = placed.host,
                       .generation = tenant.placement.generation,
                       .database = tenant.placement.database});
    }
    std::get<DropTask>(steps.back().task).databases.push_back(placed.database);
  }
  return steps;
}

// One a store that holds backups of the tenant or copies of them, each on a host that reaches it: a purge must not leave
// any.
absl::StatusOr<std::vector<Step>> DeleteSteps(Draft& draft, const Tenant& tenant) {
  std::map<std::string, Step> by_store;
  for (const Backup& backup : draft.facts().BackupsOfTenant(tenant.id)) {
    for (const std::string& store : domain::StoresOf(backup)) {
      if (by_store.contains(store)) continue;
      CROFT_ASSIGN_OR_RETURN(const std::string host, HostForStore(draft, tenant, store));
      by_store[store] = {.task = DeleteBackupTask{.backup = RefTo(backup),
                                                  .store = store == backup.store ? "" : store,
                                                  .all = true},
                         .host = host};
    }
  }
  std::vector<Step> steps;
  for (auto& [store, step] : by_store) steps.push_back(std::move(step));
  return steps;
}

absl::Status CheckNoneIsHeld(Draft& draft, const Tenant& tenant) {
  std::vector<std::string> names;
  for (const Backup& held : domain::HeldBackups(engine::BackupsOf(draft, tenant)))
    names.push_back(BackupName(held.tenant, held.id));
  return names.empty() ? absl::OkStatus() : domain::BackupsHeld(tenant.id, names);
}

// Id of the backup that the caller accepts; empty for none.
absl::StatusOr<std::string> AcceptedBackup(Draft& draft, const Tenant& tenant, const PurgeTenant& request) {
  if (request.accepted_backup.empty()) return std::string();
  CROFT_ASSIGN_OR_RETURN(const Backup* backup,
                         engine::ExistingBackup(draft, tenant, request.accepted_backup));
  return backup->id;
}

// Whether the tenant may be purged: nobody asks for a proof of one that never came to be, of one that the caller gives
// a reason for, and of one whose proof an earlier purge has removed.
// `accepted` is the id of the backup that the caller accepts, if any.
absl::Status CheckProof(Draft& draft, const Tenant& tenant, const PurgeTenant& request,
                        const std::string& accepted) {
  if (tenant.state != TenantState::kRetired) return absl::OkStatus();
  const std::vector<Backup> backups = engine::BackupsOf(draft, tenant);
  const Backup* incomplete = domain::IncompleteFinalBackup(tenant, backups);
  if (!accepted.empty()) {
    const bool exactly = incomplete != nullptr && incomplete->id == accepted;
    return exactly ? absl::OkStatus() : domain::BackupNotAcceptable(BackupName(tenant.id, accepted));
  }
  if (!request.waiver.empty() || tenant.purge_parked || domain::HasProof(tenant, backups))
    return absl::OkStatus();
  return domain::BackupNotProven(tenant.id, tenant.final_backup_failure,
                                 incomplete == nullptr ? "" : BackupName(tenant.id, incomplete->id));
}

// Why no proven backup was asked for, for whoever looks into the operation later.
std::string WaiverOf(const PurgeTenant& request, const std::string& accepted) {
  if (accepted.empty()) return request.waiver;
  return absl::StrCat("accepted ", BackupName(request.tenant, accepted), ", which is INCOMPLETE",
                      request.waiver.empty() ? "" : ": ", request.waiver);
}

}  // namespace

constinit const Kind kPurge = {.id = domain::OperationKind::kPurge,
                               .backups = engine::BackupUse::kDeletesAll,
                               .timeout = absl::Hours(7 * 24),
                               .revertible = false,
                               .ends_with_host = EndsWithHost,
                               .apply = Apply,
                               .account = Account,
                               .revert = Revert};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PurgeTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, domain::TenantEvent::kPurge,
                                   kPurge.id, "purged; retire it first"));
  if (tenant->delete_protection) return domain::DeleteProtected(tenant->id);
  CROFT_RETURN_IF_ERROR(CheckNoneIsHeld(draft, *tenant));
  CROFT_ASSIGN_OR_RETURN(const std::string accepted, AcceptedBackup(draft, *tenant, request));
  CROFT_RETURN_IF_ERROR(CheckProof(draft, *tenant, request, accepted));
  if (!request.confirmed) {
    return domain::ConfirmationRequired(
        tenant->id, absl::StrCat("a purge removes tenant ", tenant->id, " and all of its backups"));
  }
  Operation operation = engine::NewOperation(draft, caller, request.operation, kPurge.id, *tenant);
  operation.details = domain::PurgeDetails{.waiver = WaiverOf(request, accepted)};
  operation.backup = accepted;
  if (const Backup* backup = draft.FindBackup(tenant->id, accepted))
    operation.warnings = domain::FindingsOf(*backup);
  operation.steps = DropSteps(*tenant, DatabasesOf(draft, *tenant));
  tenant->kept_databases.clear();
  CROFT_ASSIGN_OR_RETURN(std::vector<Step> deletes, DeleteSteps(draft, *tenant));
  for (Step& step : deletes) operation.steps.push_back(std::move(step));
  operation.steps.push_back({.task = EraseKeyTask()});
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
