#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/tenant.h"

namespace croft::domain {

// Whether a rule of the tenant's policy keeps this one of its backups, which are newest first: as the API says it, counted
// for each backup anew and by what a calendar prints.
inline bool RulesKeep(const Tenant& tenant, const std::vector<Backup>& backups, size_t index) {
  absl::TimeZone zone;
  if (!tenant.backup_times.time_zone.empty()) absl::LoadTimeZone(tenant.backup_times.time_zone, &zone);
  const auto counts = [](const Backup& one) {
    return Usable(one) && one.origin == BackupOrigin::kScheduled;
  };
  const KeepRules& keep = tenant.keep;
  const bool other_rules = keep.within > absl::ZeroDuration() || keep.daily > 0 || keep.weekly > 0 ||
                           keep.monthly > 0 || keep.yearly > 0;
  const int32_t newest = tenant.backups_kept > 0 ? tenant.backups_kept : other_rules ? 1 : 7;
  std::vector<Backup> newer;
  std::copy_if(backups.begin(), backups.begin() + static_cast<ptrdiff_t>(index), std::back_inserter(newer),
               counts);
  const Backup& backup = backups[index];
  if (newer.size() < static_cast<size_t>(newest)) return true;
  if (keep.within > absl::ZeroDuration() && newer.front().create_time - backup.create_time <= keep.within) {
    return true;
  }
  if (!counts(backup)) return false;
  const std::pair<const char*, int32_t> periods[] = {
      {"%Y-%m-%d", keep.daily}, {"%G-%V", keep.weekly}, {"%Y-%m", keep.monthly}, {"%Y", keep.yearly}};
  for (const auto& [format, count] : periods) {
    std::set<std::string> seen;
    for (const Backup& one : newer) seen.insert(absl::FormatTime(format, one.create_time, zone));
    const bool first = !seen.contains(absl::FormatTime(format, backup.create_time, zone));
    if (first && seen.size() < static_cast<size_t>(count)) return true;
  }
  return false;
}

}  // namespace croft::domain
