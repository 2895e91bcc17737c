// Implements UsageService.

#include "controlplane/handlers/usage.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/fields.h"

namespace croft::handlers {
namespace {

constexpr int32_t kRowsAtOnce = 500;
// A call that finds little answers a short page after so many rows, instead of nothing for long. Each costs a look into
// the catalog.
constexpr int32_t kRowsLookedAt = 5'000;
// Hours that one page may add up, each of which costs a look into the file.
constexpr int64_t kHoursAPage = 100'000;

bool IsShown(const RequestContext& context, const std::optional<domain::Tenant>& tenant) {
  if (!tenant || tenant->state == domain::TenantState::kPurged) return false;
  return access::Policy().Sees(context.principal, context.caller.method, tenant->id, &tenant->labels);
}

// Responds once, with what comes first: the agent's answer, or that the caller has gone.
class OneAnswer {
 public:
  explicit OneAnswer(Respond<v1::ListStatementsResponse> respond) : respond_(std::move(respond)) {}

  void Give(absl::StatusOr<v1::ListStatementsResponse> answer) {
    if (!given_.exchange(true)) respond_(std::move(answer));
  }

 private:
  const Respond<v1::ListStatementsResponse> respond_;
  std::atomic<bool> given_ = false;
};

// So many tenants that their hours since then are not too many.
int32_t LimitBy(int32_t limit, const std::optional<absl::Time>& since, absl::Time now) {
  if (!since) return limit;
  const int64_t hours = std::clamp<int64_t>(absl::ToInt64Hours(now - *since) + 1, 1, 24 * 31);
  return static_cast<int32_t>(std::min<int64_t>(limit, kHoursAPage / hours));
}

}  // namespace

Service UsageHandlers::service() {
  Service service("croft.v1.UsageService");
  service.Unary("GetUsage", *this, &UsageHandlers::GetUsage);
  service.Unary("ListUsage", *this, &UsageHandlers::ListUsage);
  service.DeferredUnary("ListStatements", *this, &UsageHandlers::ListStatements);
  return service;
}

absl::StatusOr<v1::TenantUsage> UsageHandlers::GetUsage(const RequestContext&,
                                                        const v1::GetUsageRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::UsageQuery query, wire::Parse(request, clock_.Now()));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(query.tenant));
  if (!tenant || tenant->state == domain::TenantState::kPurged) return domain::TenantNotFound(query.tenant);
  CROFT_ASSIGN_OR_RETURN(const std::optional<usage::Usage> measured,
                         keeper_.Find(tenant->uid, tenant->placement.host));
  v1::TenantUsage usage = wire::ToProto(tenant->id, measured ? &*measured : nullptr);
  if (!measured) return usage;
  CROFT_ASSIGN_OR_RETURN(const std::vector<usage::Hour> hours, keeper_.Hours(measured->id, query.since));
  wire::AddUp(hours, usage);
  wire::AddHours(hours, usage);
  return usage;
}

absl::StatusOr<v1::ListUsageResponse> UsageHandlers::ListUsage(const RequestContext& context,
                                                               const v1::ListUsageRequest& request) {
  CROFT_ASSIGN_OR_RETURN(wire::UsageListQuery query, wire::Parse(request, tokens_));
  if (!query.tenants.empty()) return ListNamed(context, query);
  const int32_t limit = LimitBy(query.limit, query.since, clock_.Now());
  v1::ListUsageResponse response;
  for (int32_t looked_at = 0; looked_at < kRowsLookedAt; looked_at += kRowsAtOnce) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<usage::Ranked> rows,
                           keeper_.List(query.order, query.after, kRowsAtOnce));
    for (const usage::Ranked& row : rows) {
      if (response.usage_size() == limit) {
        response.set_next_page_token(wire::NextPageToken(request, tokens_, query.after));
        return response;
      }
      query.after = row.position;
      CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant,
                             catalog_.GetTenantByUid(row.usage.uid));
      // What another host than the tenant's tells of is not the tenant's, or is not any more.
      if (!IsShown(context, tenant) || tenant->placement.host != row.usage.host) continue;
      CROFT_RETURN_IF_ERROR(Add(*tenant, row.usage, query.since, response));
    }
    if (rows.size() < static_cast<size_t>(kRowsAtOnce)) return response;
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  response.set_next_page_token(wire::NextPageToken(request, tokens_, query.after));
  return response;
}

void UsageHandlers::ListStatements(const RequestContext& context, const v1::ListStatementsRequest& request,
                                   Respond<v1::ListStatementsResponse> respond) {
  const absl::StatusOr<wire::StatementsQuery> query = wire::Parse(request, fleet::kMostStatements);
  if (!query.ok()) return respond(query.status());
  const absl::StatusOr<std::optional<domain::Tenant>> found = catalog_.GetTenant(query->tenant);
  if (!found.ok()) return respond(found.status());
  const std::optional<domain::Tenant>& tenant = *found;
  if (!tenant || tenant->state == domain::TenantState::kPurged) {
    return respond(domain::TenantNotFound(query->tenant));
  }
  const auto answer = std::make_shared<OneAnswer>(std::move(respond));
  context.cancellation->OnCancel([answer] { answer->Give(absl::CancelledError("the caller has gone")); });
  agents_.AskStatements(tenant->placement.host, tenant->placement.database, query->limit,
                        [answer](absl::StatusOr<std::vector<v1::StatementUsage>> statements) {
                          if (!statements.ok()) return answer->Give(std::move(statements).status());
                          v1::ListStatementsResponse response;
                          for (v1::StatementUsage& statement : *statements) {
                            *response.add_statements() = std::move(statement);
                          }
                          answer->Give(std::move(response));
                        });
}

absl::StatusOr<v1::ListUsageResponse> UsageHandlers::ListNamed(const RequestContext& context,
                                                               const wire::UsageListQuery& query) {
  v1::ListUsageResponse response;
  for (const std::string& id : query.tenants) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(id));
    if (!IsShown(context, tenant)) continue;
    CROFT_ASSIGN_OR_RETURN(const std::optional<usage::Usage> measured,
                           keeper_.Find(tenant->uid, tenant->placement.host));
    if (measured) CROFT_RETURN_IF_ERROR(Add(*tenant, *measured, query.since, response));
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  return response;
}

absl::Status UsageHandlers::Add(const domain::Tenant& tenant, const usage::Usage& measured,
                                const std::optional<absl::Time>& since, v1::ListUsageResponse& into) {
  v1::TenantUsage& usage = *into.add_usage();
  usage = wire::ToProto(tenant.id, &measured);
  if (!since) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const std::vector<usage::Hour> hours, keeper_.Hours(measured.id, *since));
  wire::AddUp(hours, usage);
  return absl::OkStatus();
}

}  // namespace croft::handlers
