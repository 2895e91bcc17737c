// Feeds one subscriber of placements from the index's history.

#include "controlplane/handlers/placement_feed.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/wire/status.h"

namespace croft::handlers {
namespace {

// So many fit well under the largest message, with settings of the usual size.
constexpr size_t kMostChanges = 200;

bool DependsOnLabels(const access::Principal& principal) {
  return std::any_of(principal.bindings.begin(), principal.bindings.end(),
                     [](const access::Binding& binding) {
                       return std::holds_alternative<access::LabelledTenants>(binding.scope);
                     });
}

void AddChange(const lookup::PlacementIndex::PlacementUpdate& update, int64_t epoch,
               v1::WatchPlacementsResponse& response) {
  auto& change = *response.add_changes();
  change.set_tenant(TenantName(update.id));
  change.mutable_aliases()->Assign(update.aliases.begin(), update.aliases.end());
  change.set_placement_generation(update.generation);
  change.mutable_revision()->set_epoch(epoch);
  change.mutable_revision()->set_revision(update.revision);
  if (update.removed) {
    change.clear_aliases();
    change.set_removed(true);
  } else if (update.refused.ok()) {
    change.mutable_placement()->ParseFromString(update.reply);
  } else {
    *change.mutable_refused() = wire::ToProto(update.refused);
  }
}

absl::Status CannotResume() {
  return MakeError(
      absl::StatusCode::kOutOfRange,
      "what left the sight of a caller that is narrowed is not known; start again from nothing",
      {.reason = "REVISION_NOT_AVAILABLE"});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> PlacementFeed::Open(
    const Components& components, const RequestContext& context, lookup::Wanted wanted,
    const std::optional<domain::Revision>& since, Wake wake) {
  const access::Principal& principal = context.principal;
  if (since && (DependsOnLabels(principal) || since->revision < principal.bound_revision)) {
    return CannotResume();
  }
  CROFT_ASSIGN_OR_RETURN(const lookup::Cursor cursor, components.index.Open(since));
  return std::unique_ptr<Feed<grpc::ByteBuffer>>(
      new PlacementFeed(components, context, wanted, cursor, std::move(wake)));
}

PlacementFeed::PlacementFeed(const Components& components, const RequestContext& context,
                             lookup::Wanted wanted, lookup::Cursor cursor, Wake wake)
    : components_(components),
      context_(context),
      wanted_(wanted),
      cursor_(cursor),
      wake_(std::move(wake)),
      ticket_(components_.hub.Subscribe(wake_, progress_)),
      sees_all_(policy_.SeesAll(context_.principal, "LookupService/WatchPlacements")),
      remembers_(DependsOnLabels(context_.principal)) {}

PlacementFeed::~PlacementFeed() { components_.hub.Unsubscribe(ticket_); }

PlacementFeed::Visibility PlacementFeed::Judge(absl::string_view id, const access::Labels& labels) {
  if (sees_all_) return Visibility::kWithPassword;
  const bool sees = policy_.Sees(context_.principal, "LookupService/WatchPlacements", id, &labels);
  if (!sees)
    return remembers_ && sent_tenants_.erase(std::string(id)) > 0 ? Visibility::kGone : Visibility::kNone;
  if (remembers_) sent_tenants_.emplace(id);
  return policy_.SeesSecrets(context_.principal, id, &labels) ? Visibility::kWithPassword
                                                              : Visibility::kPlain;
}

// At the end of the first set, and now and then: it moves the place to resume from, and shows that the stream
// lives.
bool PlacementFeed::BookmarkIsDue() const {
  return !began_ || components_.clock.Now() - last_sent_ >= components_.hub.interval() * 0.9;
}

Pulled<grpc::ByteBuffer> PlacementFeed::LetOut() {
  const std::vector<absl::string_view> passwords_of(sent_->passwords_of.begin(), sent_->passwords_of.end());
  if (passwords_of.empty() || components_.log.NoteReads(context_, passwords_of)) return sent_->bytes;
  held_ = std::make_shared<Held>();
  components_.log.WhenRecorded(context_, [held = held_, wake = wake_](const absl::Status& recorded) {
    {
      const MutexLock lock(held->mutex);
      held->recorded = recorded;
    }
    wake();
  });
  return NothingYet();
}

std::shared_ptr<const PlacementMessage> PlacementFeed::Write() {
  auto message = std::make_shared<PlacementMessage>();
  const lookup::PlacementIndex::Read read = components_.index.ReadOn(
      cursor_, kMostChanges, wanted_,
      [this](absl::string_view id, const access::Labels& labels) { return Judge(id, labels); });
  in_step_ = read.caught_up;
  if (read.updates.empty() && !(read.caught_up && BookmarkIsDue())) return nullptr;

  v1::WatchPlacementsResponse response;
  for (const lookup::PlacementIndex::PlacementUpdate& update : read.updates) {
    AddChange(update, read.revision.epoch, response);
    if (!response.changes().rbegin()->placement().password().empty())
      message->passwords_of.push_back(update.id);
  }
  if (read.caught_up) {
    response.mutable_revision()->set_epoch(read.revision.epoch);
    response.mutable_revision()->set_revision(read.revision.revision);
  }
  message->bytes = Serialize(response);
  message->revision = read.revision;
  message->next = cursor_;
  message->caught_up = read.caught_up;
  return message;
}

std::shared_ptr<const PlacementMessage> PlacementFeed::FindOrWrite() {
  if (!sees_all_) return Write();
  const SharedMessages::Place place{cursor_, wanted_};
  if (auto message = components_.shared.Find(place, components_.index.revision())) {
    cursor_ = message->next;
    in_step_ = message->caught_up;
    return message;
  }
  auto message = Write();
  // A bookmark moves nobody on: it is each subscriber's own.
  if (message != nullptr && message->next != place.cursor) components_.shared.Keep(place, message);
  return message;
}

Pulled<grpc::ByteBuffer> PlacementFeed::Next() {
  if (held_) {
    std::optional<absl::Status> recorded;
    {
      const MutexLock lock(held_->mutex);
      recorded = held_->recorded;
    }
    if (!recorded) return NothingYet();
    held_ = nullptr;
    if (!recorded->ok()) return EndOfStream{*recorded};
    return sent_->bytes;
  }
  auto message = FindOrWrite();
  if (in_step_) progress_->CatchUp();
  if (message == nullptr) return NothingYet();
  sent_ = std::move(message);
  began_ = began_ || sent_->caught_up;
  last_sent_ = components_.clock.Now();
  return LetOut();
}

}  // namespace croft::handlers
