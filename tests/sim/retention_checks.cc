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

domain::Tenant RetentionChecks::WithPolicy(domain::Tenant tenant) const {
  std::vector<domain::BackupPolicy> policies;
  for (const auto& [id, policy] : policies_) policies.push_back(policy);
  domain::SetRules(domain::PolicyModel(tenant, policies).Result().rules, tenant);
  return tenant;
}

void RetentionChecks::Remember(const domain::Tenant& tenant) {
  const domain::Tenant now = WithPolicy(tenant);
  const domain::BackupRules rules{.backups_kept = now.backups_kept,
                                  .keep = now.keep,
                                  .backup_times = {.time_zone = now.backup_times.time_zone}};
  Rules& known = rules_[tenant.id];
  if (known.rules != rules) known = {rules, world_.scheduler.Now()};
}

absl::Time RetentionChecks::LastChange(const std::string& tenant) const {
  const auto known = rules_.find(tenant);
  return known == rules_.end() ? absl::InfinitePast() : known->second.since;
}

void RetentionChecks::Note(const catalog::PutTenant& put) {
  tenants_[put.tenant.id] = put.tenant;
  Remember(put.tenant);
}

void RetentionChecks::Note(const catalog::PutBackupPolicy& put) {
  policies_[put.policy.id] = put.policy;
  for (const auto& [id, tenant] : tenants_) Remember(tenant);
}

void RetentionChecks::Note(const catalog::DeleteBackupPolicy& deleted) {
  policies_.erase(deleted.id);
  for (const auto& [id, tenant] : tenants_) Remember(tenant);
}

// Its backup is not yet being deleted: a decision puts operations before backups.
void RetentionChecks::Note(const catalog::PutOperation& put) {
  const domain::Operation& operation = put.operation;
  const bool begins = begun_.insert(operation.id).second;
  if (!begins || operation.kind != domain::OperationKind::kDeleteBackup || operation.caller != "system")
    return;
  std::vector<domain::Backup> backups;  // newest first
  for (const auto& [id, backup] : backups_[operation.tenant]) backups.insert(backups.begin(), backup);
  const domain::Tenant tenant = WithPolicy(tenants_[operation.tenant]);
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
