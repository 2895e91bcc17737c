// Implements AuditService.

#include "controlplane/handlers/audit.h"

#include <limits>
#include <optional>
#include <vector>

#include "common/errors.h"
#include "controlplane/wire/audit.h"

namespace croft::handlers {
namespace {

constexpr int32_t kRowsAtOnce = 1000;
// A call that finds little answers a short page after so many rows, instead of nothing for long.
constexpr int kRowsLookedAt = 20'000;

}  // namespace

Service AuditHandlers::service() {
  Service service("croft.v1.AuditService");
  service.Unary("ListAuditEvents", *this, &AuditHandlers::ListAuditEvents);
  service.Unary("VerifyAudit", *this, &AuditHandlers::VerifyAudit);
  return service;
}

absl::StatusOr<v1::ListAuditEventsResponse> AuditHandlers::ListAuditEvents(
    const RequestContext& context, const v1::ListAuditEventsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::AuditQuery query, wire::Parse(request, tokens_));
  v1::ListAuditEventsResponse response;
  int64_t before = query.before.value_or(std::numeric_limits<int64_t>::max());
  for (int looked_at = 0; looked_at < kRowsLookedAt; looked_at += kRowsAtOnce) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<domain::AuditRow> rows,
                           catalog_.ListAuditBefore(before, kRowsAtOnce));
    for (const domain::AuditRow& row : rows) {
      if (response.events_size() == query.limit) {
        response.set_next_page_token(wire::NextPageToken(request, tokens_, before));
        return response;
      }
      before = row.sequence;
      if (query.filter(row)) *response.add_events() = wire::ToProto(row);
    }
    if (rows.size() < static_cast<size_t>(kRowsAtOnce)) return response;
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  response.set_next_page_token(wire::NextPageToken(request, tokens_, before));
  return response;
}

absl::StatusOr<v1::VerifyAuditResponse> AuditHandlers::VerifyAudit(const RequestContext& context,
                                                                   const v1::VerifyAuditRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::AuditHead> expected, wire::Parse(request));
  // Noted before the rows are read: those that come meanwhile are more, never fewer.
  CROFT_ASSIGN_OR_RETURN(const domain::AuditHead recorded, catalog_.RecordedAuditHead());
  std::vector<domain::AuditHead> anchors = {recorded};
  if (expected) anchors.push_back(*expected);
  CROFT_ASSIGN_OR_RETURN(const catalog::ProvenAudit proven,
                         catalog::VerifyAudit(catalog_, anchors, is_signed_,
                                              [&] { return context.cancellation->cancelled(); }));
  v1::VerifyAuditResponse response;
  *response.mutable_head() = wire::ToProto(proven.head);
  if (proven.pruned) *response.mutable_pruned() = wire::ToProto(*proven.pruned);
  return response;
}

}  // namespace croft::handlers
