// RETIRE: ends a tenant softly. It is closed, backed up a last time, and the backup is proven; the purge comes after a
// time of grace.
//
// Why this order: only what nobody writes to any more can be backed up for good. Nothing of it is taken back by itself:
// undelete is the way back.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
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

// RIGHT_MISSING when the agent's role on the tenant's host lacks a right that one of these kinds of tasks needs.
absl::Status RightIsMissing(const std::string& host, const domain::MissingRight& missing) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the agent of ", HostName(host), " lacks a right on its PostgreSQL: ", missing.right,
                   "; ", missing.consequence, ". ", missing.remedy),
      {.reason = "RIGHT_MISSING", .metadata = {{"host", HostName(host)}, {"right", missing.right}}});
}

absl::Status CheckRights(Draft& draft, const Tenant& tenant, const std::vector<std::string>& task_kinds) {
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

void MarkRetired(const Draft& draft, Tenant& tenant, absl::Duration grace) {
  if (tenant.state != TenantState::kRetired) tenant.state_before_retire = tenant.state;
  tenant.state = TenantState::kRetired;
  tenant.delete_time = draft.now();  // a proof from before does not count for this retirement
  tenant.purge_time = draft.now() + grace;
  tenant.fence_time.reset();
  tenant.purge_parked = false;
}

void Apply(Draft& draft, Operation& operation, const Step& step, const engine::TaskReport& report) {
  if (std::holds_alternative<domain::FenceTask>(step.task)) {
    draft.FindTenant(operation.tenant)->fence_time = draft.now();
  } else if (std::holds_alternative<domain::BackUpTask>(step.task)) {
    RecordBackup(draft, operation, report);
  } else {
    RecordProof(draft, operation);
  }
}

void Revert(Draft& draft, Operation& operation) {
  draft.FindTenant(operation.tenant)->final_backup_failure =
      absl::StrCat(operation.error->reason, ": ", operation.error->message);
  FailBackup(draft, operation);
}

std::string Result(const Operation& operation) {
  return operation.backup.empty() ? "" : BackupName(operation.tenant, operation.backup);
}

}  // namespace

constinit const Kind kRetire = {.id = domain::OperationKind::kRetire,
                                .timeout = absl::Hours(7 * 24),
                                .revertible = false,
                                .apply = Apply,
                                .revert = Revert,
                                .result = Result};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::RetireTenant& request) {
  CROFT_ASSIGN_OR_RETURN(Tenant * tenant, TenantFor(draft, request.tenant, request.etag,
                                                    domain::TenantEvent::kRetire, kRetire.id, "retired"));
  if (tenant->uid != request.final_backup.tenant_uid) return domain::TenantNotFound(tenant->id);
  if (tenant->delete_protection) return domain::DeleteProtected(tenant->id);
  if (domain::HasProof(*tenant, engine::BackupsOf(draft, *tenant)))
    return domain::TenantRetired(tenant->id);
  if (request.grace < kTimeToNotice && !request.confirmed) {
    return domain::ConfirmationRequired(
        tenant->id, absl::StrCat("with less than an hour of grace tenant ", tenant->id, " is purged soon"));
  }
  // It would be closed first, and stay so when the rest fails.
  CROFT_RETURN_IF_ERROR(CheckRights(draft, *tenant, {"fence", "back_up", "verify"}));
  Operation operation = engine::NewOperation(draft, caller, request.operation, kRetire.id, *tenant);
  MarkRetired(draft, *tenant, request.grace);
  operation.steps = {Fence(*tenant, /*allow_readers=*/false)};
  // Without a store there is nothing to prove; the purge will ask for a waiver.
  if (const std::string store = engine::StoreOf(draft, *tenant); !store.empty()) {
    const domain::Backup& backup = draft.Add(
        engine::BackupFrom(draft, request.final_backup, *tenant, domain::BackupOrigin::kFinal, store));
    operation.backup = backup.id;
    // With the rows that other backups leave out: no database is left to take them from.
    operation.steps.push_back(
        On(tenant->placement, domain::BackUpTask{.backup = RefTo(backup), .sealed = true}));
    operation.steps.push_back(On(tenant->placement, domain::VerifyTask{RefTo(backup)}));
  }
  return engine::Begin(draft, *tenant, std::move(operation));
}

}  // namespace croft::operations
