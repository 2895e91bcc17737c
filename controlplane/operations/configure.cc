// CONFIGURE: brings limits and logins of a tenant's database to what its row says. Begun by an update that changes the
// quota, and by a repair.
//
// The row changes with the request, so that everything sent from then on says the new quota. When the host cannot set
// it, the quota is put back before the undo step sends it again.

#include <optional>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::ConfigureDetails;
using domain::Operation;
using domain::Step;
using domain::Tenant;
using domain::TenantState;

// Its room changes with it.
void PutBackQuota(Draft& draft, Operation& operation) {
  const auto previous = domain::Details<ConfigureDetails>(std::as_const(operation)).previous_quota;
  if (!previous) return;
  Tenant& tenant = *draft.FindTenant(operation.tenant);
  if (domain::Host* host = draft.FindHost(tenant.placement.host)) {
    domain::ChangeConnections(*host, tenant.quota.connections, previous->connections);
  }
  // No host has to know the storage quota: it was set at once, then or since, and stays.
  const int64_t storage_bytes = tenant.quota.storage_bytes;
  tenant.quota = *previous;
  tenant.quota.storage_bytes = storage_bytes;
}

std::optional<Step> Undo(const Operation&, const Step&, const Tenant& tenant) { return Configure(tenant); }

// How large a database may be is the control plane's to see to: no host must know. A tenant without a quota is looked at no
// more, but to open it for growth.
void ApplyStorageQuota(Tenant& tenant, int64_t storage_bytes) {
  tenant.quota.storage_bytes = storage_bytes;
  if (storage_bytes == 0) tenant.storage.level = domain::StorageLevel::kNormal;
}

// When the tenant is retired, or as a retired one purged, by itself; nullopt for never.
std::optional<absl::Time> EndOf(const Tenant& tenant) {
  if (tenant.delete_protection) return std::nullopt;
  return tenant.state == TenantState::kRetired ? tenant.purge_time : tenant.expire_time;
}

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
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, tenant, kConfigure.id));
  const domain::Quota previous = std::exchange(tenant.quota, quota);
  if (domain::Host* host = draft.FindHost(tenant.placement.host)) {
    CROFT_RETURN_IF_ERROR(
        domain::CheckRoomForQuota(*host, tenant.id, previous.connections, quota.connections));
    domain::ChangeConnections(*host, previous.connections, quota.connections);
  }
  Operation operation = engine::NewOperation(draft, caller, id, kConfigure.id, tenant);
  operation.details = ConfigureDetails{.previous_quota = previous};
  operation.steps = {Configure(tenant)};
  engine::Begin(draft, tenant, std::move(operation));
  return absl::OkStatus();
}

constexpr size_t kMaxLabels = 32;
constexpr size_t kLongestSettings = 64 << 10;

}  // namespace

constinit const Kind kConfigure = {
    .id = domain::OperationKind::kConfigure, .undo = Undo, .fail = PutBackQuota};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UpdateTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant, request.etag));
  if (const auto aliases = request.update.Given<&Tenant::aliases>()) {
    CROFT_RETURN_IF_ERROR(CheckAliases(draft, tenant->id, *aliases));
  }
  const std::optional<absl::Time> end_before = EndOf(*tenant);
  const domain::Quota quota_before = tenant->quota;
  request.update.ApplyTo(*tenant);
  engine::SettleRules(request.update, *tenant);
  const domain::Quota quota = std::exchange(tenant->quota, quota_before);
  CROFT_RETURN_IF_ERROR(CheckConfirmedEnd(draft, *tenant, end_before, request.confirmed));
  if (tenant->labels.size() > kMaxLabels)
    return InvalidField("tenant.labels", "a tenant has at most 32 labels");
  if (tenant->settings.size() > kLongestSettings)
    return InvalidField("tenant.settings", "must be at most 64 KiB as JSON");
  ApplyStorageQuota(*tenant, quota.storage_bytes);
  if (quota != tenant->quota) {
    CROFT_RETURN_IF_ERROR(BeginConfigure(draft, caller, request.operation, *tenant, quota));
  }
  return TenantName(tenant->id);
}

}  // namespace croft::operations
