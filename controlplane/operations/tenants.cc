// What several kinds of operations do to a tenant and to its host's account.

#include "controlplane/operations/tenants.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "common/ids.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/schedules.h"
#include "controlplane/engine/verdict.h"

namespace croft::operations {
namespace {

using domain::Operation;
using domain::Step;
using domain::Tenant;
using domain::TenantEvent;
using domain::TenantState;
using engine::Draft;

absl::Status CheckIdIsFree(Draft& draft, const std::string& id) {
  const std::optional<Tenant> present = draft.facts().FindTenant(id);
  if (present && present->state != TenantState::kPurged) return domain::TenantExists(id, present->state);
  const std::optional<std::string> holder = draft.facts().FindAlias(id);
  return holder ? domain::AliasTaken(id, *holder) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<Tenant*> TenantFor(Draft& draft, const std::string& id, const std::string& etag,
                                  TenantEvent event, domain::OperationKind kind, absl::string_view verb) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, id, etag));
  // Whoever holds it may be about to change its state, so that is the better answer.
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kind));
  if (!domain::Next(tenant->state, event)) return domain::WrongTenantState(tenant->id, tenant->state, verb);
  return tenant;
}

absl::Status CheckAliases(Draft& draft, const std::string& tenant,
                          const std::vector<std::string>& aliases) {
  for (const std::string& alias : aliases) {
    const std::optional<std::string> holder = draft.facts().FindAlias(alias);
    if (holder && *holder != tenant) return domain::AliasTaken(alias, *holder);
    const std::optional<Tenant> namesake = draft.facts().FindTenant(alias);
    if (namesake && namesake->id != tenant && namesake->state != TenantState::kPurged) {
      return domain::AliasTaken(alias, namesake->id);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tenant*> PlaceNewTenant(Draft& draft, Tenant tenant, domain::PlacementRequest wanted,
                                       const std::string& operation) {
  CROFT_RETURN_IF_ERROR(CheckIdIsFree(draft, tenant.id));
  CROFT_RETURN_IF_ERROR(CheckAliases(draft, tenant.id, tenant.aliases));
  wanted.now = draft.now();
  CROFT_ASSIGN_OR_RETURN(const std::string host, domain::ChooseHost(draft.facts().Hosts(), wanted));
  domain::TakeRoom(*draft.FindHost(host), tenant.quota.connections);
  const std::optional<Tenant> tombstone = draft.facts().FindTenant(tenant.id);
  tenant.order = tombstone ? tombstone->order : 0;
  tenant.version = tombstone ? tombstone->version : 0;
  tenant.last_generation = (tombstone ? tombstone->last_generation : 0) + 1;
  tenant.placement = {host, DatabaseName(tenant.owner_role, tenant.last_generation),
                      tenant.last_generation};
  tenant.state = TenantState::kCreating;
  tenant.create_time = draft.now();
  tenant.create_operation = operation;
  for (domain::Credential& credential : tenant.credentials) credential.create_time = draft.now();
  return &draft.Add(std::move(tenant));
}

void FailCreation(Draft& draft, const Operation& operation, Tenant& tenant) {
  MoveTo(tenant, TenantEvent::kCreateFailed);
  // What could not be removed keeps its room; the purge tries again.
  if (LeftBehind(operation, tenant.placement.host)) return;
  GiveBackRoomOn(draft, tenant.placement.host, tenant.quota.connections);
  tenant.placement = {.generation = tenant.placement.generation};
}

void MoveTo(Tenant& tenant, TenantEvent event) { tenant.state = domain::Next(tenant.state, event).value(); }

void GiveBackRoomOn(Draft& draft, const std::string& host_id, int32_t connections) {
  if (domain::Host* host = draft.FindHost(host_id)) domain::GiveBackRoom(*host, connections);
}

bool LeftBehind(const Operation& operation, const std::string& host) {
  return std::any_of(operation.steps.begin(), operation.steps.end(), [&](const Step& step) {
    return step.undo && std::holds_alternative<domain::DropTask>(step.task) && step.host == host &&
           step.state == domain::StepState::kFailed;
  });
}

void FailBackup(Draft& draft, const Operation& operation) {
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  if (backup == nullptr || backup->state != domain::BackupState::kCreating) return;
  backup->state = domain::BackupState::kFailed;
  // The next try may have its name.
  backup->given_name.clear();
}

void RecordBackup(Draft& draft, const Operation& operation, const engine::TaskReport& report) {
  domain::Backup* backup = draft.FindBackup(operation.tenant, operation.backup);
  const auto* made = std::get_if<engine::BackedUp>(&report.outcome);
  if (backup == nullptr || made == nullptr) return;
  backup->state = domain::BackupState::kAvailable;
  backup->size_bytes = made->size_bytes;
  backup->sha256 = made->sha256;
  backup->server_version = made->server_version;
  backup->table_count = made->table_count;
  backup->row_count = made->row_count;
  backup->findings = made->findings;
  backup->database_bytes = made->database_bytes;
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  engine::ChooseLastBackup(draft, tenant);
  if (!engine::InForce(draft, tenant).rules.copy_to.empty())
    draft.Record(
        catalog::PutSchedule{{.key = engine::CopyingOf(operation.tenant), .next_time = draft.now()}});
  if (backup->origin != domain::BackupOrigin::kScheduled) return;
  draft.Record(
      catalog::PutSchedule{{.key = engine::PruningOf(operation.tenant), .next_time = draft.now()}});
}

// The backup says so already (engine/verdict.h).
void RecordProof(Draft& draft, const Operation& operation) {
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  if (domain::HasProof(tenant, engine::BackupsOf(draft, tenant))) tenant.final_backup_failure.clear();
}

}  // namespace croft::operations
