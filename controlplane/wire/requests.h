#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "common/names.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event.h"
#include "controlplane/wire/filter.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/backup.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/operation.pb.h"

// Requests about backups, hosts and operations, with the promises of tenant_requests.h.
namespace croft::wire {

// --- backups
absl::StatusOr<engine::CreateBackup> Parse(const v1::CreateBackupRequest& request);
absl::StatusOr<engine::VerifyBackup> Parse(const v1::VerifyBackupRequest& request);
absl::StatusOr<engine::CopyBackup> Parse(const v1::CopyBackupRequest& request);
absl::StatusOr<engine::DeleteBackup> Parse(const v1::DeleteBackupRequest& request);
absl::StatusOr<engine::HoldBackup> Parse(const v1::HoldBackupRequest& request);
absl::StatusOr<engine::ReleaseBackup> Parse(const v1::ReleaseBackupRequest& request);
absl::StatusOr<engine::ExportBackup> Parse(const v1::ExportBackupRequest& request);
absl::StatusOr<BackupId> Parse(const v1::GetBackupRequest& request);
// All tenants that it reports on, in pages.
absl::StatusOr<catalog::TenantQuery> Parse(const v1::ReportBackupsRequest& request);

struct BackupQuery {
  std::string tenant;  // id; empty is every tenant
  catalog::BackupPosition after;
  int32_t limit = 0;
};
absl::StatusOr<BackupQuery> Parse(const v1::ListBackupsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListBackupsRequest& request, const PageTokens& tokens,
                          const catalog::BackupPosition& last);

// --- hosts
absl::StatusOr<engine::UpdateHost> Parse(const v1::UpdateHostRequest& request);
absl::StatusOr<engine::CordonHost> Parse(const v1::CordonHostRequest& request);
absl::StatusOr<engine::CordonHost> Parse(const v1::UncordonHostRequest& request);
absl::StatusOr<engine::RemoveHost> Parse(const v1::RemoveHostRequest& request);
absl::StatusOr<engine::AcceptMissingHost> Parse(const v1::AcceptMissingHostRequest& request);
absl::StatusOr<engine::AcceptHostIdentity> Parse(const v1::AcceptHostIdentityRequest& request);
// Without its secret, expiry and uid. The default server names are filled in.
absl::StatusOr<engine::CreateJoinToken> Parse(const v1::CreateJoinTokenRequest& request);
absl::StatusOr<std::string> Parse(const v1::GetHostRequest& request);

struct HostQuery {
  HostFilter filter;
  std::string after_id;
  int32_t limit = 0;
};
absl::StatusOr<HostQuery> Parse(const v1::ListHostsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListHostsRequest& request, const PageTokens& tokens,
                          const std::string& last_id);

// --- operations
absl::StatusOr<std::string> Parse(const v1::GetOperationRequest& request);
absl::StatusOr<std::string> Parse(const v1::WatchOperationRequest& request);
absl::StatusOr<engine::CancelOperation> Parse(const v1::CancelOperationRequest& request);

struct OperationWait {
  std::string operation;
  std::optional<absl::Duration> timeout;
};
absl::StatusOr<OperationWait> Parse(const v1::WaitOperationRequest& request);

// The catalog narrows by `query`; what it gives must then pass `matches`.
struct OperationList {
  catalog::OperationQuery query;
  std::function<bool(const domain::Operation&)> matches;
};
absl::StatusOr<OperationList> Parse(const v1::ListOperationsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListOperationsRequest& request, const PageTokens& tokens, int64_t next);

}  // namespace croft::wire
