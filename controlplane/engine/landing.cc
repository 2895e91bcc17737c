#include "controlplane/engine/landing.h"

#include <algorithm>

#include "controlplane/domain/lifecycle.h"
#include "controlplane/domain/plan.h"
#include "controlplane/domain/room.h"
#include "controlplane/engine/progress.h"

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
void AppointCleanUp(Draft& draft, const Operation& cause, const Tenant& tenant, std::vector<Step> steps) {
  Operation& clean_up = draft.Add(Operation{
      .id = CleanUpOf(cause),
      .kind = OperationKind::kCleanUp,
      .tenant = tenant.id,
      .caller = "croft",
      .create_time = draft.now(),
      .deadline = draft.now() + domain::Patience(OperationKind::kCleanUp),
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
  AppointCleanUp(draft, operation, tenant,
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
  AppointCleanUp(draft, operation, tenant, domain::DisableLoginsPlan(tenant, replaced, disable_time));
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
  tenant.last_backup = backup->id;
}

void RecordProof(Draft& draft, const Operation& operation) {
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  if (backup == nullptr) return;
  backup->state = domain::BackupState::kVerified;
  backup->verify_time = draft.now();
}

void ForgetBackup(Draft& draft, const Operation& operation, Tenant& tenant) {
  draft.EraseBackup(operation.tenant, operation.backup);
  if (tenant.last_backup != operation.backup) return;
  tenant.last_backup.clear();
  for (const domain::Backup& other : draft.facts().BackupsOfTenant(tenant.id)) {
    if (other.id != operation.backup && domain::Usable(other)) {
      tenant.last_backup = other.id;
      return;
    }
  }
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

void EndFailedBirth(Draft& draft, const Operation& operation, Tenant& tenant) {
  MoveTo(tenant, TenantEvent::kCreateFailed);
  const bool left_behind =
      std::any_of(operation.steps.begin(), operation.steps.end(),
                  [](const Step& step) { return step.undo && step.state == domain::StepState::kFailed; });
  // What could not be removed keeps its room; the purge tries again.
  if (left_behind) return;
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
  if (!steps.empty()) AppointCleanUp(draft, operation, tenant, std::move(steps));
}

}  // namespace

std::string CleanUpOf(const Operation& cause) { return cause.id + "-clean"; }

void Land(Draft& draft, Operation& operation, const Step& step, const TaskReport& report) {
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
    case Landing::kBackupVerified: return RecordProof(draft, operation);
    case Landing::kBackupDeleted: return ForgetBackup(draft, operation, tenant);
    case Landing::kCopyDropped: return GiveBack(draft, step.host, 0);
    case Landing::kTenantErased: return Erase(draft, operation, tenant);
  }
}

void TakeBack(Draft& draft, const Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  switch (operation.kind) {
    case OperationKind::kCreate: return EndFailedBirth(draft, operation, tenant);
    case OperationKind::kRestore:
      if (!operation.source_tenant.empty()) return EndFailedBirth(draft, operation, tenant);
      return GiveBack(draft, operation.steps.front().host, tenant.quota.connections);
    case OperationKind::kSuspend:
      tenant.state = operation.previous_state;
      tenant.suspend_mode = operation.previous_suspend_mode;
      return;
    case OperationKind::kRotate:
      std::erase_if(tenant.credentials,
                    [](const domain::Credential& one) { return !one.published && !one.disable_time; });
      return;
    case OperationKind::kBackUp:
    case OperationKind::kRetire:
      // A backup that was begun and is not whole stays visible as failed.
      if (domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
          backup != nullptr && backup->state == domain::BackupState::kCreating) {
        backup->state = domain::BackupState::kFailed;
      }
      return;
    case OperationKind::kVerify:
      // Only what the archive itself is to blame for; an outage says nothing about it.
      if (domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
          backup != nullptr && operation.error->reason == "ARCHIVE_DAMAGED") {
        backup->state = domain::BackupState::kFailed;
      }
      return;
    case OperationKind::kDeleteBackup:
    case OperationKind::kConfigure:
    case OperationKind::kResume:
    case OperationKind::kUndelete:
    case OperationKind::kCleanUp: return;
    case OperationKind::kPurge: return GiveBackCleanUps(draft, operation, tenant);
  }
}

}  // namespace croft::engine
