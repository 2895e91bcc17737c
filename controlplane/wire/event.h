#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/domain/fleet_event.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/event.pb.h"

// Events, with the promises of tenant_requests.h.
namespace croft::wire {

// Of the catalog with this uid, in the shape of CloudEvents.
v1::Event ToProto(const domain::FleetEvent& event, const std::string& catalog_uid);

// Which events are asked for.
struct EventFilter {
  std::string tenant;  // id; empty: every tenant's, and those of none
  std::string type_prefix;
  absl::Time since = absl::InfinitePast();
};

struct EventList {
  EventFilter filter;
  int64_t after = 0;
  bool goes_on = false;  // `after` is where the page before it ended
  int32_t limit = 0;
};
absl::StatusOr<EventList> Parse(const v1::ListEventsRequest& request, const PageTokens& tokens);
std::string NextPageToken(const v1::ListEventsRequest& request, const PageTokens& tokens, int64_t position);

struct EventWatch {
  EventFilter filter;
  // Neither: from now on.
  std::optional<int64_t> after;
  bool from_since = false;
};
absl::StatusOr<EventWatch> Parse(const v1::WatchEventsRequest& request);

}  // namespace croft::wire
