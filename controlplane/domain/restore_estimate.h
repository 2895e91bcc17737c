#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/host.h"

// What a restore would take and lose, as far as it was measured.
namespace croft::domain {

struct RestoreEstimate {
  std::string tenant;  // ids
  std::string backup;
  absl::Time backup_time;      // what was committed since is lost
  int64_t archive_bytes = 0;   // to be read
  int64_t database_bytes = 0;  // 0: not known
  std::string host;            // id
  std::optional<int64_t> free_bytes;
  std::optional<absl::Duration> duration;
  std::string
      measured_with;  // id of the backup whose restore or proof took `duration`, before it was scaled
};

// `backups` are the tenant's, newest first. One that was never restored is judged by the newest other one that was, in
// proportion to their sizes.
[[nodiscard]] RestoreEstimate EstimateOf(const Backup& backup, const std::vector<Backup>& backups,
                                         const Host& host);

}  // namespace croft::domain
