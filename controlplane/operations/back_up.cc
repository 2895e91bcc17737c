// BACK_UP: a backup of a tenant's database, on request.
//
// What fails is removed from the store; the row stays, as FAILED.

#include <optional>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/verdict.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

using domain::Operation;
using domain::Step;
using domain::Tenant;
using domain::TenantState;

void Apply(Draft& draft, Operation& operation, const Step&, const engine::TaskReport& report) {
  RecordBackup(draft, operation, report);
}

std::optional<Step> Undo(const Operation&, const Step& step, const Tenant&) {
  return On({step.host, step.database, step.generation},
            domain::DeleteBackupTask{.backup = *domain::BackupOf(step.task)});
}

void Revert(Draft& draft, Operation& operation) { FailBackup(draft, operation); }

absl::Status CheckGivenNameIsFree(Draft& draft, const Tenant& tenant, const std::string& given_name) {
  const std::vector<domain::Backup> backups = engine::BackupsOf(draft, tenant);
  const domain::Backup* holder = domain::FindByGivenName(given_name, backups);
  if (holder == nullptr) return absl::OkStatus();
  return domain::GivenNameTaken(given_name, BackupName(tenant.id, holder->id));
}

std::string Result(const Operation& operation) { return BackupName(operation.tenant, operation.backup); }

}  // namespace

constinit const Kind kBackUp = {.id = domain::OperationKind::kBackUp,
                                .hold = engine::Hold::kShared,
                                .backups = engine::BackupUse::kAdds,
                                .timeout = absl::Hours(24),
                                .apply = Apply,
                                .undo = Undo,
                                .revert = Revert,
                                .result = Result};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateBackup& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kBackUp.id));
  if (tenant->state != TenantState::kReady && tenant->state != TenantState::kSuspended) {
    return domain::WrongTenantState(tenant->id, tenant->state, "backed up");
  }
  if (tenant->uid != request.backup.tenant_uid) return domain::TenantNotFound(tenant->id);
  CROFT_RETURN_IF_ERROR(CheckGivenNameIsFree(draft, *tenant, request.given_name));
  const std::string store = engine::StoreOf(draft, *tenant);
  if (store.empty()) return domain::NoStore(tenant->placement.host);
  Operation operation = engine::NewOperation(draft, caller, request.operation, kBackUp.id, *tenant);
  domain::Backup& backup =
      draft.Add(engine::BackupFrom(draft, request.backup, *tenant, request.origin, store));
  backup.given_name = request.given_name;
  backup.note = request.note;
  operation.backup = backup.id;
  operation.steps = {On(tenant->placement,
                        domain::BackUpTask{.backup = RefTo(backup),
                                           .sealed = tenant->suspend_mode == domain::SuspendMode::kBlocked,
                                           .max_duration = request.max_duration,
                                           .skip_rows = engine::InForce(draft, *tenant).rules.skip_rows})};
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
