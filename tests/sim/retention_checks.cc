#include "tests/sim/retention_checks.h"

#include <algorithm>
#include <variant>

#include <absl/strings/str_cat.h>

#include "tests/controlplane/domain/policy_model.h"
#include "tests/controlplane/domain/retention_model.h"

namespace croft::sim {

void RetentionChecks::AfterCommit(const std::vector<catalog::Change>& changes) {
  for (const catalog::Change& change : changes) {
    std::visit([this](const auto& one) { Note(one); }, change);
  }
}

// Its backup is not yet being deleted: a decision puts operations before backups.
void RetentionChecks::Note(const catalog::PutOperation& put) {
  const domain::Operation& operation = put.operation;
  const bool begins = begun_.insert(operation.id).second;
  if (!begins || operation.kind != domain::OperationKind::kDeleteBackup || operation.caller != "system")
    return;
  std::vector<domain::Backup> backups;  // newest first
  for (const auto& [id, backup] : backups_[operation.tenant]) backups.insert(backups.begin(), backup);
  std::vector<domain::BackupPolicy> policies;
  for (const auto& [id, policy] : policies_) policies.push_back(policy);
  // As one who says all of the policy in force.
  domain::Tenant tenant = tenants_[operation.tenant];
  domain::SetRules(domain::PolicyModel(tenant, policies).Result().rules, tenant);
  const auto proven = std::find_if(backups.begin(), backups.end(), domain::Proven);
  for (size_t i = 0; i < backups.size(); ++i) {
    const domain::Backup& backup = backups[i];
    if (backup.id != operation.backup) continue;
    const bool stays = !backup.given_name.empty() || domain::Held(backup) ||
                       backups.begin() + static_cast<ptrdiff_t>(i) == proven ||
                       backup.origin != domain::BackupOrigin::kScheduled;
    if (stays || domain::RulesKeep(tenant, backups, i))
      world_.Violate(
          16, absl::StrCat(backup.id, " of ", backup.tenant, " is kept by its policy and is deleted"));
  }
  world_.tally.Work("backups deleted by retention");
}

}  // namespace croft::sim
