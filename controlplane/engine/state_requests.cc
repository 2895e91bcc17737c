#include <algorithm>
#include <map>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/lifecycle.h"
#include "controlplane/domain/plan.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"
#include "controlplane/engine/step_effects.h"
#include "controlplane/engine/verdict.h"

namespace croft::engine {
namespace {

using domain::OperationKind;
using domain::SuspendMode;
using domain::Tenant;
using domain::TenantEvent;
using domain::TenantState;

// Sooner than this nobody notices a mistake in time.
constexpr absl::Duration kTimeToNotice = absl::Hours(1);

// The tenant, when its life has a row for `event` and nothing holds it.
absl::StatusOr<Tenant*> TenantFor(Draft& draft, const std::string& id, const std::string& etag,
                                  TenantEvent event, OperationKind kind, absl::string_view verb) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, id, etag));
  // Whoever holds it may be about to change its state, so that is the better answer.
  CROFT_RETURN_IF_ERROR(CheckFree(draft, *tenant, kind));
  if (!domain::Next(tenant->state, event)) return domain::WrongTenantState(tenant->id, tenant->state, verb);
  return tenant;
}

// RIGHT_MISSING when the agent's role on the tenant's host lacks a right that one of these kinds of tasks needs.
absl::Status RightIsMissing(const std::string& host, const domain::MissingRight& missing) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the agent of ", HostName(host), " lacks a right on its PostgreSQL: ", missing.right,
                   "; ", missing.consequence, ". ", missing.remedy),
      {.reason = "RIGHT_MISSING", .metadata = {{"host", HostName(host)}, {"right", missing.right}}});
}

absl::Status CheckRights(Draft& draft, const domain::Tenant& tenant,
                         const std::vector<std::string>& task_kinds) {
  const domain::Host* host = draft.FindHost(tenant.placement.host);
  if (host == nullptr) return absl::OkStatus();
  for (const domain::MissingRight& missing : host->report.missing_rights) {
    const bool needed =
        std::any_of(missing.task_kinds.begin(), missing.task_kinds.end(), [&](const std::string& kind) {
          return std::find(task_kinds.begin(), task_kinds.end(), kind) != task_kinds.end();
        });
    if (needed) return RightIsMissing(host->id, missing);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const SuspendTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, TenantEvent::kSuspend,
                                   OperationKind::kSuspend, "suspended"));
  if (tenant->suspend_mode == request.mode) return domain::TenantSuspended(tenant->id);
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kSuspend, *tenant);
  tenant->state = TenantState::kSuspended;
  tenant->suspend_mode = request.mode;
  operation.steps = domain::SuspendPlan(*tenant);
  return Begin(draft, *tenant, std::move(operation));
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const ResumeTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, TenantEvent::kResume,
                                   OperationKind::kResume, "resumed"));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kResume, *tenant);
  operation.steps = domain::ResumePlan(*tenant);
  return Begin(draft, *tenant, std::move(operation));
}

namespace {

bool HasProof(Draft& draft, const Tenant& tenant) {
  return domain::HasProof(tenant, BackupsOf(draft, tenant));
}

void MarkRetired(const Draft& draft, Tenant& tenant, absl::Duration grace) {
  if (tenant.state != TenantState::kRetired) tenant.state_before_retire = tenant.state;
  tenant.state = TenantState::kRetired;
  tenant.delete_time = draft.now();  // a proof from before does not count for this retirement
  tenant.purge_time = draft.now() + grace;
  tenant.fence_time.reset();
  tenant.purge_parked = false;
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RetireTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, TenantEvent::kRetire,
                                   OperationKind::kRetire, "retired"));
  if (tenant->uid != request.final_backup.tenant_uid) return domain::TenantNotFound(tenant->id);
  if (tenant->delete_protection) return domain::DeleteProtected(tenant->id);
  if (HasProof(draft, *tenant)) return domain::TenantRetired(tenant->id);
  if (request.grace < kTimeToNotice && !request.confirmed) {
    return domain::ConfirmationRequired(
        tenant->id, absl::StrCat("with less than an hour of grace tenant ", tenant->id, " is purged soon"));
  }
  // It would be closed first, and stay so when the rest fails.
  CROFT_RETURN_IF_ERROR(CheckRights(draft, *tenant, {"fence", "back_up", "verify"}));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kRetire, *tenant);
  MarkRetired(draft, *tenant, request.grace);
  const std::string store = StoreOf(draft, *tenant);
  const domain::Backup backup =
      BackupFrom(draft, request.final_backup, *tenant, domain::BackupOrigin::kFinal, store);
  operation.steps = domain::RetirePlan(*tenant, backup);
  if (store.empty()) {
    operation.steps.resize(1);  // fence alone; the purge will ask for a waiver
  } else {
    operation.backup = draft.Add(backup).id;
  }
  return Begin(draft, *tenant, std::move(operation));
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UndeleteTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, TenantEvent::kUndelete,
                                   OperationKind::kUndelete, "undeleted"));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kUndelete, *tenant);
  operation.steps = domain::UndeletePlan(*tenant);
  // From the first step on it may be open and take writes that no backup has.
  if (!operation.steps.empty()) {
    tenant->fence_time.reset();
    tenant->purge_parked = false;
  }
  if (operation.steps.empty())
    ApplyStepEffect(draft, operation, {.landing = domain::Landing::kTenantUndeleted}, {});
  return Begin(draft, *tenant, std::move(operation));
}

