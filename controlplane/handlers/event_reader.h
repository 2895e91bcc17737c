#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "controlplane/access/policy.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/context.h"
#include "controlplane/wire/event.h"

namespace croft::handlers {

// Reads the events that one caller may see, part by part. Not thread-safe.
class EventReader {
 public:
  // The references outlive it. `context` is copied.
  EventReader(catalog::Catalog& catalog, const RequestContext& context, wire::EventFilter filter)
      : catalog_(catalog), context_(context), filter_(std::move(filter)) {}

  // Where reading begins: after `position`, 0 for all that is kept, and not before the filter's time. OUT_OF_RANGE for a
  // position that is no more, or not yet, known.
  absl::StatusOr<int64_t> Begin(int64_t position);
  // The position of the newest event.
  absl::StatusOr<int64_t> Newest();

  struct Part {
    std::vector<v1::Event> events;
    int64_t position = 0;    // all events up to here were looked at
    bool caught_up = false;  // there are no more now
  };
  // At most `limit` events after `position`; looks at about a thousand. OUT_OF_RANGE when events after it were pruned
  // meanwhile.
  absl::StatusOr<Part> Read(int64_t position, int32_t limit);

 private:
  absl::StatusOr<bool> Sees(const domain::FleetEvent& event);
  absl::StatusOr<bool> SeesTenant(const domain::FleetEvent& event);

  catalog::Catalog& catalog_;
  const RequestContext context_;
  const wire::EventFilter filter_;
  access::Policy policy_;
  // What was found out for the part that is being read: by tenant and its uid.
  std::map<std::pair<std::string, std::string>, bool> seen_;
};

}  // namespace croft::handlers
