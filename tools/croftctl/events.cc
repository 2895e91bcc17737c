// The verb events.

#include <algorithm>
#include <optional>
#include <string>
#include <variant>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/names.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

namespace croft::ctl {
namespace {

using Events = v1::EventService::Stub;

constexpr absl::Duration kUsualPast = absl::Hours(1);
// A stream is begun anew this often, so that a connection that died without a word is noticed.
constexpr absl::Duration kStream = absl::Minutes(1);
constexpr absl::Duration kFirstPause = absl::Milliseconds(300);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

struct Arguments {
  ListFlags list;
  std::string since;
  std::string tenant;
  std::string type;
};

// Where reading begins: after a position, or with the events of a time.
using Start = std::variant<int64_t, absl::Time>;

absl::StatusOr<Start> ParseSince(const std::string& text) {
  if (std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    int64_t position = 0;
    if (absl::SimpleAtoi(text, &position)) return Start(position);
    return UsageError(absl::StrCat("--since: there is no position ", text));
  }
  if (text.find('T') != std::string::npos || text.find('-') != std::string::npos) {
    CROFT_ASSIGN_OR_RETURN(const absl::Time time, ParseTime(text, "--since"));
    return Start(time);
  }
  CROFT_ASSIGN_OR_RETURN(const absl::Duration past, ParseDuration(text, "--since"));
  return Start(absl::Now() - past);
}

template <class Request>
void Narrow(const Arguments& arguments, Request& request) {
  if (!arguments.tenant.empty()) request.set_parent(TenantName(LastPart(arguments.tenant)));
  request.set_type_prefix(arguments.type);
}

absl::Status List(Session& session, const Arguments& arguments) {
  v1::ListEventsRequest request;
  Narrow(arguments, request);
  Start start = absl::Now() - kUsualPast;
  if (!arguments.since.empty()) {
    CROFT_ASSIGN_OR_RETURN(start, ParseSince(arguments.since));
  }
  if (const auto* position = std::get_if<int64_t>(&start)) {
    request.set_after_position(*position);
  } else {
    *request.mutable_since() = ToProto(std::get<absl::Time>(start));
  }
  return PrintAll(session, kEvents, request, arguments.list);
}

absl::Status Interrupted() {
  return WithExitCode(absl::CancelledError("interrupted"), ExitCode::kInterrupted);
}

// A stream that ends for these goes on from where it was: by itself it has no end.
bool MayGoOn(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

// Follows the events for as long as the command lasts.
class Follower {
 public:
  Follower(Session& session, v1::WatchEventsRequest request)
      : session_(session), request_(std::move(request)) {}

  absl::Status Run() {
    const absl::Status status = FollowOn();
    if (position_) session_.terminal.Say(absl::StrCat("--since ", *position_, " goes on from here"));
    return status;
  }

 private:
  absl::Status FollowOn() {
    absl::Duration pause = kFirstPause;
    absl::Time first_try = absl::Now();
    while (absl::Now() < session_.client.limit()) {
      bool heard = false;
      const absl::Status status = ReadOneStream(heard);
      CROFT_RETURN_IF_ERROR(printed_);
      if (session_.interrupts.Raised()) return Interrupted();
      if (!MayGoOn(status)) return status;
      if (absl::IsDeadlineExceeded(status) && heard) continue;
      const bool never_heard = !position_ && absl::Now() - first_try > Client::kCallTime;
      if (never_heard && !status.ok()) return status;
      pause = heard ? kFirstPause : std::min(pause * 2, kLongestPause);
      session_.terminal.Detail(absl::StrCat("the stream ended: ", status.ToString()));
      if (!session_.interrupts.Sleep(pause)) return Interrupted();
    }
    return absl::OkStatus();
  }

  absl::Status ReadOneStream(bool& heard) {
    if (position_) request_.set_after_position(*position_);
    const absl::Time until = std::min(session_.client.limit(), absl::Now() + kStream);
    return session_.client.Stream<Events, v1::WatchEventsRequest, v1::WatchEventsResponse>(
        &Events::WatchEvents, request_, until, [&](const v1::WatchEventsResponse& response) {
          heard = true;
          for (const v1::Event& event : response.events()) printed_.Update(session_.printer.Next(event));
          position_ = response.position();
          return printed_.ok();
        });
  }

  Session& session_;
  v1::WatchEventsRequest request_;
  std::optional<int64_t> position_;  // all up to here was printed
  absl::Status printed_;
};

absl::Status Watch(Session& session, const Arguments& arguments) {
  v1::WatchEventsRequest request;
  Narrow(arguments, request);
  if (!arguments.since.empty()) {
    CROFT_ASSIGN_OR_RETURN(const Start start, ParseSince(arguments.since));
    if (const auto* position = std::get_if<int64_t>(&start)) {
      request.set_after_position(*position);
    } else {
      *request.mutable_since() = ToProto(std::get<absl::Time>(start));
    }
  }
  return Follower(session, std::move(request)).Run();
}

}  // namespace

void AddEvents(Noun& root) {
  auto verb = root.AddVerb<Arguments>(
      "events", "Show what happened, oldest first; with --watch also what happens from now on");
  verb->list.AddTo(verb.app);
  verb.app.add_option("--since", verb->since,
                      "From so long ago, such as 2h, from a time such as 2030-01-31T18:00:00Z, or after a "
                      "position, 0 for all that is kept; default: 1h, with --watch from now on");
  verb.app.add_option("--tenant", verb->tenant, "Only events of this tenant");
  verb.app.add_option("--type", verb->type, "Only types that begin like this, such as croft.backup");
  verb.Follows([](Session& session, const Arguments& arguments) {
    return session.flags.watch ? Watch(session, arguments) : List(session, arguments);
  });
}

}  // namespace croft::ctl
