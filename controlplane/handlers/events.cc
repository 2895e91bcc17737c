// Implements EventService.

#include "controlplane/handlers/events.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/errors.h"
#include "controlplane/handlers/event_reader.h"
#include "controlplane/wire/event.h"

namespace croft::handlers {
namespace {

constexpr int32_t kEventsInMessage = 500;
// A call that finds little answers after so many parts, instead of nothing for long.
constexpr int kPartsLookedAt = 20;

// Events as they happen. What a subscriber costs is its position: it reads the log itself whenever it can take more, so
// that a reader that does not read holds nothing back and misses nothing that is kept.
class EventFeed final : public Feed<v1::WatchEventsResponse> {
 public:
  EventFeed(EventReader reader, catalog::CommitBarrier& commits, int64_t position, WatchHub& hub,
            const Clock& clock, Wake wake)
      : reader_(std::move(reader)),
        commits_(commits),
        hub_(hub),
        clock_(clock),
        position_(position),
        ticket_(hub.Subscribe(std::move(wake), progress_)) {}
  ~EventFeed() override { hub_.Unsubscribe(ticket_); }

  Pulled<v1::WatchEventsResponse> Next() override {
    v1::WatchEventsResponse response;
    caught_up_ = false;
    for (int parts = 0; parts < kPartsLookedAt && !caught_up_ && response.events().empty(); ++parts) {
      absl::StatusOr<EventReader::Part> part = reader_.Read(position_, kEventsInMessage);
      if (!part.ok()) return EndOfStream{part.status()};
      position_ = part->position;
      caught_up_ = part->caught_up;
      for (v1::Event& event : part->events) *response.add_events() = std::move(event);
    }
    if (caught_up_) progress_->CatchUp();
    if (response.events().empty() && caught_up_ && !BookmarkIsDue()) return NothingYet();
    response.set_position(position_);
    last_sent_ = clock_.Now();
    if (!response.events().empty()) commits_.Await();
    return response;
  }

  bool MayHaveMore() const override { return !caught_up_; }

 private:
  // At the start, and now and then: it moves the place to resume from, and shows that the stream lives.
  bool BookmarkIsDue() const { return clock_.Now() - last_sent_ >= hub_.interval() * 0.9; }

  EventReader reader_;
  catalog::CommitBarrier& commits_;
  WatchHub& hub_;
  const Clock& clock_;
  int64_t position_;
  bool caught_up_ = false;
  absl::Time last_sent_ = absl::InfinitePast();
  const std::shared_ptr<WatchProgress> progress_ = std::make_shared<WatchProgress>();
  const WatchHub::Ticket ticket_;
};

}  // namespace

bool HasEvents(const std::vector<catalog::Change>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const catalog::Change& change) {
    return std::holds_alternative<catalog::AppendEvent>(change);
  });
}

Service EventHandlers::service() {
  Service service("croft.v1.EventService");
  service.Unary("ListEvents", *this, &EventHandlers::ListEvents);
  service.ServerStream("WatchEvents", *this, &EventHandlers::WatchEvents);
  return service;
}

absl::StatusOr<v1::ListEventsResponse> EventHandlers::ListEvents(const RequestContext& context,
                                                                 const v1::ListEventsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::EventList list, wire::Parse(request, tokens_));
  EventReader reader(catalog_, context, list.filter);
  int64_t position = list.after;
  if (!list.goes_on) {
    CROFT_ASSIGN_OR_RETURN(position, reader.Begin(position));
  }
  v1::ListEventsResponse response;
  bool caught_up = false;
  for (int parts = 0; parts < kPartsLookedAt && !caught_up && response.events_size() < list.limit;
       ++parts) {
    CROFT_ASSIGN_OR_RETURN(EventReader::Part part,
                           reader.Read(position, list.limit - response.events_size()));
    position = part.position;
    caught_up = part.caught_up;
    for (v1::Event& event : part.events) *response.add_events() = std::move(event);
    if (context.cancellation->cancelled()) return absl::CancelledError("the caller has gone");
  }
  response.set_position(position);
  if (!caught_up) response.set_next_page_token(wire::NextPageToken(request, tokens_, position));
  return response;
}

absl::StatusOr<std::unique_ptr<Feed<v1::WatchEventsResponse>>> EventHandlers::WatchEvents(
    const RequestContext& context, const v1::WatchEventsRequest& request, Wake wake) {
  CROFT_ASSIGN_OR_RETURN(const wire::EventWatch watch, wire::Parse(request));
  EventReader reader(catalog_, context, watch.filter);
  int64_t position = 0;
  if (watch.after || watch.from_since) {
    CROFT_ASSIGN_OR_RETURN(position, reader.Begin(watch.after.value_or(0)));
  } else {
    CROFT_ASSIGN_OR_RETURN(position, reader.Newest());
  }
  return std::make_unique<EventFeed>(std::move(reader), commits_, position, hub_, clock_, std::move(wake));
}

}  // namespace croft::handlers
