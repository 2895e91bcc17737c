#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "controlplane/domain/audit.h"
#include "controlplane/wire/filter.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/audit.pb.h"

// The audit, with the promises of tenant_requests.h.
namespace croft::wire {

v1::AuditEvent ToProto(const domain::AuditRow& row);
v1::AuditHead ToProto(const domain::AuditHead& head);
v1::AuditCheckpoint ToProto(const domain::AuditCheckpoint& checkpoint);

struct AuditQuery {
  AuditFilter filter;
  std::optional<int64_t> before;  // rows below this sequence; none: from the newest
  int32_t limit = 0;
};
absl::StatusOr<AuditQuery> Parse(const v1::ListAuditEventsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListAuditEventsRequest& request, const PageTokens& tokens,
                          int64_t last_sequence);

// The head that is expected, if any.
absl::StatusOr<std::optional<domain::AuditHead>> Parse(const v1::VerifyAuditRequest& request);

}  // namespace croft::wire
