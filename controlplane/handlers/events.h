#pragma once

#include <memory>
#include <vector>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/catalog/commit_barrier.h"
#include "controlplane/handlers/service.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/event.pb.h"

namespace croft::handlers {

// Whether a commit of these changes is one to signal the hub of.
[[nodiscard]] bool HasEvents(const std::vector<catalog::Change>& changes);

// croft.v1.EventService. Thread-safe.
class EventHandlers {
 public:
  // The references outlive it. `hub` is signalled after each commit that HasEvents.
  EventHandlers(catalog::Catalog& catalog, catalog::CommitBarrier& commits, const wire::PageTokens& tokens,
                WatchHub& hub, const Clock& clock)
      : catalog_(catalog), commits_(commits), tokens_(tokens), hub_(hub), clock_(clock) {}

  Service service();

 private:
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const RequestContext& context,
                                                    const v1::ListEventsRequest& request);
  absl::StatusOr<std::unique_ptr<Feed<v1::WatchEventsResponse>>> WatchEvents(
      const RequestContext& context, const v1::WatchEventsRequest& request, Wake wake);

  catalog::Catalog& catalog_;
  catalog::CommitBarrier& commits_;
  const wire::PageTokens& tokens_;
  WatchHub& hub_;
  const Clock& clock_;
};

}  // namespace croft::handlers
