#include "controlplane/domain/plan.h"

#include <algorithm>
#include <tuple>

namespace croft::domain {
namespace {

Step On(const Placement& placement, TaskKind task, Landing landing = Landing::kNone) {
  return {.task = task,
          .host = placement.host,
          .landing = landing,
          .generation = placement.generation,
          .database = placement.database};
}

Step Fence(const Tenant& tenant, bool allow_readers, Landing landing = Landing::kNone) {
  Step step = On(tenant.placement, TaskKind::kFence, landing);
  step.flag = allow_readers;
  return step;
}

Step WithBackup(Step step, const Backup& backup) {
  step.backup = backup.id;
  step.backup_tenant = backup.tenant;
  return step;
}

Step DropDatabase(const Placement& placement, bool roles) {
  Step step = On(placement, TaskKind::kDrop);
  step.databases = {placement.database};
  step.flag = roles;
  return step;
}

Step DeleteArchive(const std::string& host, const Backup& backup) {
  return WithBackup({.task = TaskKind::kDeleteBackup, .host = host}, backup);
}

// The logins that get in while the tenant is in `mode`.
std::vector<std::string> OpenLogins(const Tenant& tenant, SuspendMode mode) {
  std::vector<std::string> logins;
  for (const Credential& credential : tenant.credentials) {
    if (mode == SuspendMode::kNone ||
        (mode == SuspendMode::kReadOnly && credential.role == LoginRole::kReadOnly)) {
      logins.push_back(credential.login);
    }
  }
  return logins;
}

Step Open(const Tenant& tenant, const Placement& placement, SuspendMode mode,
          Landing landing = Landing::kNone) {
  Step step = On(placement, TaskKind::kUnfence, landing);
  step.logins = OpenLogins(tenant, mode);
  return step;
}

bool WasSent(const Step& step) { return step.attempt > 0; }

}  // namespace

std::vector<Step> CreatePlan(const Tenant& tenant) {
  return {On(tenant.placement, TaskKind::kCreate, Landing::kTenantReady)};
}

std::vector<Step> ConfigurePlan(const Tenant& tenant) {
  return {On(tenant.placement, TaskKind::kConfigure)};
}

std::vector<Step> SuspendPlan(const Tenant& tenant) {
  const bool readers = tenant.suspend_mode == SuspendMode::kReadOnly;
  // A blocked tenant that readers may enter again is opened to them; everything else is a fence.
  std::vector<Step> steps = {Fence(tenant, readers)};
  if (readers) steps.push_back(Open(tenant, tenant.placement, SuspendMode::kReadOnly));
  return steps;
}

std::vector<Step> ResumePlan(const Tenant& tenant) {
  return {Open(tenant, tenant.placement, SuspendMode::kNone, Landing::kTenantResumed)};
}

std::vector<Step> RetirePlan(const Tenant& tenant, const Backup& final_backup) {
  Step back_up =
      WithBackup(On(tenant.placement, TaskKind::kBackUp, Landing::kBackupAvailable), final_backup);
  back_up.flag = true;  // the database is sealed
  return {Fence(tenant, false, Landing::kTenantFenced), back_up,
          WithBackup(On(tenant.placement, TaskKind::kVerify, Landing::kBackupVerified), final_backup)};
}

std::vector<Step> RestatePlan(const Tenant& tenant) {
  switch (tenant.state) {
    case TenantState::kReady:
      return {On(tenant.placement, TaskKind::kConfigure),
              Open(tenant, tenant.placement, SuspendMode::kNone)};
    case TenantState::kSuspended: {
      std::vector<Step> steps = {On(tenant.placement, TaskKind::kConfigure)};
      const std::vector<Step> suspend = SuspendPlan(tenant);
      steps.insert(steps.end(), suspend.begin(), suspend.end());
      return steps;
    }
    case TenantState::kRetired: return {On(tenant.placement, TaskKind::kConfigure), Fence(tenant, false)};
    case TenantState::kCreating:
    case TenantState::kFailed:
    case TenantState::kPurged: break;
  }
  return {};
}

std::vector<Step> UndeletePlan(const Tenant& tenant) {
  if (tenant.suspend_mode == SuspendMode::kBlocked) return {};
  return {Open(tenant, tenant.placement, tenant.suspend_mode, Landing::kTenantUndeleted)};
}

std::vector<Step> PurgePlan(const Tenant& tenant, std::vector<PlacedDatabase> databases,
                            const std::vector<StoredBackups>& stored) {
  std::vector<Step> steps;
  // Databases and roles first, one drop a host.
  std::sort(databases.begin(), databases.end(), [](const PlacedDatabase& a, const PlacedDatabase& b) {
    return std::tie(a.host, a.database) < std::tie(b.host, b.database);
  });
  for (const PlacedDatabase& placed : databases) {
    if (steps.empty() || steps.back().host != placed.host) {
      steps.push_back({.task = TaskKind::kDrop,
                       .host = placed.host,
                       .generation = tenant.placement.generation,
                       .database = tenant.placement.database,
                       .flag = true});
    }
    steps.back().databases.push_back(placed.database);
  }
  // Then what each store holds of this tenant, all at once.
  for (const StoredBackups& backups : stored) {
    Step erase = DeleteArchive(backups.host, backups.any);
    erase.flag = true;
    steps.push_back(erase);
  }
  // The key last: from here on no copy of a backup, wherever it is, can be read.
  steps.push_back({.task = TaskKind::kEraseKey, .landing = Landing::kTenantErased});
  return steps;
}

std::vector<Step> RestoreAsNewPlan(const Tenant& tenant, const Backup& backup) {
  return {WithBackup(On(tenant.placement, TaskKind::kRestore), backup),
          Open(tenant, tenant.placement, SuspendMode::kNone, Landing::kTenantReady)};
}

std::vector<Step> RestoreInPlacePlan(const Tenant& tenant, const Placement& target, const Backup& backup,
                                     bool old_host_gone) {
  std::vector<Step> steps = {WithBackup(On(target, TaskKind::kRestore), backup)};
  // The old database is closed before the new one opens: at most one place takes writes.
  if (!old_host_gone) steps.push_back(Fence(tenant, false));
  steps.push_back(Open(tenant, target, SuspendMode::kNone, Landing::kPlacementMoved));
  return steps;
}

std::vector<Step> RotatePlan(const Tenant& tenant, const std::vector<std::string>& logins) {
  std::vector<Step> steps;
  for (const std::string& login : logins) {
    Step step = On(tenant.placement, TaskKind::kRotate);
    step.logins = {login};
    step.flag = true;
    steps.push_back(step);
  }
  steps.back().landing = Landing::kCredentialsPublished;
  return steps;
}

std::vector<Step> BackUpPlan(const Tenant& tenant, const Backup& backup) {
  Step step = WithBackup(On(tenant.placement, TaskKind::kBackUp, Landing::kBackupAvailable), backup);
  step.flag = tenant.suspend_mode == SuspendMode::kBlocked;
  return {step};
}

std::vector<Step> VerifyPlan(const std::string& host, const Backup& backup) {
  return {
      WithBackup({.task = TaskKind::kVerify, .host = host, .landing = Landing::kBackupVerified}, backup)};
}

std::vector<Step> DeleteBackupPlan(const std::string& host, const Backup& backup, bool last) {
  Step step = DeleteArchive(host, backup);
  step.landing = Landing::kBackupDeleted;
  step.flag = last;
  return {step};
}

std::vector<Step> DisableLoginsPlan(const Tenant& tenant, const std::vector<std::string>& logins,
                                    absl::Time when) {
  std::vector<Step> steps;
  for (const std::string& login : logins) {
    Step step = On(tenant.placement, TaskKind::kRotate, Landing::kLoginDisabled);
    step.logins = {login};
    step.not_before = when;
    steps.push_back(step);
  }
  return steps;
}

std::vector<Step> DropCopyPlan(const Tenant& tenant, const PlacedDatabase& copy, absl::Time when) {
  Step step = {.task = TaskKind::kDrop, .host = copy.host, .landing = Landing::kCopyDropped};
  step.generation = tenant.placement.generation;
  step.database = copy.database;
  step.databases = {copy.database};
  step.flag = copy.host != tenant.placement.host;
  step.not_before = when;
  return {step};
}

int32_t PointOfNoReturn(OperationKind kind, const std::vector<Step>& steps) {
  switch (kind) {
    // Nothing dropped or promised to be closed comes back by itself: undelete is the way back from a
    // retirement.
    case OperationKind::kRetire:
    case OperationKind::kPurge:
    case OperationKind::kDeleteBackup:
    case OperationKind::kCleanUp: return 0;
    case OperationKind::kCreate:
    case OperationKind::kConfigure:
    case OperationKind::kSuspend:
    case OperationKind::kResume:
    case OperationKind::kUndelete:
    case OperationKind::kRestore:
    case OperationKind::kRotate:
    case OperationKind::kBackUp:
    case OperationKind::kVerify: return static_cast<int32_t>(steps.size());
  }
  return 0;
}

namespace {

// What takes back `step` of an operation that is not a restore in place.
std::optional<Step> Undo(const Operation& operation, const Step& step, const Tenant& tenant) {
  const Placement where{step.host, step.database, step.generation};
  switch (operation.kind) {
    case OperationKind::kCreate: return DropDatabase(where, true);
    case OperationKind::kRestore:
      if (step.task == TaskKind::kFence) return Open(tenant, tenant.placement, tenant.suspend_mode);
      if (step.task != TaskKind::kRestore) return std::nullopt;
      // As new, or on another host than the one it lives on, the roles were made for it too.
      return DropDatabase(where, step.host != tenant.placement.host || !operation.source_tenant.empty());
    case OperationKind::kConfigure: return ConfigurePlan(tenant).front();
    case OperationKind::kSuspend:
      if (step.task != TaskKind::kFence) return std::nullopt;
      if (operation.previous_suspend_mode == SuspendMode::kBlocked) return Fence(tenant, false);
      return Open(tenant, tenant.placement, operation.previous_suspend_mode);
    case OperationKind::kResume: return Fence(tenant, tenant.suspend_mode == SuspendMode::kReadOnly);
    case OperationKind::kUndelete: return Fence(tenant, false);
    case OperationKind::kRotate: {
      Step disable = On(where, TaskKind::kRotate);
      disable.logins = step.logins;
      return disable;
    }
    case OperationKind::kBackUp: {
      Step remove = On(where, TaskKind::kDeleteBackup);
      remove.backup = step.backup;
      remove.backup_tenant = step.backup_tenant;
      return remove;
    }
    case OperationKind::kVerify:
    case OperationKind::kRetire:
    case OperationKind::kPurge:
    case OperationKind::kDeleteBackup:
    case OperationKind::kCleanUp: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Step> UndoPlan(const Operation& operation, const Tenant& tenant) {
  std::vector<Step> undo;
  // In the order of the steps, not against it: a restore's new database is dropped before the old one opens
  // again, so that never two take writes.
  for (const Step& step : operation.steps) {
    if (step.undo || !WasSent(step)) continue;
    if (std::optional<Step> back = Undo(operation, step, tenant)) {
      back->undo = true;
      undo.push_back(*std::move(back));
    }
  }
  return undo;
}

}  // namespace croft::domain
