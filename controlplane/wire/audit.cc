// Converts audit rows to the API and parses the audit's filter.

#include "controlplane/wire/audit.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr size_t kHashCharacters = 64;

std::string QueryOf(const v1::ListAuditEventsRequest& request) {
  return absl::StrCat("audit\n", request.filter());
}

}  // namespace

v1::AuditEvent ToProto(const domain::AuditRow& row) {
  v1::AuditEvent proto;
  const domain::AuditEvent& event = row.event;
  proto.set_sequence(row.sequence);
  *proto.mutable_time() = ToProto(event.time);
  proto.set_caller(event.caller);
  proto.set_peer(event.peer);
  proto.set_method(event.method);
  for (const absl::string_view name : absl::StrSplit(event.resource, ' ', absl::SkipEmpty())) {
    proto.add_resources(std::string(name));
  }
  proto.set_result(event.result);
  proto.set_request_id(event.request_id);
  proto.set_count(event.count);
  proto.set_hash(row.hash);
  return proto;
}

v1::AuditHead ToProto(const domain::AuditHead& head) {
  v1::AuditHead proto;
  proto.set_sequence(head.sequence);
  proto.set_hash(head.hash);
  return proto;
}

v1::AuditCheckpoint ToProto(const domain::AuditCheckpoint& checkpoint) {
  v1::AuditCheckpoint proto;
  *proto.mutable_head() = ToProto(checkpoint.head);
  *proto.mutable_time() = ToProto(checkpoint.time);
  *proto.mutable_cut_time() = ToProto(checkpoint.cut_time);
  proto.set_signature(checkpoint.signature);
  return proto;
}

absl::StatusOr<AuditQuery> Parse(const v1::ListAuditEventsRequest& request, const PageTokens& tokens) {
  Violations violations;
  AuditQuery query;
  query.limit = ParsePageSize(request.page_size(), violations);
  query.filter = violations.Take(ParseAuditFilter(request.filter()));
  int64_t before = 0;
  if (absl::SimpleAtoi(tokens.Parse(request.page_token(), QueryOf(request), violations), &before)) {
    query.before = before;
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return query;
}

std::string NextPageToken(const v1::ListAuditEventsRequest& request, const PageTokens& tokens,
                          int64_t last_sequence) {
  return tokens.Make(QueryOf(request), absl::StrCat(last_sequence));
}

absl::StatusOr<std::optional<domain::AuditHead>> Parse(const v1::VerifyAuditRequest& request) {
  if (!request.has_expect()) return std::optional<domain::AuditHead>();
  domain::AuditHead head{.sequence = request.expect().sequence(), .hash = request.expect().hash()};
  Violations violations;
  if (head.sequence < 0) violations.Add("expect.sequence", "must not be negative");
  const bool hexadecimal = std::all_of(head.hash.begin(), head.hash.end(), absl::ascii_isxdigit);
  if (head.hash.size() != kHashCharacters || !hexadecimal) {
    violations.Add("expect.hash", "must be 64 hexadecimal digits, as VerifyAudit answered them");
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  head.hash = absl::AsciiStrToLower(head.hash);
  return std::optional<domain::AuditHead>(std::move(head));
}

}  // namespace croft::wire
