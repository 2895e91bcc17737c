#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/enums.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/metrics/figures.h"

namespace croft::metrics {

// What backups each tenant has, in some 30 bytes a tenant: read once when the control plane starts, page by page, and
// then again for those tenants whose backups a commit changed. It has a thread of its own; commits only leave word.
// Thread-safe.
class BackupCensus {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(5);

  // `catalog` outlives it.
  explicit BackupCensus(catalog::Catalog& catalog) : catalog_(catalog) {}
  ~BackupCensus() { Stop(); }
  BackupCensus(const BackupCensus&) = delete;
  BackupCensus& operator=(const BackupCensus&) = delete;

  void Start();
  void Stop();
  void Apply(const std::vector<catalog::Change>& changes);

  // As of the last look; nullopt until all tenants were read once.
  std::optional<BackupFigures> Read() const;

  // Reads all tenants, and what has changed since. Not while started.
  absl::Status ReadAll();
  absl::Status ReadChanged();

 private:
  static constexpr size_t kStates = CountOf<domain::BackupState>();
  static constexpr uint8_t kMostCounted = 255;  // of one tenant and state

  struct Entry {
    uint32_t create_second = 0;
    uint32_t usable_second = 0;  // of the newest usable backup; 0 for none
    uint32_t proven_second = 0;
    std::array<uint8_t, kStates> stored{};
    uint8_t failed_copies = 0;
    domain::TenantState state = domain::TenantState::kCreating;
  };
  static uint64_t KeyOf(absl::string_view tenant);

  void Run();
  bool Wait(absl::Duration time);
  bool stopping() const;
  absl::Status ReadAllPages();
  absl::Status Read(const std::string& tenant);
  absl::StatusOr<Entry> Count(const domain::Tenant& tenant);
  void Publish();
  BackupFigures Sum() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  catalog::Catalog& catalog_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by hash of the tenant's id
  std::set<std::string> touched_ ABSL_GUARDED_BY(mutex_);                 // tenants to read again
  std::optional<BackupFigures> figures_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::metrics
