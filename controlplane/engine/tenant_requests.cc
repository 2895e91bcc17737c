#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/ids.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/features.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/plan.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {
namespace {

using domain::OperationKind;
using domain::Tenant;
using domain::TenantState;

// An alias must not be another tenant's alias or id: Lookup takes both.
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

absl::Status CheckIdIsFree(Draft& draft, const std::string& id) {
  const std::optional<Tenant> present = draft.facts().FindTenant(id);
  if (present && present->state != TenantState::kPurged) return domain::TenantExists(id, present->state);
  const std::optional<std::string> holder = draft.facts().FindAlias(id);
  return holder ? domain::AliasTaken(id, *holder) : absl::OkStatus();
}

// A new tenant in its first state, placed and its room taken. Counters go on where a purged namesake's ended.
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

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateTenant& request) {
  if (request.if_missing) {
    const std::optional<Tenant> present = draft.facts().FindTenant(request.tenant.id);
    const bool usable = present && present->state != TenantState::kPurged &&
                        present->state != TenantState::kFailed && present->state != TenantState::kRetired;
    if (usable) return OperationName(present->create_operation);
  }
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, PlaceNewTenant(draft, request.tenant,
                                                         {.labels = request.host_selector,
                                                          .connections = request.tenant.quota.connections,
                                                          .task_kinds = {"create", "drop"}},
                                                         request.operation));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kCreate, *tenant);
  operation.steps = domain::CreatePlan(*tenant);
  return Begin(draft, *tenant, std::move(operation));
}

namespace {

template <typename T>
void Edit(std::map<std::string, T>& map, const std::map<std::string, std::optional<T>>& edits) {
  for (const auto& [key, value] : edits) {
    if (value) {
      map[key] = *value;
    } else {
      map.erase(key);
    }
  }
}

void ApplyCatalogOnly(Tenant& tenant, const TenantUpdate& update) {
  if (update.display_name) tenant.display_name = *update.display_name;
  if (update.aliases) tenant.aliases = *update.aliases;
  if (update.labels) tenant.labels = *update.labels;
  Edit(tenant.labels, update.label_edits);
  if (update.expire_time) tenant.expire_time = *update.expire_time;
  if (update.settings) tenant.settings = *update.settings;
  if (update.features) tenant.features = *update.features;
  if (!update.feature_edits.empty())
    tenant.features = domain::EditFeatures(tenant.features, update.feature_edits);
  if (update.backups_kept) tenant.backups_kept = *update.backups_kept;
  if (update.delete_protection) tenant.delete_protection = *update.delete_protection;
}

// When the tenant is retired, or as a retired one purged, by itself; nullopt for never.
std::optional<absl::Time> EndOf(const Tenant& tenant) {
  if (tenant.delete_protection) return std::nullopt;
  return tenant.state == TenantState::kRetired ? tenant.purge_time : tenant.expire_time;
}

// Sooner than this nobody notices a mistake in time.
constexpr absl::Duration kTimeToNotice = absl::Hours(1);

absl::Status CheckConfirmedEnd(const Draft& draft, const Tenant& tenant,
                               const std::optional<absl::Time>& end_before, bool confirmed) {
  const std::optional<absl::Time> end = EndOf(tenant);
  if (confirmed || !end || end == end_before || *end - draft.now() >= kTimeToNotice)
    return absl::OkStatus();
  return domain::ConfirmationRequired(tenant.id,
                                      absl::StrCat("this ends tenant ", tenant.id, " within the hour"));
}

absl::Status BeginConfigure(Draft& draft, const Caller& caller, const std::string& id, Tenant& tenant,
                            const domain::Quota& quota) {
  if (tenant.state != TenantState::kReady)
    return domain::WrongTenantState(tenant.id, tenant.state, "reconfigured");
  CROFT_RETURN_IF_ERROR(CheckFree(draft, tenant, OperationKind::kConfigure));
  domain::Operation operation = NewOperation(draft, caller, id, OperationKind::kConfigure, tenant);
  operation.previous_quota = tenant.quota;
  tenant.quota = quota;
  operation.steps = domain::ConfigurePlan(tenant);
  if (domain::Host* host = draft.FindHost(tenant.placement.host)) {
    CROFT_RETURN_IF_ERROR(domain::CheckRoomForQuota(*host, tenant.id, operation.previous_quota->connections,
                                                    quota.connections));
    domain::ChangeConnections(*host, operation.previous_quota->connections, quota.connections);
  }
  Begin(draft, tenant, std::move(operation));
  return absl::OkStatus();
}

constexpr size_t kMaxLabels = 32;

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UpdateTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, LiveTenant(draft, request.tenant, request.etag));
  if (request.update.aliases) {
    CROFT_RETURN_IF_ERROR(CheckAliases(draft, tenant->id, *request.update.aliases));
  }
  const std::optional<absl::Time> end_before = EndOf(*tenant);
  ApplyCatalogOnly(*tenant, request.update);
  CROFT_RETURN_IF_ERROR(CheckConfirmedEnd(draft, *tenant, end_before, request.confirmed));
  if (tenant->labels.size() > kMaxLabels)
    return InvalidField("tenant.labels", "a tenant has at most 32 labels");
  if (request.update.quota && *request.update.quota != tenant->quota) {
    CROFT_RETURN_IF_ERROR(BeginConfigure(draft, caller, request.operation, *tenant, *request.update.quota));
  }
  return TenantName(tenant->id);
}

