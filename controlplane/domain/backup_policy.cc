// Works out which backup policy is in force for a tenant.

#include "controlplane/domain/backup_policy.h"

#include <algorithm>
#include <tuple>

#include "common/enums.h"
#include "common/names.h"

namespace croft::domain {
namespace {

auto Said(const Tenant& tenant) {
  return std::tie(tenant.backups_kept, tenant.keep, tenant.backup_every, tenant.backup_times,
                  tenant.prove_every, tenant.prove_on, tenant.copy_to, tenant.skip_rows, tenant.backup_off);
}

void Take(BackupPart part, const BackupRules& from, BackupRules& to) {
  switch (part) {
    case BackupPart::kSchedule:
      to.backup_every = from.backup_every;
      to.backup_times = from.backup_times;
      return;
    case BackupPart::kRetention:
      to.backups_kept = from.backups_kept;
      to.keep = from.keep;
      return;
    case BackupPart::kProofs: to.prove_every = from.prove_every; return;
    case BackupPart::kProofHosts: to.prove_on = from.prove_on; return;
    case BackupPart::kCopies: to.copy_to = from.copy_to; return;
    case BackupPart::kSkippedRows: to.skip_rows = from.skip_rows; return;
  }
}

// Those that select the tenant, the first to be asked first.
std::vector<const BackupPolicy*> InOrder(const std::vector<BackupPolicy>& policies, const Tenant& tenant) {
  std::vector<const BackupPolicy*> chosen;
  for (const BackupPolicy& policy : policies) {
    if (!policy.deleted && Selects(policy, tenant.labels)) chosen.push_back(&policy);
  }
  std::sort(chosen.begin(), chosen.end(), [](const BackupPolicy* a, const BackupPolicy* b) {
    if (a->selector.size() != b->selector.size()) return a->selector.size() > b->selector.size();
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
  });
  return chosen;
}

}  // namespace

BackupRules RulesOf(const Tenant& tenant) {
  return {.backups_kept = tenant.backups_kept,
          .keep = tenant.keep,
          .backup_every = tenant.backup_every,
          .backup_times = tenant.backup_times,
          .prove_every = tenant.prove_every,
          .prove_on = tenant.prove_on,
          .copy_to = tenant.copy_to,
          .skip_rows = tenant.skip_rows,
          .off = tenant.backup_off};
}

void SetRules(const BackupRules& rules, Tenant& tenant) {
  tenant.backups_kept = rules.backups_kept;
  tenant.keep = rules.keep;
  tenant.backup_every = rules.backup_every;
  tenant.backup_times = rules.backup_times;
  tenant.prove_every = rules.prove_every;
  tenant.prove_on = rules.prove_on;
  tenant.copy_to = rules.copy_to;
  tenant.skip_rows = rules.skip_rows;
  tenant.backup_off = rules.off;
}

bool HasValue(const BackupRules& rules, BackupPart part) {
  switch (part) {
    case BackupPart::kSchedule:
      return rules.backup_every > absl::ZeroDuration() || !rules.backup_times.cron.empty();
    case BackupPart::kRetention: return rules.backups_kept > 0 || rules.keep != KeepRules();
    case BackupPart::kProofs: return rules.prove_every > absl::ZeroDuration();
    case BackupPart::kProofHosts: return !rules.prove_on.empty();
    case BackupPart::kCopies: return !rules.copy_to.empty();
    case BackupPart::kSkippedRows: return !rules.skip_rows.empty();
  }
  return false;
}

bool Decides(const BackupRules& rules, BackupPart part) {
  return rules.off.contains(part) || HasValue(rules, part);
}

void Clear(BackupPart part, BackupRules& rules) {
  BackupRules none;
  none.backup_times.time_zone = rules.backup_times.time_zone;
  Take(part, none, rules);
}

bool Selects(const BackupPolicy& policy, const std::map<std::string, std::string>& labels) {
  return std::all_of(policy.selector.begin(), policy.selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

PolicyInForce InForce(const Tenant& tenant, const std::vector<BackupPolicy>& policies) {
  PolicyInForce policy{.rules = RulesOf(tenant)};
  const std::vector<const BackupPolicy*> others = InOrder(policies, tenant);
  for (const BackupPart part : AllOf<BackupPart>()) {
    if (policy.rules.off.contains(part)) Clear(part, policy.rules);
    if (Decides(policy.rules, part)) {
      policy.sources[part] = TenantName(tenant.id);
      continue;
    }
    const auto source = std::find_if(others.begin(), others.end(), [&](const BackupPolicy* other) {
      return Decides(other->rules, part);
    });
    if (source == others.end()) continue;
    policy.sources[part] = BackupPolicyName((*source)->id);
    Take(part, (*source)->rules, policy.rules);
  }
  // A tenant's own zone counts for a policy's times too: the same line, by the clock of each tenant's place.
  if (!tenant.backup_times.time_zone.empty())
    policy.rules.backup_times.time_zone = tenant.backup_times.time_zone;
  policy.rules.off.clear();
  return policy;
}

bool SaySame(const Tenant& a, const Tenant& b) { return a.labels == b.labels && Said(a) == Said(b); }

}  // namespace croft::domain
