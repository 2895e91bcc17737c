#include "tests/sim/policy_checks.h"

#include <variant>

#include <absl/strings/str_cat.h>

#include "tests/controlplane/domain/policy_model.h"

namespace croft::sim {

void PolicyChecks::AfterCommit(const std::vector<catalog::Change>& changes) {
  for (const catalog::Change& change : changes) {
    std::visit([this](const auto& one) { Note(one); }, change);
  }
}

void PolicyChecks::Note(const catalog::PutOperation& put) {
  const domain::Operation& operation = put.operation;
  const bool of_policy =
      operation.kind == domain::OperationKind::kBackUp || operation.kind == domain::OperationKind::kVerify;
  if (!begun_.insert(operation.id).second || !of_policy) return;
  std::vector<domain::BackupPolicy> policies;
  for (const auto& [id, policy] : policies_) policies.push_back(policy);
  const domain::PolicyInForce in_force = domain::PolicyModel(tenants_[operation.tenant], policies).Result();
  const domain::BackupRules& rules = in_force.rules;
  if (operation.kind == domain::OperationKind::kBackUp) {
    const auto& task = std::get<domain::BackUpTask>(operation.steps.front().task);
    if (task.skip_rows != rules.skip_rows)
      world_.Violate(16,
                     absl::StrCat(operation.id, " leaves out other rows than the policy in force says"));
  }
  if (operation.caller != "system") return;
  const bool called_for =
      operation.kind == domain::OperationKind::kVerify
          ? rules.prove_every > absl::ZeroDuration()
          : rules.backup_every > absl::ZeroDuration() || !rules.backup_times.cron.empty();
  if (!called_for)
    world_.Violate(16, absl::StrCat(operation.id, " of ", operation.tenant, " is called for by no policy"));
  const auto source = in_force.sources.find(operation.kind == domain::OperationKind::kVerify
                                                ? domain::BackupPart::kProofs
                                                : domain::BackupPart::kSchedule);
  if (source != in_force.sources.end() && source->second.starts_with("backupPolicies/"))
    world_.tally.Work("backups and proofs by shared policies");
}

}  // namespace croft::sim
