#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/tenant.h"

// Backup policies: what tenants are backed up by that do not say so themselves. A policy counts for the tenants that carry
// all labels of its selector, and one without labels for all.
namespace croft::domain {

inline constexpr size_t kMostBackupPolicies = 100;

// What a tenant or a policy says of backups. Members are called as in Tenant.
struct BackupRules {
  int32_t backups_kept = 0;
  KeepRules keep;
  absl::Duration backup_every;
  BackupTimes backup_times;
  absl::Duration prove_every;
  std::map<std::string, std::string> prove_on;
  std::vector<std::string> copy_to;
  std::vector<std::string> skip_rows;
  std::set<BackupPart> off;  // there is none of these, whatever less specific policies say

  friend bool operator==(const BackupRules&, const BackupRules&) = default;
};

// What the tenant says itself.
[[nodiscard]] BackupRules RulesOf(const Tenant& tenant);
// The way back: `tenant` says `rules`.
void SetRules(const BackupRules& rules, Tenant& tenant);

// Whether `rules` say something about the part.
[[nodiscard]] bool HasValue(const BackupRules& rules, BackupPart part);
// Whether they decide it: they do, or it is off.
[[nodiscard]] bool Decides(const BackupRules& rules, BackupPart part);
// Has `rules` say nothing about the part; whether it is off stays as it was, and so does the time zone, by which the days of
// retention count too.
void Clear(BackupPart part, BackupRules& rules);

// How far the schedules of tenants follow the last change of a policy. Tenants are walked through in the order of their
// ids, for all policies that were changed at once: a change in the middle of a walk is followed from there on, to the end
// and then from the first tenant to where it began.
struct PolicyRollout {
  bool open = false;
  std::string from;     // id of the tenant behind which it began; empty: at the first
  std::string reached;  // id of the last tenant that was looked at; of all open ones the same
  bool turned = false;  // the walk has begun again at the first tenant
  bool copies = false;  // backups may have to be copied to stores that no policy named before
  int64_t seen = 0;     // tenants that were looked at

  friend bool operator==(const PolicyRollout&, const PolicyRollout&) = default;
};

struct BackupPolicy {
  std::string id;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;                          // raised by every change that is asked for; the etag
  std::map<std::string, std::string> selector;  // labels of tenants; empty: all tenants
  int32_t priority = 0;                         // among those with as many labels the higher one goes first
  BackupRules rules;
  bool deleted = false;  // counts for nobody; the row stays until all schedules follow that
  PolicyRollout rollout;

  friend bool operator==(const BackupPolicy&, const BackupPolicy&) = default;
};

[[nodiscard]] bool Selects(const BackupPolicy& policy, const std::map<std::string, std::string>& labels);

// The policy that counts for a tenant, part by part: what it says itself, or else what the first of the policies that
// select it says: those with more labels before those with less, then those of a higher priority, then by id.
struct PolicyInForce {
  BackupRules rules;  // `off` is empty
  std::map<BackupPart, std::string>
      sources;  // name of the resource that says it; not there: nobody says anything
};

[[nodiscard]] PolicyInForce InForce(const Tenant& tenant, const std::vector<BackupPolicy>& policies);

// Whether the same policies are in force for both, whatever there are: they say and carry the same.
[[nodiscard]] bool SaySame(const Tenant& a, const Tenant& b);

}  // namespace croft::domain
