#pragma once

#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/service.h"
#include "controlplane/usage/usage_keeper.h"
#include "controlplane/wire/page_tokens.h"
#include "controlplane/wire/usage.h"
#include "croft/v1/usage.pb.h"

namespace croft::handlers {

// croft.v1.UsageService. Thread-safe.
class UsageHandlers {
 public:
  // All outlive it.
  UsageHandlers(usage::UsageKeeper& keeper, catalog::Catalog& catalog, const wire::PageTokens& tokens,
                const Clock& clock)
      : keeper_(keeper), catalog_(catalog), tokens_(tokens), clock_(clock) {}

  Service service();

 private:
  absl::StatusOr<v1::TenantUsage> GetUsage(const RequestContext& context,
                                           const v1::GetUsageRequest& request);
  absl::StatusOr<v1::ListUsageResponse> ListUsage(const RequestContext& context,
                                                  const v1::ListUsageRequest& request);

  // Of the tenants that the query names.
  absl::StatusOr<v1::ListUsageResponse> ListNamed(const RequestContext& context,
                                                  const wire::UsageListQuery& query);
  absl::Status Add(const domain::Tenant& tenant, const usage::Usage& measured,
                   const std::optional<absl::Time>& since, v1::ListUsageResponse& into);

  usage::UsageKeeper& keeper_;
  catalog::Catalog& catalog_;
  const wire::PageTokens& tokens_;
  const Clock& clock_;
};

}  // namespace croft::handlers
