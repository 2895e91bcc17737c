#pragma once

#include <set>
#include <string>
#include <thread>
#include <utility>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/secret_maker.h"

namespace croft::server {

// Retires tenants whose expire_time has come and purges those whose grace is over, as the caller `system`.
// What cannot be done now is tried again at the next look, and said once.
class Sweeper {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(5);

  // All outlive it.
  Sweeper(catalog::Catalog& catalog, engine::EventQueue& event_queue, const handlers::SecretMaker& secrets,
          const Clock& clock);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  void Start();
  void Stop();
  // One look. Not while started.
  void SweepOnce();

 private:
  void Run();
  absl::Status Sweep(const domain::Tenant& tenant);
  absl::Status Retire(const domain::Tenant& tenant);
  absl::Status Purge(const domain::Tenant& tenant);

  catalog::Catalog& catalog_;
  engine::EventQueue& event_queue_;
  const handlers::SecretMaker& secrets_;
  const Clock& clock_;
  std::set<std::pair<std::string, std::string>> said_;  // (uid, reason)

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace croft::server
