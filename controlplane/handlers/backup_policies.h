#pragma once

#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/backup_policy.pb.h"

namespace croft::handlers {

// croft.v1.BackupPolicyService. Thread-safe.
class BackupPolicyHandlers {
 public:
  // All outlive it.
  BackupPolicyHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog)
      : event_queue_(event_queue), catalog_(catalog) {}

  Service service();

 private:
  using Policy = absl::StatusOr<v1::SharedBackupPolicy>;

  Policy SetBackupPolicy(const RequestContext& context, const v1::SetBackupPolicyRequest& request);
  Policy GetBackupPolicy(const RequestContext& context, const v1::GetBackupPolicyRequest& request);
  absl::StatusOr<v1::ListBackupPoliciesResponse> ListBackupPolicies(
      const RequestContext& context, const v1::ListBackupPoliciesRequest& request);
  Policy DeleteBackupPolicy(const RequestContext& context, const v1::DeleteBackupPolicyRequest& request);

  // Asks, and shows the policy as it is then.
  template <typename Request>
  Policy Change(const RequestContext& context, const Request& request);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
};

}  // namespace croft::handlers
