#pragma once

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

#include "controlplane/domain/backup_policy.h"
#include "controlplane/engine/event.h"
#include "controlplane/wire/violations.h"
#include "croft/v1/backup_policy.pb.h"
#include "croft/v1/tenant.pb.h"

// Backup policies in the API's form, and the requests for them.
namespace croft::wire {

v1::BackupPolicyInForce ToProto(const domain::PolicyInForce& policy);
// `tenants`: how many there are.
v1::SharedBackupPolicy ToProto(const domain::BackupPolicy& policy, int64_t tenants);

// Notes what a tenant or a policy cannot say at once, under `field`.
void CheckRules(const domain::BackupRules& rules, absl::string_view field, Violations& violations);

absl::StatusOr<engine::SetBackupPolicy> Parse(const v1::SetBackupPolicyRequest& request);
absl::StatusOr<engine::DeleteBackupPolicy> Parse(const v1::DeleteBackupPolicyRequest& request);
// The id.
absl::StatusOr<std::string> Parse(const v1::GetBackupPolicyRequest& request);

}  // namespace croft::wire
