#pragma once

#include <functional>
#include <string>
#include <thread>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/secret_maker.h"

namespace croft::server {

// Looks for schedules whose time has come, makes the secrets that they need, and hands them to the engine, which
// decides. What waits is said once.
class Scheduler {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  // How many in one look: one commit's worth, so that thousands that are due together are spread over many looks.
  static constexpr int32_t kAtOnce = 256;

  // Signs the checkpoint of a cut of the audit; `is_signed` of the constructor knows its signatures.
  using Sign = std::function<absl::StatusOr<std::string>(absl::string_view text)>;

  // All outlive it.
  Scheduler(catalog::Catalog& catalog, engine::EventQueue& event_queue,
            const handlers::SecretMaker& secrets, const Clock& clock, const domain::SchedulePolicy& policy,
            Sign sign, catalog::IsSigned is_signed);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void Start();
  void Stop();
  // For the looks from now on.
  void SetPolicy(const domain::SchedulePolicy& policy);
  // One look. Not while started.
  void LookOnce();

 private:
  void Run();
  absl::StatusOr<engine::RequestBody> RequestOf(const domain::ScheduleKey& key);
  absl::StatusOr<engine::RequestBody> Retirement(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Purge(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Backup(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Proof(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Pruning(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Copying(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Comparison(const std::string& resource) const;
  absl::StatusOr<engine::RequestBody> Cut();
  absl::StatusOr<engine::RequestBody> NextChildren(const std::string& resource) const;
  absl::StatusOr<engine::ChildRequest> ChildOf(const domain::CampaignDetails& campaign,
                                               const domain::Tenant& tenant) const;

  catalog::Catalog& catalog_;
  engine::EventQueue& event_queue_;
  const handlers::SecretMaker& secrets_;
  const Clock& clock_;
  const Sign sign_;
  const catalog::IsSigned is_signed_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  domain::SchedulePolicy policy_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::server
