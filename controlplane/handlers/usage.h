#pragma once

#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/fleet/statement_questions.h"
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
  UsageHandlers(usage::UsageKeeper& keeper, catalog::Catalog& catalog, fleet::StatementSource& agents,
                const wire::PageTokens& tokens, const Clock& clock)
      : keeper_(keeper), catalog_(catalog), agents_(agents), tokens_(tokens), clock_(clock) {}

  Service service();

 private:
  absl::StatusOr<v1::TenantUsage> GetUsage(const RequestContext& context,
                                           const v1::GetUsageRequest& request);
  absl::StatusOr<v1::ListUsageResponse> ListUsage(const RequestContext& context,
                                                  const v1::ListUsageRequest& request);
  void ListStatements(const RequestContext& context, const v1::ListStatementsRequest& request,
                      Respond<v1::ListStatementsResponse> respond);

  // Of the tenants that the query names.
  absl::StatusOr<v1::ListUsageResponse> ListNamed(const RequestContext& context,
                                                  const wire::UsageListQuery& query);
  absl::Status Add(const domain::Tenant& tenant, const usage::Usage& measured,
                   const std::optional<absl::Time>& since, v1::ListUsageResponse& into);

  usage::UsageKeeper& keeper_;
  catalog::Catalog& catalog_;
  fleet::StatementSource& agents_;
  const wire::PageTokens& tokens_;
  const Clock& clock_;
};

}  // namespace croft::handlers
