// VERIFY: proves a backup by restoring it beside everything else and comparing.
//
// What the proof says of the backup is set by the engine (engine/verdict.h) whatever task found it. There is nothing to
// take back: the agent removes what it restored. A proof of a copy says something of that copy alone; the routine takes
// the place whose proof is the longest ago, so that it alternates between a backup and its copies.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/proof_host.h"
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

// What a proof says of the backup was recorded with its report; that it came to no end is recorded here.
void Fail(Draft& draft, domain::Operation& operation) {
  const domain::OperationError& error = *operation.error;
  const domain::Step& step = operation.steps.front();
  domain::Proof& last = draft.FindTenant(operation.tenant)->last_proof;
  const bool is_recorded = last.backup == operation.backup && last.time == draft.now();
  if (is_recorded || step.attempt == 0 || error.code == absl::StatusCode::kCancelled) return;
  last = {.backup = operation.backup,
          .time = draft.now(),
          .host = step.host,
          .outcome = error.reason,
          .caller = operation.caller};
}

Subject BeginOn(const std::string& host, Draft& draft, const Caller& caller, const std::string& id,
                domain::Tenant& tenant, const domain::Backup& backup, const std::string& copy) {
  domain::Operation operation = engine::NewOperation(draft, caller, id, kVerify.id, tenant);
  operation.backup = backup.id;
  operation.steps = {{.task = domain::VerifyTask{.backup = RefTo(backup), .store = copy}, .host = host}};
  return engine::Begin(draft, tenant, std::move(operation));
}

}  // namespace

constinit const Kind kVerify = {.id = domain::OperationKind::kVerify,
                                .hold = engine::Hold::kShared,
                                .backups = engine::BackupUse::kReads,
                                .timeout = absl::Hours(24),
                                .apply = Apply,
                                .fail = Fail,
                                .target = BackupTarget};

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::VerifyBackup& request) {
  CROFT_ASSIGN_OR_RETURN(domain::Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  CROFT_ASSIGN_OR_RETURN(domain::Backup * backup, engine::ExistingBackup(draft, *tenant, request.backup));
  CROFT_ASSIGN_OR_RETURN(const std::string copy, CopyToProve(*backup, request.copy));
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kVerify.id, backup->id));
  CROFT_ASSIGN_OR_RETURN(const std::string host,
                         HostForStore(draft, *tenant, copy.empty() ? backup->store : copy));
  return BeginOn(host, draft, caller, request.operation, *tenant, *backup, copy);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::ProveNewestBackup& request) {
  const std::vector<domain::Backup> backups = draft.facts().BackupsOfTenant(request.tenant);
  const auto newest = std::find_if(backups.begin(), backups.end(), domain::Usable);
  if (newest == backups.end()) return Subject();
  CROFT_ASSIGN_OR_RETURN(domain::Tenant * tenant, engine::LiveTenant(draft, request.tenant));
  const std::string store = domain::NextProofStore(*newest);
  if (engine::InForce(draft, *tenant).rules.prove_on.empty()) {
    return Handle(
        draft, caller,
        engine::VerifyBackup{
            .operation = request.operation, .tenant = request.tenant, .backup = newest->id, .copy = store});
  }
  CROFT_RETURN_IF_ERROR(engine::CheckFree(draft, *tenant, kVerify.id, newest->id));
  CROFT_ASSIGN_OR_RETURN(const std::string host, engine::ProofHost(draft.facts(), *tenant, *newest, store));
  return BeginOn(host, draft, caller, request.operation, *tenant, *newest,
                 store == newest->store ? "" : store);
}

}  // namespace croft::operations
