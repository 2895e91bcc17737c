#include "controlplane/handlers/placement_feed.h"

#include <algorithm>
#include <utility>
#include <variant>

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

void AddChange(const lookup::PlacementIndex::Told& told, int64_t epoch,
               v1::WatchPlacementsResponse& response) {
  auto& change = *response.add_changes();
  change.set_tenant(TenantName(told.id));
  change.mutable_aliases()->Assign(told.aliases.begin(), told.aliases.end());
  change.set_placement_generation(told.generation);
  change.mutable_revision()->set_epoch(epoch);
  change.mutable_revision()->set_revision(told.revision);
  if (told.removed) {
    change.clear_aliases();
    change.set_removed(true);
  } else if (told.refused.ok()) {
    change.mutable_placement()->ParseFromString(told.reply);
  } else {
    *change.mutable_refused() = wire::ToProto(told.refused);
  }
}

absl::Status CannotResume() {
  return MakeError(
      absl::StatusCode::kOutOfRange,
      "what left the sight of a caller that is narrowed by labels is not known; start again from nothing",
      {.reason = "REVISION_NOT_AVAILABLE"});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> PlacementFeed::Open(
    const lookup::PlacementIndex& index, WatchHub& hub, const Clock& clock, access::Principal principal,
    lookup::Wanted wanted, const std::optional<domain::Revision>& since, Wake wake) {
  if (since && DependsOnLabels(principal)) return CannotResume();
  CROFT_ASSIGN_OR_RETURN(const lookup::Cursor cursor, index.Open(since));
  return std::unique_ptr<Feed<grpc::ByteBuffer>>(
      new PlacementFeed(index, hub, clock, std::move(principal), wanted, cursor, std::move(wake)));
}

PlacementFeed::PlacementFeed(const lookup::PlacementIndex& index, WatchHub& hub, const Clock& clock,
                             access::Principal principal, lookup::Wanted wanted, lookup::Cursor cursor,
                             Wake wake)
    : index_(index),
      hub_(hub),
      clock_(clock),
      principal_(std::move(principal)),
      wanted_(wanted),
      cursor_(cursor),
      ticket_(hub.Subscribe(std::move(wake))),
      remembers_(DependsOnLabels(principal_)) {}

PlacementFeed::~PlacementFeed() { hub_.Unsubscribe(ticket_); }

PlacementFeed::Sight PlacementFeed::Judge(absl::string_view id, const access::Labels& labels) {
  if (principal_.kind == access::PrincipalKind::kAdmin) return Sight::kWithPassword;
  const bool sees = policy_.Sees(principal_, "LookupService/WatchPlacements", id, &labels);
  if (!sees) return remembers_ && told_.erase(std::string(id)) > 0 ? Sight::kGone : Sight::kNone;
  if (remembers_) told_.emplace(id);
  return policy_.SeesSecrets(principal_, id, &labels) ? Sight::kWithPassword : Sight::kPlain;
}

// At the end of the first set, and now and then: it moves the place to resume from, and shows that the stream
// lives.
bool PlacementFeed::BookmarkIsDue() const {
  return !in_step_ || clock_.Now() - last_sent_ >= hub_.interval() * 0.9;
}

Pulled<grpc::ByteBuffer> PlacementFeed::Next() {
  const lookup::PlacementIndex::Read read = index_.ReadOn(
      cursor_, kMostChanges, wanted_,
      [this](absl::string_view id, const access::Labels& labels) { return Judge(id, labels); });
  if (read.told.empty() && !(read.caught_up && BookmarkIsDue())) return NothingYet();

  v1::WatchPlacementsResponse response;
  for (const lookup::PlacementIndex::Told& told : read.told) AddChange(told, read.revision.epoch, response);
  if (read.caught_up) {
    response.mutable_revision()->set_epoch(read.revision.epoch);
    response.mutable_revision()->set_revision(read.revision.revision);
    in_step_ = true;
  }
  last_sent_ = clock_.Now();
  return Serialize(response);
}

}  // namespace croft::handlers
