// VERIFY: proves a backup by restoring it beside everything else and comparing.
//
// What the proof says of the backup is set by the engine (engine/verdict.h) whatever task found it. There is nothing to
// take back: the agent removes what it restored. A proof of a copy says something of that copy alone; the routine takes
// the place whose proof is the longest ago, so that it alternates between a backup and its copies.

#include <algorithm>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/operations/backups.h"
#include "controlplane/operations/kinds.h"
#include "controlplane/operations/steps.h"
#include "controlplane/operations/tenants.h"

namespace croft::operations {
namespace {

void Apply(Draft& draft, domain::Operation& operation, const domain::Step&, const engine::TaskReport&) {
  RecordProof(draft, operation);
}

// Id of the store with the copy that is asked for; empty for the backup's own.
absl::StatusOr<std::string> CopyToProve(const domain::Backup& backup, const std::string& wanted) {
  const std::string name = BackupName(backup.tenant, backup.id);
  if (wanted.empty() || wanted == backup.store) {
    if (!domain::Stored(backup)) return domain::BackupNotUsable(name, "not whole");
    return std::string();
  }
  const domain::BackupCopy* copy = domain::FindCopy(backup, wanted);
  if (copy == nullptr || !domain::IsStored(copy->state)) return domain::CopyNotFound(name, wanted);
  return copy->store;
}

}  // namespace

constinit const Kind kVerify = {.id = domain::OperationKind::kVerify,
                                .hold = engine::Hold::kShared,
                                .backups = engine::BackupUse::kReads,
                                .timeout = absl::Hours(24),
                                .apply = Apply,
                                .target = BackupTarget};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::VerifyBackup& request) {
  CROFT_ASSIGN_OR_RETURN(domain::Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, engine::ExistingBackup(draft, *tenant, request.backup));
  CROFT_ASSIGN_OR_RETURN(const std::string copy, CopyToProve(*backup, request.copy));
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kVerify.id, backup->id));
  CROFT_ASSIGN_OR_RETURN(const std::string host,
                         HostForStore(draft, *tenant, copy.empty() ? backup->store : copy));
  domain::Operation operation = engine::NewOperation(draft, caller, request.operation, kVerify.id, *tenant);
  operation.backup = backup->id;
  operation.steps = {{.task = domain::VerifyTask{.backup = RefTo(*backup), .store = copy}, .host = host}};
  return engine::Begin(draft, *tenant, std::move(operation));
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::ProveNewestBackup& request) {
  const std::vector<domain::Backup> backups = draft.facts().BackupsOfTenant(request.tenant);
  const auto newest = std::find_if(backups.begin(), backups.end(), domain::Usable);
  if (newest == backups.end()) return Subject();
  return Handle(draft, caller,
                engine::VerifyBackup{.operation = request.operation,
                                     .tenant = request.tenant,
                                     .backup = newest->id,
                                     .copy = domain::NextProofStore(*newest)});
}

}  // namespace croft::operations
