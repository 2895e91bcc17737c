#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "controlplane/domain/backup_policy.h"

namespace croft::domain {

// The policy in force as docs/backups.md says it, one part after the other, without the order and the helpers of the code
// that it is held against.
class PolicyModel {
 public:
  PolicyModel(const Tenant& tenant, const std::vector<BackupPolicy>& policies)
      : tenant_(tenant), policies_(policies), own_(RulesOf(tenant)) {}

  PolicyInForce Result() {
    const BackupRules& times = Choose(BackupPart::kSchedule, [](const BackupRules& rules) {
      return rules.backup_every != absl::ZeroDuration() || rules.backup_times.cron != "";
    });
    result_.rules.backup_every = times.backup_every;
    result_.rules.backup_times = times.backup_times;
    if (own_.backup_times.time_zone != "")
      result_.rules.backup_times.time_zone = own_.backup_times.time_zone;
    const BackupRules& kept = Choose(BackupPart::kRetention, [](const BackupRules& rules) {
      return rules.backups_kept != 0 || rules.keep.within != absl::ZeroDuration() ||
             rules.keep.daily != 0 || rules.keep.weekly != 0 || rules.keep.monthly != 0 ||
             rules.keep.yearly != 0;
    });
    result_.rules.backups_kept = kept.backups_kept;
    result_.rules.keep = kept.keep;
    result_.rules.prove_every = Choose(BackupPart::kProofs, [](const BackupRules& rules) {
                                  return rules.prove_every != absl::ZeroDuration();
                                }).prove_every;
    result_.rules.prove_on = Choose(BackupPart::kProofHosts, [](const BackupRules& rules) {
                               return rules.prove_on.size() > 0;
                             }).prove_on;
    result_.rules.copy_to = Choose(BackupPart::kCopies, [](const BackupRules& rules) {
                              return rules.copy_to.size() > 0;
                            }).copy_to;
    result_.rules.skip_rows = Choose(BackupPart::kSkippedRows, [](const BackupRules& rules) {
                                return rules.skip_rows.size() > 0;
                              }).skip_rows;
    return result_;
  }

 private:
  // Who says something about the part or that it is off: the tenant, or of the policies whose labels it has the one that
  // is above all others. The tenant, too, where nobody does.
  template <typename SaysSomething>
  const BackupRules& Choose(BackupPart part, SaysSomething says) {
    const auto decides = [&](const BackupRules& rules) { return says(rules) || rules.off.count(part) > 0; };
    if (decides(own_)) {
      result_.sources[part] = "tenants/" + tenant_.id;
      return own_;
    }
    const BackupPolicy* best = nullptr;
    for (const BackupPolicy& policy : policies_) {
      if (policy.deleted || !decides(policy.rules)) continue;
      size_t carried = 0;
      for (const auto& [key, value] : policy.selector) {
        const auto label = tenant_.labels.find(key);
        carried += label != tenant_.labels.end() && label->second == value;
      }
      if (carried < policy.selector.size()) continue;
      if (best == nullptr || Above(policy, *best)) best = &policy;
    }
    if (best == nullptr) return own_;
    result_.sources[part] = "backupPolicies/" + best->id;
    return best->rules;
  }

  static bool Above(const BackupPolicy& a, const BackupPolicy& b) {
    if (a.selector.size() > b.selector.size()) return true;
    if (a.selector.size() < b.selector.size()) return false;
    if (a.priority > b.priority) return true;
    if (a.priority < b.priority) return false;
    return a.id < b.id;
  }

  const Tenant& tenant_;
  const std::vector<BackupPolicy>& policies_;
  const BackupRules own_;
  PolicyInForce result_;
};

}  // namespace croft::domain
