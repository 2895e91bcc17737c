#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

// Requests as the engine takes them. Each checks every field and answers INVALID_ARGUMENT with a violation for
// each bad one. What is random or secret (operation ids, uids, role names, credentials, backups) is left empty
// for the caller to make. Safe for any message.
namespace croft::wire {

absl::StatusOr<engine::CreateTenant> Parse(const v1::CreateTenantRequest& request);
absl::StatusOr<engine::UpdateTenant> Parse(const v1::UpdateTenantRequest& request);
absl::StatusOr<engine::SuspendTenant> Parse(const v1::SuspendTenantRequest& request);
absl::StatusOr<engine::ResumeTenant> Parse(const v1::ResumeTenantRequest& request);
absl::StatusOr<engine::RetireTenant> Parse(const v1::RetireTenantRequest& request);
absl::StatusOr<engine::UndeleteTenant> Parse(const v1::UndeleteTenantRequest& request);
absl::StatusOr<engine::PurgeTenant> Parse(const v1::PurgeTenantRequest& request);
absl::StatusOr<engine::RestoreTenant> Parse(const v1::RestoreTenantRequest& request);
absl::StatusOr<engine::UndoRestore> Parse(const v1::UndoRestoreRequest& request);
absl::StatusOr<engine::RotateCredentials> Parse(const v1::RotateCredentialsRequest& request);
// Without the number of tenants.
absl::StatusOr<engine::StartCampaign> Parse(const v1::StartCampaignRequest& request);
// The id.
absl::StatusOr<std::string> Parse(const v1::GetTenantRequest& request);
// Id or uid.
absl::StatusOr<std::string> Parse(const v1::GetErasureRequest& request);

absl::StatusOr<catalog::TenantQuery> Parse(const v1::ListTenantsRequest& request, const PageTokens& tokens);
// Of the page after one that ended with the tenant `last_id`.
std::string NextPageToken(const v1::ListTenantsRequest& request, const PageTokens& tokens,
                          const std::string& last_id);

}  // namespace croft::wire
