// RESTORE: a tenant's database from one of its backups, either in its place or as a new tenant.
//
// Why this order in place: the backup is restored beside the old database under the next generation; the old one is
// closed before the new one opens, so that at most one place takes writes; with the opening the placement moves, and
// the old database becomes an undo copy, sealed, that undo_restore.cc can put back until a clean-up drops it a day later. What fails is taken back in the same
// order: the new database is dropped before the old one opens again.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/ids.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/clean_up.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/replaced.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Backup;
using domain::Operation;
using domain::Placement;
using domain::Step;
using domain::SuspendMode;
using domain::Tenant;
using engine::RestoreTenant;

bool IsAsNew(const Operation& operation) { return !operation.source_tenant.empty(); }

// What the agent of a host must know for a backup, or a part of it, to be restored there.
std::vector<std::string> RestoreTasks(const RestoreTenant& request) {
  std::vector<std::string> tasks = {"restore", "unfence", "drop"};
  if (!request.only.empty()) tasks.emplace_back("restore_part");
  return tasks;
}

// --- How its steps go.

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport&) {
  if (!std::holds_alternative<domain::UnfenceTask>(step.task)) return;
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  if (IsAsNew(operation)) return MoveTo(tenant, domain::TenantEvent::kCreated);
  MoveInto(draft, operation, tenant, step);
  // A restored database is open for growth; the next look at its size judges it anew.
  tenant.storage.closed = false;
}

// --- How it fails.

std::optional<Step> Undo(const Operation& operation, const Step& step, const Tenant& tenant) {
  if (std::holds_alternative<domain::FenceTask>(step.task))
    return Open(tenant, tenant.placement, tenant.suspend_mode);
  if (!std::holds_alternative<domain::RestoreTask>(step.task)) return std::nullopt;
  // As new, or on another host than the one it lives on, the roles were made for it too.
  return DropDatabase({step.host, step.database, step.generation},
                      step.host != tenant.placement.host || IsAsNew(operation));
}

// In place: the database that its undo could not drop keeps its room and is dropped later.
void Revert(Draft& draft, Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  if (IsAsNew(operation)) return FailCreation(draft, operation, tenant);
  const Step& made = operation.steps.front();
  if (!LeftBehind(operation, made.host)) return GiveBackRoomOn(draft, made.host, tenant.quota.connections);
  if (domain::Host* host = draft.FindHost(made.host))
    domain::ChangeConnections(*host, tenant.quota.connections, 0);
  ScheduleCleanUp(draft, operation, tenant,
                  {DropCopy(tenant, made.host, made.database, draft.now() + kUndoCopyAge)});
}

std::string Target(const Operation& operation) {
  return TenantName(IsAsNew(operation) ? operation.source_tenant : operation.tenant);
}

std::string Result(const Operation& operation) {
  return IsAsNew(operation) ? TenantName(operation.tenant) : "";
}

// --- How it begins.

// The stores that the backup may be restored from: the one with the copy that is asked for, or else all that hold it, its
// own first.
std::vector<std::string> SourcesOf(const RestoreTenant& request, const Backup& backup) {
  if (request.copy.empty()) return domain::ReadableStoresOf(backup);
  const domain::BackupCopy* copy = domain::FindCopy(backup, request.copy);
  return {copy == nullptr ? backup.store : copy->store};
}

Step Restore(Draft& draft, const Placement& placement, const RestoreTenant& request, const Backup& backup) {
  const domain::Host* host = draft.FindHost(placement.host);
  const std::vector<std::string> sources = SourcesOf(request, backup);
  const auto reached = std::find_if(sources.begin(), sources.end(), [&](const std::string& store) {
    return host != nullptr && domain::Reaches(*host, store);
  });
  // Where it reaches none, its agent says so.
  const std::string& store = reached != sources.end() ? *reached : sources.front();
  return On(placement, domain::RestoreTask{.backup = RefTo(backup),
                                           .store = store == backup.store ? "" : store,
                                           .allow_incomplete = request.allow_incomplete,
                                           .only = request.only});
}

// What a copy has in common with the tenant whose backup it is made from.
Tenant CopyOf(const Tenant& source, Tenant as_new) {
  domain::ForEachTenantField([&](const auto& field) {
    if (field.on_copy == domain::OnCopy::kTaken) field.Of(as_new) = field.Of(source);
  });
  return as_new;
}