namespace {

// What the agent of a host must know for a backup to be restored there.
std::vector<std::string> RestoreTasks() { return {"restore", "unfence", "drop"}; }

// What a copy has in common with the tenant whose backup it is made from.
Tenant CopyOf(const Tenant& source, Tenant as_new) {
  as_new.display_name = source.display_name;
  as_new.labels = source.labels;
  as_new.extensions = source.extensions;
  as_new.locale = source.locale;
  as_new.settings = source.settings;
  as_new.features = source.features;
  as_new.quota = source.quota;
  as_new.backups_kept = source.backups_kept;
  return as_new;
}

absl::StatusOr<Subject> RestoreAsNew(Draft& draft, const Caller& caller, const RestoreTenant& request,
                                     const Tenant& source, const domain::Backup& backup) {
  CROFT_RETURN_IF_ERROR(CheckFreeToRead(draft, source, backup.id));
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, PlaceNewTenant(draft, CopyOf(source, *request.as_new),
                                                         {.connections = source.quota.connections,
                                                          .store = backup.store,
                                                          .host = request.host,
                                                          .task_kinds = RestoreTasks()},
                                                         request.operation));
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kRestore, *tenant);
  operation.source_tenant = source.id;
  operation.backup = backup.id;
  operation.allow_incomplete = request.allow_incomplete;
  operation.steps = domain::RestoreAsNewPlan(*tenant, backup);
  return Begin(draft, *tenant, std::move(operation));
}

// The host of the next generation: the one asked for, the one it lives on, or, when that is gone, any that fits.
absl::StatusOr<std::string> HostForRestore(Draft& draft, const RestoreTenant& request, const Tenant& tenant,
                                           const domain::Backup& backup) {
  const domain::Host* home = draft.FindHost(tenant.placement.host);
  const bool home_gone = home == nullptr || home->missing;
  if (!home_gone && (request.host.empty() || request.host == home->id)) return home->id;
  return domain::ChooseHost(draft.facts().Hosts(), {.connections = tenant.quota.connections,
                                                    .store = backup.store,
                                                    .host = request.host,
                                                    .task_kinds = RestoreTasks(),
                                                    .now = draft.now()});
}

absl::StatusOr<Subject> RestoreInPlace(Draft& draft, const Caller& caller, const RestoreTenant& request,
                                       Tenant& tenant, const domain::Backup& backup) {
  if (tenant.state != TenantState::kReady)
    return domain::WrongTenantState(tenant.id, tenant.state, "restored in place");
  CROFT_RETURN_IF_ERROR(CheckFree(draft, tenant, OperationKind::kRestore, backup.id));
  CROFT_ASSIGN_OR_RETURN(const std::string host, HostForRestore(draft, request, tenant, backup));
  const domain::Host* home = draft.FindHost(tenant.placement.host);
  domain::TakeRoom(*draft.FindHost(host), tenant.quota.connections);
  tenant.last_generation += 1;
  const domain::Placement target{host, DatabaseName(tenant.owner_role, tenant.last_generation),
                                 tenant.last_generation};
  domain::Operation operation =
      NewOperation(draft, caller, request.operation, OperationKind::kRestore, tenant);
  operation.backup = backup.id;
  operation.allow_incomplete = request.allow_incomplete;
  operation.steps = domain::RestoreInPlacePlan(tenant, target, backup, home == nullptr || home->missing);
  return Begin(draft, tenant, std::move(operation));
}

absl::Status CheckUsable(const domain::Backup& backup, bool allow_incomplete) {
  const std::string name = BackupName(backup.tenant, backup.id);
  if (backup.state == domain::BackupState::kDamaged) return domain::BackupDamaged(name);
  if (backup.state == domain::BackupState::kIncomplete) {
    if (allow_incomplete) return absl::OkStatus();
    return domain::BackupIncomplete(
        name, domain::NamesOf(domain::FindingsOf(backup), domain::FindingSeverity::kMissing));
  }
  return domain::Usable(backup) ? absl::OkStatus() : domain::BackupNotUsable(name, "not whole");
}

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RestoreTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * source, LiveTenant(draft, request.tenant, request.etag));
  const domain::Backup* backup = draft.FindBackup(source->id, request.backup);
  const std::string backup_name = BackupName(source->id, request.backup);
  if (backup == nullptr) return domain::BackupNotFound(backup_name);
  CROFT_RETURN_IF_ERROR(CheckUsable(*backup, request.allow_incomplete));
  if (!request.host.empty() && draft.FindHost(request.host) == nullptr)
    return domain::HostNotFound(request.host);
  return request.as_new ? RestoreAsNew(draft, caller, request, *source, *backup)
                        : RestoreInPlace(draft, caller, request, *source, *backup);
}

}  // namespace croft::engine
