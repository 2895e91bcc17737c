// Converts events to the API and parses requests for them.

#include "controlplane/wire/event.h"

#include <algorithm>
#include <limits>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr size_t kLongestPrefix = 100;

std::string ParseParent(const std::string& parent, Violations& violations) {
  return parent.empty() ? "" : violations.Take(ParseTenantName(parent, "parent"));
}

std::string ParseTypePrefix(const std::string& prefix, Violations& violations) {
  const bool clean = std::all_of(prefix.begin(), prefix.end(),
                                 [](char c) { return absl::ascii_islower(c) || c == '.' || c == '_'; });
  if (clean && prefix.size() <= kLongestPrefix) return prefix;
  violations.Add("type_prefix", "must be the beginning of a type, such as croft.backup");
  return "";
}

int64_t ParsePosition(int64_t position, Violations& violations) {
  return ParseInteger(position, 0, std::numeric_limits<int64_t>::max(), "after_position", violations);
}

std::string QueryOf(const v1::ListEventsRequest& request) {
  return absl::StrCat("events\n", request.after_position(), "\n", request.since().seconds(), "\n",
                      request.since().nanos(), "\n", request.parent(), "\n", request.type_prefix());
}

}  // namespace

v1::Event ToProto(const domain::FleetEvent& event, const std::string& catalog_uid) {
  v1::Event proto;
  proto.set_id(absl::StrCat(event.position));
  proto.set_source(absl::StrCat("urn:croft:", catalog_uid));
  proto.set_specversion("1.0");
  proto.set_type(event.type);
  proto.set_subject(event.subject);
  *proto.mutable_time() = ToProto(event.time);
  for (const auto& [key, value] : event.data) (*proto.mutable_data())[key] = value;
  proto.set_position(event.position);
  if (!event.tenant.empty()) proto.set_tenant(TenantName(event.tenant));
  if (!event.host.empty()) proto.set_host(HostName(event.host));
  return proto;
}

absl::StatusOr<EventList> Parse(const v1::ListEventsRequest& request, const PageTokens& tokens) {
  Violations violations;
  EventList list;
  list.limit = ParsePageSize(request.page_size(), violations);
  list.filter.tenant = ParseParent(request.parent(), violations);
  list.filter.type_prefix = ParseTypePrefix(request.type_prefix(), violations);
  if (request.has_since()) list.filter.since = ParseTime(request.since(), "since", violations);
  list.after = ParsePosition(request.after_position(), violations);
  int64_t reached = 0;
  if (absl::SimpleAtoi(tokens.Parse(request.page_token(), QueryOf(request), violations), &reached)) {
    list.after = reached;
    list.goes_on = true;
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return list;
}

std::string NextPageToken(const v1::ListEventsRequest& request, const PageTokens& tokens,
                          int64_t position) {
  return tokens.Make(QueryOf(request), absl::StrCat(position));
}

absl::StatusOr<EventWatch> Parse(const v1::WatchEventsRequest& request) {
  Violations violations;
  EventWatch watch;
  watch.filter.tenant = ParseParent(request.parent(), violations);
  watch.filter.type_prefix = ParseTypePrefix(request.type_prefix(), violations);
  switch (request.start_case()) {
    case v1::WatchEventsRequest::kAfterPosition:
      watch.after = ParsePosition(request.after_position(), violations);
      break;
    case v1::WatchEventsRequest::kSince:
      watch.filter.since = ParseTime(request.since(), "since", violations);
      watch.from_since = true;
      break;
    case v1::WatchEventsRequest::START_NOT_SET: break;
  }
  CROFT_RETURN_IF_ERROR(violations.ToStatus());
  return watch;
}

}  // namespace croft::wire
