#include "controlplane/engine/step_effects.h"

#include <algorithm>
#include <set>

#include <absl/strings/str_cat.h>

#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/lifecycle.h"
#include "controlplane/domain/plan.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/verdict.h"

namespace croft::engine {
namespace {

using domain::Landing;
using domain::Operation;
using domain::OperationKind;
using domain::Step;
using domain::Tenant;
using domain::TenantEvent;
using domain::TenantState;

// How long a replaced database is kept, sealed.
constexpr absl::Duration kUndoCopyAge = absl::Hours(24);

void GiveBack(Draft& draft, const std::string& host_id, int32_t connections) {
  if (domain::Host* host = draft.FindHost(host_id)) domain::GiveBackRoom(*host, connections);
}

// Appoints work of Croft's own that follows from `cause`.
void ScheduleCleanUp(Draft& draft, const Operation& cause, const Tenant& tenant, std::vector<Step> steps) {
  Operation& clean_up = draft.Add(Operation{
      .id = CleanUpOf(cause),
      .kind = OperationKind::kCleanUp,
      .tenant = tenant.id,
      .caller = "croft",
      .create_time = draft.now(),
      .deadline = draft.now() + domain::TimeoutOf(OperationKind::kCleanUp),
      .order = tenant.order,
      .steps = std::move(steps),
  });
  Advance(draft, clean_up);
}

void MoveTo(Tenant& tenant, TenantEvent event) { tenant.state = domain::Next(tenant.state, event).value(); }

void ReturnFromRetirement(Tenant& tenant, absl::Time now) {
  MoveTo(tenant, TenantEvent::kUndelete);
  tenant.state = tenant.state_before_retire;
  tenant.delete_time.reset();
  tenant.purge_time.reset();
  tenant.fence_time.reset();
  tenant.final_backup_failure.clear();
  // Whoever brings an expired tenant back wants to keep it.
  if (tenant.expire_time && *tenant.expire_time <= now) tenant.expire_time.reset();
}

void MovePlacement(Draft& draft, const Operation& operation, Tenant& tenant, const Step& step) {
  const domain::Placement old = tenant.placement;
  tenant.placement = {step.host, step.database, step.generation};
  domain::Host* old_host = draft.FindHost(old.host);
  if (old_host == nullptr || old_host->missing) {
    GiveBack(draft, old.host, tenant.quota.connections);
    return;
  }
  // Sealed: from now on its room is that of a database nobody connects to, whatever becomes of the quota.
  domain::ChangeConnections(*old_host, tenant.quota.connections, 0);
  ScheduleCleanUp(draft, operation, tenant,
                  domain::DropCopyPlan(tenant, {old.host, old.database}, draft.now() + kUndoCopyAge));
}

void PublishCredentials(Draft& draft, const Operation& operation, Tenant& tenant) {
  std::vector<std::string> replaced;
  const absl::Time disable_time = draft.now() + operation.overlap;
  for (domain::Credential& credential : tenant.credentials) {
    if (credential.published) {
      credential.published = false;
      credential.disable_time = disable_time;
      replaced.push_back(credential.login);
    } else {
      credential.published = true;
    }
  }
  ScheduleCleanUp(draft, operation, tenant, domain::DisableLoginsPlan(tenant, replaced, disable_time));
}

void RemoveCredential(Tenant& tenant, const std::string& login) {
  std::erase_if(tenant.credentials, [&](const domain::Credential& one) { return one.login == login; });
}

void RecordBackup(Draft& draft, const Operation& operation, Tenant& tenant, const TaskReport& report) {
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  const auto* made = std::get_if<BackedUp>(&report.outcome);
  if (backup == nullptr || made == nullptr) return;
  backup->state = domain::BackupState::kAvailable;
  backup->size_bytes = made->size_bytes;
  backup->sha256 = made->sha256;
  backup->server_version = made->server_version;
  backup->table_count = made->table_count;
  backup->row_count = made->row_count;
  backup->findings = made->findings;
  ChooseLastBackup(draft, tenant);
}

// The backup says so already (verdict.h).
void RecordProof(Draft& draft, Tenant& tenant) {
  if (domain::HasProof(tenant, BackupsOf(draft, tenant))) tenant.final_backup_failure.clear();
}

void ForgetBackup(Draft& draft, const Operation& operation, Tenant& tenant) {
  draft.EraseBackup(operation.tenant, operation.backup);
  ChooseLastBackup(draft, tenant);
}

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
    if (step.task != domain::TaskKind::kDrop) continue;
    for (const std::string& database : step.databases) {
      const bool copy = database != tenant.placement.database;
      GiveBack(draft, step.host, copy ? 0 : tenant.quota.connections);
    }
  }
  for (const domain::Backup& backup : draft.facts().BackupsOfTenant(tenant.id)) {
    draft.EraseBackup(backup.tenant, backup.id);
  }
  tenant = TombstoneOf(tenant);
}

// Whether what the operation made on `host` could not be removed.
bool LeftBehind(const Operation& operation, const std::string& host) {
  return std::any_of(operation.steps.begin(), operation.steps.end(), [&](const Step& step) {
    return step.undo && step.task == domain::TaskKind::kDrop && step.host == host &&
           step.state == domain::StepState::kFailed;
  });
}

void FailCreation(Draft& draft, const Operation& operation, Tenant& tenant) {
  MoveTo(tenant, TenantEvent::kCreateFailed);
  // What could not be removed keeps its room; the purge tries again.
  if (LeftBehind(operation, tenant.placement.host)) return;
  GiveBack(draft, tenant.placement.host, tenant.quota.connections);
  tenant.placement = {.generation = tenant.placement.generation};
}

