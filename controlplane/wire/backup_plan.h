#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/backup_plan.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/backup.pb.h"

// Plans of tenants' backups in the API's form, and the request for them.
namespace croft::wire {

struct BackupPlanQuery {
  std::string tenant;  // id; empty is every one that `tenants` asks for
  catalog::TenantQuery tenants;
};
absl::StatusOr<BackupPlanQuery> Parse(const v1::ListBackupPlansRequest& request, const PageTokens& tokens);
// Of the page after one that ended with the tenant `last_id`.
std::string NextPageToken(const v1::ListBackupPlansRequest& request, const PageTokens& tokens,
                          const std::string& last_id);

v1::BackupPlan ToProto(const domain::Tenant& tenant, const domain::PolicyInForce& policy,
                       const domain::BackupPlan& plan);

}  // namespace croft::wire
