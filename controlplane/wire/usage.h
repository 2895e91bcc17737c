#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/usage/usage.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/usage.pb.h"

// Usage, with the promises of tenant_requests.h.
namespace croft::wire {

// `measured` is nullptr where nothing is known.
v1::TenantUsage ToProto(absl::string_view tenant, const usage::Usage* measured);
// Sets `counts` and `most_connections` to what `hours` add up to.
void AddUp(const std::vector<usage::Hour>& hours, v1::TenantUsage& into);
void AddHours(const std::vector<usage::Hour>& hours, v1::TenantUsage& into);

struct UsageQuery {
  std::string tenant;  // id
  absl::Time since;
};
absl::StatusOr<UsageQuery> Parse(const v1::GetUsageRequest& request, absl::Time now);

struct StatementsQuery {
  std::string tenant;  // id
  int32_t limit = 0;
};
// `most` is what an unset limit stands for, and what a larger one is cut to.
absl::StatusOr<StatementsQuery> Parse(const v1::ListStatementsRequest& request, int32_t most);

struct UsageListQuery {
  usage::Order order = usage::Order::kSize;
  usage::Position after;
  int32_t limit = 0;
  std::vector<std::string> tenants;  // ids; of all where it is empty
  std::optional<absl::Time> since;
};
absl::StatusOr<UsageListQuery> Parse(const v1::ListUsageRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListUsageRequest& request, const PageTokens& tokens,
                          const usage::Position& last);

}  // namespace croft::wire
