// Decides the state of a backup from what making, proving or restoring it has found.

#include "controlplane/engine/verdict.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {
namespace {

using domain::Backup;
using domain::BackupState;
using domain::Findings;
using domain::FindingSeverity;

// What was said when the backup was made is still worth knowing when all of it restores.
BackupState StateAfterProof(const Findings& proof, const Findings& making) {
  if (domain::Has(proof, FindingSeverity::kDifferent)) return BackupState::kDamaged;
  if (domain::Has(proof, FindingSeverity::kMissing)) return BackupState::kIncomplete;
  return proof.count + making.count > 0 ? BackupState::kVerifiedWithNotes : BackupState::kVerified;
}

// What was noted when the backup was made: proofs and restores do not find it again, and it holds all the same.
Findings NotesAmong(const Findings& findings) {
  Findings notes;
  for (const domain::Finding& finding : findings.listed) {
    if (finding.severity == FindingSeverity::kNote) notes.listed.push_back(finding);
  }
  notes.count = static_cast<int32_t>(notes.listed.size());
  return notes;
}

const Findings& FindingsIn(const TaskReport& report) {
  static const Findings* const none = new Findings();
  if (const auto* made = std::get_if<BackedUp>(&report.outcome)) return made->findings;
  if (const auto* verified = std::get_if<Verified>(&report.outcome)) return verified->findings;
  if (const auto* restored = std::get_if<Restored>(&report.outcome)) return restored->findings;
  if (const auto* error = std::get_if<TaskError>(&report.outcome)) return error->findings;
  return *none;
}

// What an error says of the archive; nullopt where it says nothing. That something does not restore on one host does
// not take back a proof made on another.
std::optional<BackupState> StateAfterError(const TaskError& error, BackupState before) {
  if (error.reason == "BACKUP_INCOMPLETE") {
    return domain::IsProven(before) ? std::nullopt : std::optional(BackupState::kIncomplete);
  }
  return domain::IsVerdict(error.reason) ? std::optional(BackupState::kDamaged) : std::nullopt;
}

// `name` is the backup, or its copy, in words.
domain::OperationError NotGood(const std::string& name, BackupState state, const Findings& findings) {
  if (state == BackupState::kDamaged) {
    return {absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
            absl::StrCat(name, " is DAMAGED: what it restores differs from what was backed up in ",
                         domain::NamesOf(findings, FindingSeverity::kDifferent))};
  }
  return {absl::StatusCode::kFailedPrecondition, "BACKUP_INCOMPLETE",
          absl::StrCat(name, " is INCOMPLETE: what does not restore is ",
                       domain::NamesOf(findings, FindingSeverity::kMissing))};
}

// The backup that the step is about; nullptr when there is none.
Backup* BackupOf(Draft& draft, const domain::Step& step) {
  const domain::BackupRef* about = domain::BackupOf(step.task);
  return about == nullptr ? nullptr : draft.FindBackup(about->tenant, about->id);
}

// How long a restore or a proof takes is what an estimate of the next one goes by. Time between attempts is none of it.
void Measure(Draft& draft, const domain::Step& step, const TaskReport& report, Backup& backup) {
  const bool restored =
      std::holds_alternative<Verified>(report.outcome) || std::holds_alternative<Restored>(report.outcome);
  if (restored && step.attempt == 1 && step.start_time)
    backup.restore_duration = draft.now() - *step.start_time;
}

void NoteProof(Draft& draft, const domain::Operation& operation, const domain::Step& step,
               const Backup& backup, BackupState state) {
  if (!std::holds_alternative<domain::VerifyTask>(step.task)) return;
  draft.FindTenant(backup.tenant)->last_proof = {.backup = backup.id,
                                                 .time = draft.now(),
                                                 .host = step.host,
                                                 .outcome = std::string(NameOf(state)),
                                                 .caller = operation.caller};
}

// What is learned of a copy is said of that copy alone. One that is damaged is copied anew.
std::optional<domain::OperationError> JudgeCopy(Draft& draft, const domain::Operation& operation,
                                                const domain::Step& step, Backup& backup,
                                                const std::string& store, const TaskReport& report) {
  domain::BackupCopy* copy = domain::FindCopy(backup, store);
  if (copy == nullptr) return std::nullopt;
  std::optional<BackupState> state;
  if (std::holds_alternative<Verified>(report.outcome)) {
    state = StateAfterProof(FindingsIn(report), backup.findings);
  } else if (const auto* error = std::get_if<TaskError>(&report.outcome);
             error != nullptr && domain::IsStored(copy->state)) {
    state = StateAfterError(*error, copy->state);
    if (state) copy->failure = error->message;
  }
  if (!state) return std::nullopt;
  copy->state = *state;
  copy->verify_time = draft.now();
  NoteProof(draft, operation, step, backup, copy->state);
  if (copy->state == BackupState::kDamaged)
    draft.Record(catalog::PutSchedule{{.key = CopyingOf(backup.tenant), .next_time = draft.now()}});
  if (domain::IsProven(copy->state)) {
    copy->failure.clear();
    return std::nullopt;
  }
  if (!std::holds_alternative<Verified>(report.outcome)) return std::nullopt;
  domain::OperationError bad = NotGood(
      absl::StrCat("the copy of backup ", BackupName(backup.tenant, backup.id), " in store ", store),
      copy->state, FindingsIn(report));
  copy->failure = bad.message;
  return bad;
}

// Of a part of a backup its agent says all: notes on the rest of it are no news of what was restored.
bool IsOfPart(const domain::Step& step) {
  const auto* restore = std::get_if<domain::RestoreTask>(&step.task);
  return restore != nullptr && !restore->only.empty();
}

// Sets what the report says of the backup; answers why that is no good, when the task went through.
std::optional<domain::OperationError> Judge(Draft& draft, const domain::Operation& operation,
                                            const domain::Step& step, const TaskReport& report) {
  Backup* backup = step.undo ? nullptr : BackupOf(draft, step);
  if (backup == nullptr) return std::nullopt;
  Measure(draft, step, report, *backup);
  const std::string store = domain::CopyStoreOf(step.task);
  if (!store.empty()) return JudgeCopy(draft, operation, step, *backup, store, report);
  std::optional<BackupState> state;
  if (const auto* verified = std::get_if<Verified>(&report.outcome)) {
    state = StateAfterProof(verified->findings, backup->findings);
  } else if (const auto* error = std::get_if<TaskError>(&report.outcome);
             error != nullptr && domain::Stored(*backup)) {
    state = StateAfterError(*error, backup->state);
  }
  if (!state) return std::nullopt;
  const bool was_usable = domain::Usable(*backup);
  backup->state = *state;
  backup->proof_findings = FindingsIn(report);
  backup->verify_time = draft.now();
  NoteProof(draft, operation, step, *backup, backup->state);
  domain::Tenant& tenant = *draft.FindTenant(backup->tenant);
  ChooseLastBackup(draft, tenant);
  if (!was_usable && domain::Usable(*backup) && !InForce(draft, tenant).rules.copy_to.empty())
    draft.Record(catalog::PutSchedule{{.key = CopyingOf(tenant.id), .next_time = draft.now()}});
  const bool went_through = std::holds_alternative<Verified>(report.outcome);
  if (!went_through || domain::Proven(*backup)) return std::nullopt;
  return NotGood(absl::StrCat("backup ", BackupName(backup->tenant, backup->id)), backup->state,
                 backup->proof_findings);
}

}  // namespace

std::optional<domain::OperationError> TakeFindings(Draft& draft, domain::Operation& operation,
                                                   const domain::Step& step, const TaskReport& report) {
  const Findings& findings = FindingsIn(report);
  if (findings.count > 0) operation.warnings = domain::Together(operation.warnings, findings);
  const Backup* backup = BackupOf(draft, step);
  const bool filled =
      std::holds_alternative<Verified>(report.outcome) || std::holds_alternative<Restored>(report.outcome);
  if (filled && !IsOfPart(step) && backup != nullptr) {
    operation.warnings = domain::Together(operation.warnings, NotesAmong(backup->findings));
  }
  return Judge(draft, operation, step, report);
}

std::vector<Backup> BackupsOf(Draft& draft, const domain::Tenant& tenant) {
  std::vector<Backup> backups;
  for (const Backup& stored : draft.facts().BackupsOfTenant(tenant.id)) {
    if (const Backup* backup = draft.FindBackup(tenant.id, stored.id)) backups.push_back(*backup);
  }
  return backups;
}

void ChooseLastBackup(Draft& draft, domain::Tenant& tenant) {
  tenant.last_backup = domain::LatestUsable(BackupsOf(draft, tenant));
}

}  // namespace croft::engine
