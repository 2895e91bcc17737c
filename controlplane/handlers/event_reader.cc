// Reads the events that one caller may see.

#include "controlplane/handlers/event_reader.h"

#include <algorithm>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::handlers {
namespace {

constexpr int32_t kLookedAtOnce = 1000;

absl::Status Unknown(const domain::EventLog& log, int64_t position, absl::string_view reason,
                     absl::string_view why) {
  return MakeError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("position ", position, ": ", why, "; events are kept after position ", log.pruned,
                   ", up to ", log.last, ". List what is there now, and read events from there on"),
      {.reason = std::string(reason),
       .metadata = {{"position", absl::StrCat(position)},
                    {"oldest", absl::StrCat(log.pruned)},
                    {"newest", absl::StrCat(log.last)}}});
}

absl::Status Check(const domain::EventLog& log, int64_t position) {
  if (position < log.pruned)
    return Unknown(log, position, "EVENTS_PRUNED", "the events after it are not all kept any more");
  if (position > log.last)
    return Unknown(log, position, "POSITION_UNKNOWN", "no event of this catalog has come to it");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> EventReader::Newest() {
  CROFT_ASSIGN_OR_RETURN(const domain::EventLog log, catalog_.GetEventLog());
  return log.last;
}

absl::StatusOr<int64_t> EventReader::Begin(int64_t position) {
  CROFT_ASSIGN_OR_RETURN(const domain::EventLog log, catalog_.GetEventLog());
  if (position == 0) position = log.pruned;
  CROFT_RETURN_IF_ERROR(Check(log, position));
  if (filter_.since == absl::InfinitePast()) return position;
  CROFT_ASSIGN_OR_RETURN(const int64_t since, catalog_.PositionBefore(filter_.since));
  return std::max(position, since);
}

absl::StatusOr<EventReader::Part> EventReader::Read(int64_t position, int32_t limit) {
  CROFT_ASSIGN_OR_RETURN(
      const catalog::EventPage page,
      catalog_.ListEvents({.after = position, .tenant = filter_.tenant, .limit = kLookedAtOnce}));
  CROFT_RETURN_IF_ERROR(Check(page.log, position));
  seen_.clear();
  Part part{.position = position};
  for (const domain::FleetEvent& event : page.events) {
    if (part.events.size() == static_cast<size_t>(limit)) return part;
    CROFT_ASSIGN_OR_RETURN(const bool sees, Sees(event));
    if (sees) part.events.push_back(wire::ToProto(event, page.log.uid));
    part.position = event.position;
  }
  part.caught_up = page.events.size() < static_cast<size_t>(kLookedAtOnce);
  if (part.caught_up) part.position = page.log.last;
  return part;
}

absl::StatusOr<bool> EventReader::Sees(const domain::FleetEvent& event) {
  if (!absl::StartsWith(event.type, filter_.type_prefix) || event.time < filter_.since) return false;
  if (!event.tenant.empty()) return SeesTenant(event);
  // What happened to the catalog concerns every reader; hosts are the fleet's.
  return event.host.empty() || policy_.Sees(context_.principal, context_.caller.method, "", nullptr);
}

// By the labels that the tenant has now. Those of a tenant whose id another one has taken are not known any more.
absl::StatusOr<bool> EventReader::SeesTenant(const domain::FleetEvent& event) {
  const auto [known, fresh] = seen_.try_emplace({event.tenant, event.tenant_uid}, false);
  if (!fresh) return known->second;
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(event.tenant));
  const bool same = tenant && tenant->uid == event.tenant_uid;
  known->second = policy_.Sees(context_.principal, context_.caller.method, event.tenant,
                               same ? &tenant->labels : nullptr);
  return known->second;
}

}  // namespace croft::handlers
