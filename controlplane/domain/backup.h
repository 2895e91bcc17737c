#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/time/time.h>

namespace croft::domain {

enum class BackupState { kCreating, kAvailable, kVerified, kFailed, kDeleting };
enum class BackupOrigin { kManual, kFinal, kScheduled };

struct Backup {
  std::string tenant;  // id
  std::string id;
  std::string tenant_uid;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
  BackupState state = BackupState::kCreating;
  BackupOrigin origin = BackupOrigin::kManual;
  std::string store;
  int64_t size_bytes = 0;
  std::string sha256;
  int64_t generation = 0;
  std::string server_version;
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::optional<absl::Time> verify_time;
  // Its own key, wrapped by the tenant's data key.
  std::string wrapped_key;

  friend bool operator==(const Backup&, const Backup&) = default;
};

// Stored whole: it can be restored from.
inline bool Usable(const Backup& backup) {
  return backup.state == BackupState::kAvailable || backup.state == BackupState::kVerified;
}

}  // namespace croft::domain
