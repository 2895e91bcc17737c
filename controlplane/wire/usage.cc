// Converts usage to the API and parses its requests.

#include "controlplane/wire/usage.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "common/names.h"
#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr absl::Duration kUsualHistory = absl::Hours(24);
constexpr int kMostTenants = 1000;

void Write(const usage::Counts& counts, v1::UsageCounts& into) {
  into.set_commits(counts.commits);
  into.set_rollbacks(counts.rollbacks);
  into.set_blocks_read(counts.blocks_read);
  into.set_blocks_hit(counts.blocks_hit);
  into.set_rows_returned(counts.rows_returned);
  into.set_rows_fetched(counts.rows_fetched);
  into.set_rows_inserted(counts.rows_inserted);
  into.set_rows_updated(counts.rows_updated);
  into.set_rows_deleted(counts.rows_deleted);
  into.set_deadlocks(counts.deadlocks);
  into.set_temporary_bytes(counts.temporary_bytes);
}

std::string QueryOf(const v1::ListUsageRequest& request) {
  return absl::StrCat("usage\n", static_cast<int>(request.order_by()), "\n",
                      request.has_since() ? absl::StrCat(request.since().seconds()) : "", "\n",
                      absl::StrJoin(request.tenants(), "\n"));
}

usage::Order ParseOrder(v1::UsageOrder order, Violations& violations) {
  switch (order) {
    case v1::USAGE_ORDER_UNSPECIFIED:
    case v1::USAGE_ORDER_SIZE: return usage::Order::kSize;
    case v1::USAGE_ORDER_CONNECTIONS: return usage::Order::kConnections;
    case v1::USAGE_ORDER_TRANSACTIONS: return usage::Order::kTransactions;
    default: violations.Add("order_by", "must be one of those that UsageOrder names"); break;
  }
  return usage::Order::kSize;
}

// `VALUE:ID`, as it is sealed in a token.
usage::Position ParsePosition(const std::string& text) {
  usage::Position position;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &position.value) ||
      !absl::SimpleAtoi(parts[1], &position.id)) {
    return {};
  }
  return position;
}

}  // namespace

v1::TenantUsage ToProto(absl::string_view tenant, const usage::Usage* measured) {
  v1::TenantUsage proto;
  proto.set_tenant(TenantName(tenant));
  if (measured == nullptr) return proto;
  proto.set_host(HostName(measured->host));
  *proto.mutable_measure_time() = ToProto(measured->look_time);
  if (measured->size_bytes) {
    proto.set_size_bytes(*measured->size_bytes);
    *proto.mutable_size_time() = ToProto(measured->size_time);
  }
  proto.set_connections(measured->connections);
  proto.set_transactions_per_second(measured->transactions_per_second);
  return proto;
}

void AddUp(const std::vector<usage::Hour>& hours, v1::TenantUsage& into) {
  usage::Counts sum;
  int32_t most = 0;
  for (const usage::Hour& hour : hours) {
    for (const auto member : usage::kAllCounts) sum.*member += hour.counts.*member;
    most = std::max(most, hour.connections);
  }
  Write(sum, *into.mutable_counts());
  into.set_most_connections(most);
}

void AddHours(const std::vector<usage::Hour>& hours, v1::TenantUsage& into) {
  for (const usage::Hour& hour : hours) {
    v1::UsageHour& added = *into.add_hours();
    *added.mutable_start_time() = ToProto(hour.start_time);
    if (hour.size_bytes) added.set_size_bytes(*hour.size_bytes);
    added.set_connections(hour.connections);
    Write(hour.counts, *added.mutable_counts());
  }
}

absl::StatusOr<UsageQuery> Parse(const v1::GetUsageRequest& request, absl::Time now) {
  Violations violations;
  UsageQuery query{.tenant = violations.Take(ParseTenantName(request.name(), "name")),
                   .since = now - kUsualHistory};
  if (request.has_since()) query.since = ParseTime(request.since(), "since", violations);
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

absl::StatusOr<StatementsQuery> Parse(const v1::ListStatementsRequest& request, int32_t most) {
  Violations violations;
  StatementsQuery query{.tenant = violations.Take(ParseTenantName(request.name(), "name")),
                        .limit = request.limit() == 0 ? most : std::min(request.limit(), most)};
  if (request.limit() < 0) violations.Add("limit", "must not be negative");
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

absl::StatusOr<UsageListQuery> Parse(const v1::ListUsageRequest& request, const PageTokens& tokens) {
  Violations violations;
  UsageListQuery query;
  query.limit = ParsePageSize(request.page_size(), violations);
  query.order = ParseOrder(request.order_by(), violations);
  query.after = ParsePosition(tokens.Parse(request.page_token(), QueryOf(request), violations));
  if (request.has_since()) query.since = ParseTime(request.since(), "since", violations);
  if (request.tenants_size() > kMostTenants) {
    violations.Add("tenants", absl::StrCat("must name at most ", kMostTenants));
  } else {
    for (int i = 0; i < request.tenants_size(); ++i) {
      const std::string field = absl::StrCat("tenants[", i, "]");
      query.tenants.push_back(violations.Take(ParseTenantName(request.tenants(i), field)));
    }
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

std::string NextPageToken(const v1::ListUsageRequest& request, const PageTokens& tokens,
                          const usage::Position& last) {
  return tokens.Make(QueryOf(request), absl::StrCat(last.value, ":", last.id));
}

}  // namespace croft::wire
