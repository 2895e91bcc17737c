#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/handlers/catalog_copy.h"

namespace croft::server {

// Keeps copies of the catalog in a folder, one an hour, the newest 24, each with its digest beside it
// (`catalog-<time>.db`, `catalog-<time>.db.sha256`); and makes those that are asked for. What cannot be done is logged
// and tried again.
class CatalogCopies final : public handlers::CatalogCopier {
 public:
  static constexpr absl::Duration kInterval = absl::Hours(1);
  static constexpr size_t kKept = 24;
  static constexpr int kOpenAtOnce = 4;  // each takes the room of a catalog on the disk

  // The references outlive it.
  CatalogCopies(catalog::SqliteCatalog& catalog, std::string folder, const Clock& clock);
  ~CatalogCopies() override;
  CatalogCopies(const CatalogCopies&) = delete;
  CatalogCopies& operator=(const CatalogCopies&) = delete;

  void Start();
  void Stop();
  // Makes a copy if the newest is an hour old, and removes those that are too many. Not while started.
  absl::Status Maintain();
  // Names of the copies in the folder, oldest first.
  absl::StatusOr<std::vector<std::string>> List() const;
  // When the newest of them was made; nullopt when there is none.
  std::optional<absl::Time> newest() const;

  absl::StatusOr<std::shared_ptr<const handlers::CatalogCopy>> Copy() override;

 private:
  absl::Status MakeFolder() const;
  void RemoveCut() const;
  std::string PathOf(absl::string_view name) const;
  absl::Status Keep(const std::string& name);
  void Remove(const std::string& name) const;
  void Run();

  catalog::SqliteCatalog& catalog_;
  const std::string folder_;
  const Clock& clock_;
  // Outlives this as long as somebody reads.
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<uint64_t> outgoing_ = 0;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace croft::server