// A purge took over the clean-ups that were appointed. What it did not get to is appointed again; the room of what it
// dropped is free.
void GiveBackCleanUps(Draft& draft, const Operation& operation, const Tenant& tenant) {
  std::vector<Step> steps;
  for (const Step& step : operation.steps) {
    if (step.task != domain::TaskKind::kDrop) continue;
    for (const std::string& database : step.databases) {
      if (database == tenant.placement.database) continue;
      if (step.state == domain::StepState::kDone) {
        GiveBack(draft, step.host, 0);
        continue;
      }
      const auto drop = domain::DropCopyPlan(tenant, {step.host, database}, draft.now());
      steps.insert(steps.end(), drop.begin(), drop.end());
    }
  }
  for (const domain::Credential& credential : tenant.credentials) {
    if (!credential.disable_time) continue;
    const auto disable = domain::DisableLoginsPlan(tenant, {credential.login}, *credential.disable_time);
    steps.insert(steps.end(), disable.begin(), disable.end());
  }
  if (!steps.empty()) ScheduleCleanUp(draft, operation, tenant, std::move(steps));
}

void FailWhatWasBegun(Draft& draft, const Operation& operation) {
  // A backup that was begun and is not whole stays visible as failed.
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  if (backup != nullptr && backup->state == domain::BackupState::kCreating)
    backup->state = domain::BackupState::kFailed;
}

// What a purge that ends half-way was sent to remove from the stores cannot be counted on any more, and it was allowed
// to go on: the next one is, too.
void ParkPurge(Draft& draft, const Operation& operation, Tenant& tenant) {
  std::set<std::string> stores;
  for (const Step& step : operation.steps) {
    const bool removes =
        step.task == domain::TaskKind::kDeleteBackup || step.task == domain::TaskKind::kEraseKey;
    if (!removes || step.attempt == 0) continue;
    tenant.purge_parked = true;
    const domain::Backup* any = draft.FindBackup(step.backup_tenant, step.backup);
    if (any != nullptr) stores.insert(any->store);
  }
  for (const domain::Backup& backup : BackupsOf(draft, tenant)) {
    if (stores.contains(backup.store))
      draft.FindBackup(backup.tenant, backup.id)->state = domain::BackupState::kDeleting;
  }
  ChooseLastBackup(draft, tenant);
}

// A restore in place that failed. The database that its undo could not drop keeps its room and is dropped later.
void EndFailedRestore(Draft& draft, const Operation& operation, Tenant& tenant) {
  const Step& made = operation.steps.front();
  if (!LeftBehind(operation, made.host)) return GiveBack(draft, made.host, tenant.quota.connections);
  if (domain::Host* host = draft.FindHost(made.host))
    domain::ChangeConnections(*host, tenant.quota.connections, 0);
  ScheduleCleanUp(draft, operation, tenant,
                  domain::DropCopyPlan(tenant, {made.host, made.database}, draft.now() + kUndoCopyAge));
}

}  // namespace

std::string CleanUpOf(const Operation& cause) { return cause.id + "-clean"; }

void ApplyStepEffect(Draft& draft, Operation& operation, const Step& step, const TaskReport& report) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  switch (step.landing) {
    case Landing::kNone: return;
    case Landing::kTenantReady: return MoveTo(tenant, TenantEvent::kCreated);
    case Landing::kTenantResumed:
      tenant.suspend_mode = domain::SuspendMode::kNone;
      return MoveTo(tenant, TenantEvent::kResume);
    case Landing::kTenantUndeleted: return ReturnFromRetirement(tenant, draft.now());
    case Landing::kTenantFenced: tenant.fence_time = draft.now(); return;
    case Landing::kPlacementMoved: return MovePlacement(draft, operation, tenant, step);
    case Landing::kCredentialsPublished: return PublishCredentials(draft, operation, tenant);
    case Landing::kLoginDisabled: return RemoveCredential(tenant, step.logins.front());
    case Landing::kBackupAvailable: return RecordBackup(draft, operation, tenant, report);
    case Landing::kBackupVerified: return RecordProof(draft, tenant);
    case Landing::kBackupDeleted: return ForgetBackup(draft, operation, tenant);
    case Landing::kCopyDropped: return GiveBack(draft, step.host, 0);
    case Landing::kTenantErased: return Erase(draft, operation, tenant);
  }
}

void Revert(Draft& draft, const Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  switch (operation.kind) {
    case OperationKind::kCreate: return FailCreation(draft, operation, tenant);
    case OperationKind::kRestore:
      if (!operation.source_tenant.empty()) return FailCreation(draft, operation, tenant);
      return EndFailedRestore(draft, operation, tenant);
    case OperationKind::kSuspend:
      tenant.state = operation.previous_state;
      tenant.suspend_mode = operation.previous_suspend_mode;
      return;
    case OperationKind::kRotate:
      std::erase_if(tenant.credentials,
                    [](const domain::Credential& one) { return !one.published && !one.disable_time; });
      return;
    case OperationKind::kBackUp: return FailWhatWasBegun(draft, operation);
    case OperationKind::kRetire:
      tenant.final_backup_failure = absl::StrCat(operation.error->reason, ": ", operation.error->message);
      return FailWhatWasBegun(draft, operation);
    case OperationKind::kVerify:
    case OperationKind::kDeleteBackup:
    case OperationKind::kConfigure:
    case OperationKind::kResume:
    case OperationKind::kUndelete:
    case OperationKind::kCleanUp: return;
    case OperationKind::kPurge:
      ParkPurge(draft, operation, tenant);
      return GiveBackCleanUps(draft, operation, tenant);
  }
}

}  // namespace croft::engine
