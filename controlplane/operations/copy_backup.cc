// COPY_BACKUP: a backup's archive, as it is, in a further store.
//
// The agent compares digests of what it reads and of what then lies in the further store; the manifest comes last there.
// What fails is removed from that store again. The copy stays listed as FAILED, so that everything that deletes looks
// for it, and is tried again by the tenant's schedule.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/operations/backups.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Backup;
using domain::BackupCopy;
using domain::BackupState;
using domain::CopyBackupTask;
using domain::Operation;
using domain::Step;
using domain::Tenant;

// When the next of several that are missing is copied.
constexpr absl::Duration kNextCopied = absl::Seconds(5);

// --- How it goes.

// The copy that the operation makes; nullptr when its backup is gone.
BackupCopy* CopyOf(Draft& draft, const Operation& operation) {
  Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  const auto* task = std::get_if<CopyBackupTask>(&operation.steps.front().task);
  return backup == nullptr || task == nullptr ? nullptr : domain::FindCopy(*backup, task->to_store);
}

void GoOn(Draft& draft, const std::string& tenant, absl::Time time) {
  draft.Record(catalog::PutSchedule{{.key = engine::CopyingOf(tenant), .next_time = time}});
}

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport&) {
  BackupCopy* copy = CopyOf(draft, operation);
  if (copy == nullptr) return;
  copy->state = BackupState::kAvailable;
  copy->copy_time = draft.now();
  copy->failures = 0;
  copy->failure.clear();
  GoOn(draft, operation.tenant, draft.now());
}

std::optional<Step> Undo(const Operation&, const Step& step, const Tenant&) {
  const auto* task = std::get_if<CopyBackupTask>(&step.task);
  if (task == nullptr) return std::nullopt;
  return Step{.task = domain::DeleteBackupTask{.backup = task->backup, .store = task->to_store},
              .host = step.host};
}

void Revert(Draft& draft, Operation& operation) {
  BackupCopy* copy = CopyOf(draft, operation);
  if (copy == nullptr) return;
  copy->state = BackupState::kFailed;
  copy->failures += 1;
  copy->failure = operation.error ? operation.error->message : "";
  copy->retry_time = draft.now() + domain::CopyRetryDelay(copy->failures);
  GoOn(draft, operation.tenant, copy->retry_time);
}

// --- How it begins.

struct Route {
  std::string host;
  std::string from;
  std::string to;
  std::string to_name;
};

// The tenant's own host first, then those that are up.
std::vector<domain::Host> HostsInOrder(Draft& draft, const Tenant& tenant) {
  std::vector<domain::Host> hosts = draft.facts().Hosts();
  const auto rank = [&](const domain::Host& host) {
    const int away = domain::StateOf(host) == domain::HostState::kUp ? 0 : 2;
    return away + (host.id == tenant.placement.host ? 0 : 1);
  };
  std::stable_sort(hosts.begin(), hosts.end(),
                   [&](const domain::Host& a, const domain::Host& b) { return rank(a) < rank(b); });
  return hosts;
}

std::string NameOf(const domain::Host& host, const std::string& store) {
  const auto found = host.report.store_names.find(store);
  return found == host.report.store_names.end() ? "" : found->second;
}

// The way over a host that reaches a store with the archive and the one that is called `to`.
absl::StatusOr<Route> FindRoute(Draft& draft, const Tenant& tenant, const Backup& backup,
                                const std::string& to) {
  const std::vector<std::string> sources = domain::ReadableStoresOf(backup);
  bool known = false;
  for (const domain::Host& host : HostsInOrder(draft, tenant)) {
    const std::string target = domain::FindStore(host, to);
    if (host.missing || target.empty()) continue;
    known = true;
    if (!domain::Knows(host, {"copy_backup"})) continue;
    for (const std::string& from : sources) {
      if (from != target && domain::Reaches(host, from))
        return Route{.host = host.id, .from = from, .to = target, .to_name = NameOf(host, target)};
    }
  }
  if (!known) return domain::StoreNotFound(to);
  return domain::NoWayToStore(BackupName(backup.tenant, backup.id), to);
}

// Whether it lies in the store that is called `store` from the start.
bool IsOwnStore(Draft& draft, const Backup& backup, const std::string& store) {
  if (backup.store == store) return true;
  const std::vector<domain::Host> hosts = draft.facts().Hosts();
  return std::any_of(hosts.begin(), hosts.end(), [&](const domain::Host& host) {
    return domain::FindStore(host, store) == backup.store;
  });
}

// Whether what lies there is no good, so that it is copied once more.
bool IsNoGood(const BackupCopy& copy) {
  return copy.state == BackupState::kFailed || copy.state == BackupState::kDamaged ||
         copy.state == BackupState::kDeleting;
}

}  // namespace

