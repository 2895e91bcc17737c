// Estimates a restore from what earlier ones took.

#include "controlplane/domain/restore_estimate.h"

#include <algorithm>

namespace croft::domain {
namespace {

bool IsMeasured(const Backup& backup) {
  return backup.restore_duration > absl::ZeroDuration() && backup.size_bytes > 0;
}

// The database says more than the archive, which is compressed; agents of earlier versions do not tell it.
double RatioOf(const Backup& wanted, const Backup& measured) {
  const bool known = wanted.database_bytes > 0 && measured.database_bytes > 0;
  const int64_t wanted_bytes = known ? wanted.database_bytes : wanted.size_bytes;
  const int64_t measured_bytes = known ? measured.database_bytes : measured.size_bytes;
  return static_cast<double>(wanted_bytes) / static_cast<double>(measured_bytes);
}

}  // namespace

RestoreEstimate EstimateOf(const Backup& backup, const std::vector<Backup>& backups, const Host& host) {
  RestoreEstimate estimate{.tenant = backup.tenant,
                           .backup = backup.id,
                           .backup_time = backup.create_time,
                           .archive_bytes = backup.size_bytes,
                           .database_bytes = backup.database_bytes,
                           .host = host.id};
  if (!host.report.free_bytes_unknown) estimate.free_bytes = host.report.free_bytes;
  const auto other = std::find_if(backups.begin(), backups.end(), IsMeasured);
  const Backup* measured = IsMeasured(backup) ? &backup : other == backups.end() ? nullptr : &*other;
  if (measured == nullptr) return estimate;
  estimate.measured_with = measured->id;
  estimate.duration = measured->restore_duration * RatioOf(backup, *measured);
  return estimate;
}

}  // namespace croft::domain
