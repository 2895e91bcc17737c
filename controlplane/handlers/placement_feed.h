#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/access/policy.h"
#include "controlplane/access/principal.h"
#include "controlplane/handlers/call_log.h"
#include "controlplane/handlers/service.h"
#include "controlplane/handlers/shared_messages.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/lookup/placement_index.h"
#include "croft/v1/lookup.pb.h"

namespace croft::handlers {

// One subscriber of placements: a cursor over the index's history. Nothing is queued for it: a slow one finds
// each tenant once, as it is then.
class PlacementFeed final : public Feed<grpc::ByteBuffer> {
 public:
  // All outlive the feed.
  struct Components {
    const lookup::PlacementIndex& index;
    WatchHub& hub;
    SharedMessages& shared;
    CallLog& log;
    const Clock& clock;
  };
  // OUT_OF_RANGE when `since` cannot be resumed from.
  static absl::StatusOr<std::unique_ptr<Feed<grpc::ByteBuffer>>> Open(
      const Components& components, const RequestContext& context, lookup::Wanted wanted,
      const std::optional<domain::Revision>& since, Wake wake);
  ~PlacementFeed() override;

  Pulled<grpc::ByteBuffer> Next() override;
  bool MayHaveMore() const override { return !in_step_; }

 private:
  using Visibility = lookup::PlacementIndex::Visibility;

  // A message that waits until the audit holds that its caller reads passwords.
  struct Held {
    Mutex mutex;
    std::optional<absl::Status> recorded ABSL_GUARDED_BY(mutex);
  };

  PlacementFeed(const Components& components, const RequestContext& context, lookup::Wanted wanted,
                lookup::Cursor cursor, Wake wake);
  // Null when there is nothing to send.
  std::shared_ptr<const PlacementMessage> FindOrWrite();
  std::shared_ptr<const PlacementMessage> Write();
  // The message that was `sent_` last: at once, or when the audit holds whose passwords are in it.
  Pulled<grpc::ByteBuffer> LetOut();
  Visibility Judge(absl::string_view id, const access::Labels& labels);
  bool BookmarkIsDue() const;

  const Components components_;
  const access::Policy policy_{};
  const RequestContext context_;
  const lookup::Wanted wanted_;
  lookup::Cursor cursor_;
  const Wake wake_;
  const std::shared_ptr<WatchProgress> progress_ = std::make_shared<WatchProgress>();
  WatchHub::Ticket ticket_;
  std::shared_ptr<const PlacementMessage> sent_;
  std::shared_ptr<Held> held_;
  const bool sees_all_;  // passwords, too
  // For a caller whose sight depends on labels, which change: the tenants that were sent to it, so that it is notified of
  // those that leave its sight and of no others.
  const bool remembers_;
  std::unordered_set<std::string> sent_tenants_;
  bool began_ = false;    // a revision was sent
  bool in_step_ = false;  // with the index, when the last message was written
  absl::Time last_sent_ = absl::InfinitePast();
};

}  // namespace croft::handlers