constinit const Kind kCopyBackup = {.id = domain::OperationKind::kCopyBackup,
                                    .hold = engine::Hold::kShared,
                                    .backups = engine::BackupUse::kCopies,
                                    .timeout = absl::Hours(24),
                                    .apply = Apply,
                                    .undo = Undo,
                                    .revert = Revert,
                                    .target = BackupTarget};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CopyBackup& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(Backup * backup, engine::ExistingBackup(draft, *tenant, request.backup));
  const std::string name = BackupName(tenant->id, backup->id);
  if (!domain::Stored(*backup)) return domain::BackupNotUsable(name, "not whole");
  if (domain::ReadableStoresOf(*backup).empty()) return domain::BackupDamaged(name);
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kCopyBackup.id, backup->id));
  const BackupCopy* there = domain::FindCopy(*backup, request.to_store);
  if (IsOwnStore(draft, *backup, request.to_store) || (there != nullptr && !IsNoGood(*there)))
    return domain::CopyExists(name, request.to_store);
  CROFT_ASSIGN_OR_RETURN(const Route route, FindRoute(draft, *tenant, *backup,
                                                      there == nullptr ? request.to_store : there->store));
  // Another name of a store in which there is one.
  BackupCopy* copy = domain::FindCopy(*backup, route.to);
  if (copy != nullptr && !IsNoGood(*copy)) return domain::CopyExists(name, request.to_store);
  if (copy == nullptr) copy = &backup->copies.emplace_back(BackupCopy{.store = route.to});
  copy->store_name = route.to_name;
  copy->state = BackupState::kCreating;
  copy->create_time = draft.now();
  copy->copy_time.reset();
  copy->verify_time.reset();

  Operation operation = engine::NewOperation(draft, caller, request.operation, kCopyBackup.id, *tenant);
  operation.backup = backup->id;
  operation.steps = {
      {.task = CopyBackupTask{.backup = RefTo(*backup), .from_store = route.from, .to_store = route.to},
       .host = route.host}};
  return engine::Begin(draft, *tenant, std::move(operation));
}

namespace {

// One at a time: its end brings the schedule back.
bool IsCopying(Draft& draft, const std::string& tenant) {
  const std::vector<Operation> running = draft.facts().RunningOperationsOfTenant(tenant);
  return std::any_of(running.begin(), running.end(),
                     [](const Operation& one) { return one.kind == kCopyBackup.id; });
}

// Stores to which this backup is to be copied now. `later` is when a failed one is to be tried again.
std::vector<std::string> MissingCopies(Draft& draft, const std::vector<std::string>& copy_to,
                                       const Backup& backup, absl::Time& later) {
  std::vector<std::string> stores;
  const auto want = [&](const BackupCopy& copy) {
    if (!IsNoGood(copy)) return;
    if (copy.state == BackupState::kFailed && copy.retry_time > draft.now()) {
      later = std::min(later, copy.retry_time);
    } else {
      stores.push_back(copy.store);
    }
  };
  for (const BackupCopy& copy : backup.copies) want(copy);
  for (const std::string& store : copy_to) {
    const bool there = domain::FindCopy(backup, store) != nullptr || IsOwnStore(draft, backup, store);
    if (!there) stores.push_back(store);
  }
  return stores;
}

}  // namespace

// One at a time, the newest first. The schedule is gone when nothing is left; the next backup brings it back. What cannot
// be copied does not hold up the rest.
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CopyBackups& request) {
  const domain::ScheduleKey schedule = engine::CopyingOf(request.tenant);
  const Tenant* tenant = draft.FindTenant(request.tenant);
  if (tenant == nullptr || tenant->state == domain::TenantState::kPurged ||
      IsCopying(draft, request.tenant)) {
    draft.Record(catalog::DeleteSchedule{schedule});
    return Subject();
  }
  const std::vector<std::string> copy_to = engine::InForce(draft, *tenant).rules.copy_to;
  absl::Time later = absl::InfiniteFuture();
  absl::Status refused;
  for (const Backup& backup : draft.facts().BackupsOfTenant(tenant->id)) {
    if (!domain::Usable(backup)) continue;
    for (const std::string& store : MissingCopies(draft, copy_to, backup, later)) {
      absl::StatusOr<Subject> begun = Handle(draft, caller,
                                             engine::CopyBackup{.operation = request.operation,
                                                                .tenant = tenant->id,
                                                                .backup = backup.id,
                                                                .to_store = store});
      if (begun.ok()) {
        GoOn(draft, tenant->id, draft.now() + kNextCopied);
        return begun;
      }
      refused.Update(begun.status());
    }
  }
  CROFT_RETURN_IF_ERROR(refused);
  if (later == absl::InfiniteFuture()) {
    draft.Record(catalog::DeleteSchedule{schedule});
  } else {
    GoOn(draft, tenant->id, later);
  }
  return Subject();
}

}  // namespace croft::operations