absl::StatusOr<Subject> RestoreAsNew(Draft& draft, const Caller& caller, const RestoreTenant& request,
                                     const Tenant& source, const Backup& backup) {
  CROFT_RETURN_IF_ERROR(engine::CheckFreeToRead(draft, source, backup.id));
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, PlaceNewTenant(draft, CopyOf(source, *request.as_new),
                                                         {.connections = source.quota.connections,
                                                          .stores = SourcesOf(request, backup),
                                                          .host = request.host,
                                                          .task_kinds = RestoreTasks(request)},
                                                         request.operation));
  Operation operation = engine::NewOperation(draft, caller, request.operation, kRestore.id, *tenant);
  operation.source_tenant = source.id;
  operation.backup = backup.id;
  operation.steps = {Restore(draft, tenant->placement, request, backup),
                     Open(*tenant, tenant->placement, SuspendMode::kNone)};
  return engine::Begin(draft, *tenant, std::move(operation));
}

// The host of the next generation: the one asked for, the one it lives on, or, when that is gone, any that fits.
absl::StatusOr<std::string> HostForRestore(Draft& draft, const RestoreTenant& request, const Tenant& tenant,
                                           const Backup& backup) {
  const domain::Host* home = draft.FindHost(tenant.placement.host);
  const bool home_gone = home == nullptr || home->missing;
  if (!home_gone && (request.host.empty() || request.host == home->id)) return home->id;
  return domain::ChooseHost(draft.facts().Hosts(), {.connections = tenant.quota.connections,
                                                    .stores = SourcesOf(request, backup),
                                                    .host = request.host,
                                                    .task_kinds = RestoreTasks(request),
                                                    .now = draft.now()});
}

absl::StatusOr<Subject> RestoreInPlace(Draft& draft, const Caller& caller, const RestoreTenant& request,
                                       Tenant& tenant, const Backup& backup) {
  if (tenant.state != domain::TenantState::kReady)
    return domain::WrongTenantState(tenant.id, tenant.state, "restored in place");
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, tenant, kRestore.id, backup.id));
  CROFT_ASSIGN_OR_RETURN(const std::string host, HostForRestore(draft, request, tenant, backup));
  domain::TakeRoom(*draft.FindHost(host), tenant.quota.connections);
  tenant.last_generation += 1;
  const Placement target{host, DatabaseName(tenant.owner_role, tenant.last_generation),
                         tenant.last_generation};
  Operation operation = engine::NewOperation(draft, caller, request.operation, kRestore.id, tenant);
  operation.backup = backup.id;
  operation.steps = {Restore(draft, target, request, backup)};
  // On a host that was declared missing there is nothing to fence.
  if (engine::CanHold(draft, tenant.placement.host))
    operation.steps.push_back(Fence(tenant, /*allow_readers=*/false));
  operation.steps.push_back(Open(tenant, target, SuspendMode::kNone));
  return engine::Begin(draft, tenant, std::move(operation));
}

absl::Status CheckUsable(const Backup& backup, const std::string& copy, bool allow_incomplete) {
  const std::string name = BackupName(backup.tenant, backup.id);
  if (!copy.empty() && copy != backup.store) {
    const domain::BackupCopy* found = domain::FindCopy(backup, copy);
    if (found == nullptr || !domain::IsUsable(found->state)) return domain::CopyNotFound(name, copy);
  }
  if (backup.state == domain::BackupState::kDamaged) {
    const bool has_good_copy = !domain::ReadableStoresOf(backup).empty();
    return has_good_copy ? absl::OkStatus() : domain::BackupDamaged(name);
  }
  if (backup.state == domain::BackupState::kIncomplete) {
    if (allow_incomplete) return absl::OkStatus();
    return domain::BackupIncomplete(
        name, domain::NamesOf(domain::FindingsOf(backup), domain::FindingSeverity::kMissing));
  }
  return domain::Usable(backup) ? absl::OkStatus() : domain::BackupNotUsable(name, "not whole");
}

}  // namespace

constinit const Kind kRestore = {.id = domain::OperationKind::kRestore,
                                 .backups = engine::BackupUse::kReads,
                                 .timeout = absl::Hours(24),
                                 .begins_unconfirmed = true,
                                 .excuses = ExcuseGoneDatabase,
                                 .apply = Apply,
                                 .undo = Undo,
                                 .revert = Revert,
                                 .target = Target,
                                 .result = Result};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RestoreTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * source, engine::LiveTenant(draft, request.tenant, request.etag));
  CROFT_ASSIGN_OR_RETURN(const Backup* backup, engine::ExistingBackup(draft, *source, request.backup));
  CROFT_RETURN_IF_ERROR(CheckUsable(*backup, request.copy, request.allow_incomplete));
  if (!request.host.empty() && draft.FindHost(request.host) == nullptr)
    return domain::HostNotFound(request.host);
  return request.as_new ? RestoreAsNew(draft, caller, request, *source, *backup)
                        : RestoreInPlace(draft, caller, request, *source, *backup);
}

}  // namespace croft::operations