namespace {

// Clean-ups that a purge does anyway end here; their databases are the purge's to drop.
void TakeOverCleanUps(Draft& draft, const Tenant& tenant, std::vector<domain::PlacedDatabase>& databases) {
  for (const domain::Operation& running : draft.facts().RunningOperationsOfTenant(tenant.id)) {
    if (running.kind != OperationKind::kCleanUp) continue;
    domain::Operation& clean_up = *draft.FindOperation(running.id);
    clean_up.state = domain::OperationState::kCancelled;
    clean_up.end_time = draft.now();
    for (const domain::Step& step : clean_up.steps) {
      for (const std::string& database : step.databases) databases.push_back({step.host, database});
    }
  }
}

// Every store that holds backups of the tenant, each with a host that reaches it: a purge must not leave any.
absl::StatusOr<std::vector<domain::StoredBackups>> StoredBackupsOf(Draft& draft, const Tenant& tenant) {
  std::map<std::string, domain::StoredBackups> by_store;
  for (const domain::Backup& backup : draft.facts().BackupsOfTenant(tenant.id)) {
    by_store.try_emplace(backup.store,
                         domain::StoredBackups{StoreHost(draft, tenant, backup.store), backup});
  }
  std::vector<domain::StoredBackups> stored;
  for (const auto& [store, backups] : by_store) {
    if (backups.host.empty()) return domain::StoreUnreachable(store);
    stored.push_back(backups);
  }
  return stored;
}

// Whether the tenant may be purged: nobody asks for a proof of one that never came to be, of one that the caller gives
// a reason for, and of one whose proof an earlier purge has removed.
absl::Status CheckProof(Draft& draft, const Tenant& tenant, const PurgeTenant& request) {
  if (tenant.state != TenantState::kRetired) return absl::OkStatus();
  const std::vector<domain::Backup> backups = BackupsOf(draft, tenant);
  const domain::Backup* incomplete = domain::IncompleteFinalBackup(tenant, backups);
  if (!request.accepted_backup.empty()) {
    const std::string name = BackupName(tenant.id, request.accepted_backup);
    if (draft.FindBackup(tenant.id, request.accepted_backup) == nullptr)
      return domain::BackupNotFound(name);
    const bool exactly = incomplete != nullptr && incomplete->id == request.accepted_backup;
    return exactly ? absl::OkStatus() : domain::BackupNotAcceptable(name);
  }
  if (!request.waiver.empty() || tenant.purge_parked || domain::HasProof(tenant, backups))
    return absl::OkStatus();
  return domain::BackupNotProven(tenant.id, tenant.final_backup_failure,
                                 incomplete == nullptr ? "" : BackupName(tenant.id, incomplete->id));
}

// Why no proven backup was asked for, for whoever looks into the operation later.
std::string WaiverOf(const PurgeTenant& request) {
  if (request.accepted_backup.empty()) return request.waiver;
  return absl::StrCat("accepted ", BackupName(request.tenant, request.accepted_backup),
                      ", which is INCOMPLETE", request.waiver.empty() ? "" : ": ", request.waiver);
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PurgeTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant,
                         TenantFor(draft, request.tenant, request.etag, TenantEvent::kPurge,
                                   OperationKind::kPurge, "purged; retire it first"));
  if (tenant->delete_protection) return domain::DeleteProtected(tenant->id);
  CROFT_RETURN_IF_ERROR(CheckProof(draft, *tenant, request));
  if (!request.confirmed) {
    return domain::ConfirmationRequired(
        tenant->id, absl::StrCat("a purge removes tenant ", tenant->id, " and all of its backups"));
  }
  std::vector<domain::PlacedDatabase> databases;
  TakeOverCleanUps(draft, *tenant, databases);
  if (!tenant->placement.host.empty())
    databases.push_back({tenant->placement.host, tenant->placement.database});
  std::erase_if(databases, [&](const domain::PlacedDatabase& one) { return !CanHold(draft, one.host); });
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::StoredBackups> stored, StoredBackupsOf(draft, *tenant));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kPurge, *tenant);
  operation.waiver = WaiverOf(request);
  operation.backup = request.accepted_backup;
  if (const domain::Backup* accepted = draft.FindBackup(tenant->id, request.accepted_backup))
    operation.warnings = domain::FindingsOf(*accepted);
  operation.steps = domain::PurgePlan(*tenant, databases, stored);
  return Begin(draft, *tenant, std::move(operation));
}

namespace {

// `_a` and `_b` take turns, `_ra` and `_rb` for readers.
std::string OtherLogin(const Tenant& tenant, domain::LoginRole role) {
  const std::string stem = tenant.owner_role + (role == domain::LoginRole::kReadOnly ? "_r" : "_");
  const domain::Credential* published = domain::PublishedCredential(tenant, role);
  return published != nullptr && published->login == stem + "a" ? stem + "b" : stem + "a";
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RotateCredentials& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, request.tenant, request.etag));
  CROFT_RETURN_IF_ERROR(CheckFree(draft, *tenant, OperationKind::kRotate));
  if (tenant->state != TenantState::kReady) {
    return domain::WrongTenantState(tenant->id, tenant->state, "given new credentials");
  }
  for (const domain::Credential& credential : tenant->credentials) {
    if (credential.disable_time) return domain::RotationUnderWay(tenant->id, *credential.disable_time);
  }
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kRotate, *tenant);
  operation.overlap = request.overlap;
  std::vector<std::string> logins;
  for (domain::Credential credential : request.credentials) {
    credential.login = OtherLogin(*tenant, credential.role);
    credential.published = false;
    credential.create_time = draft.now();
    logins.push_back(credential.login);
    tenant->credentials.push_back(std::move(credential));
  }
  operation.steps = domain::RotatePlan(*tenant, logins);
  return Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::engine
