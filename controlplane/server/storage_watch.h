#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/random.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"

namespace croft::server {

// Holds the sizes of tenants' databases against their storage quotas, as often as agents tell of sizes, and tells the engine
// of those that call for a judgement. It remembers nothing: what was refused, what a new quota or the end of a grace makes of
// a size that has not changed, and what was missed while the process was down, the next look finds.
class StorageWatch {
 public:
  // Of a database that a tenant has on a host.
  struct Size {
    int64_t generation = 0;
    int64_t bytes = 0;
  };
  // Nothing where it was not measured yet.
  using SizeOf =
      std::function<absl::StatusOr<std::optional<Size>>(const std::string& uid, const std::string& host)>;

  // `interval` is the time between two looks. All outlive it.
  StorageWatch(catalog::Catalog& catalog, SizeOf size_of, engine::EventQueue& event_queue, Random& random,
               const Clock& clock, absl::Duration interval);
  ~StorageWatch();
  StorageWatch(const StorageWatch&) = delete;
  StorageWatch& operator=(const StorageWatch&) = delete;

  void Start();
  void Stop();
  // Answers how many tenants called for a judgement. An error of the catalog or of the sizes ends the look. Not while
  // started.
  absl::StatusOr<int64_t> LookOnce();

 private:
  void Run();
  absl::StatusOr<bool> Judge(const domain::Tenant& tenant);
  // False when it is to stop.
  bool Rest(absl::Duration time);

  catalog::Catalog& catalog_;
  const SizeOf size_of_;
  engine::EventQueue& event_queue_;
  Random& random_;
  const Clock& clock_;
  const absl::Duration interval_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failing_ = false;  // of the thread
  std::thread thread_;
};

}  // namespace croft::server
