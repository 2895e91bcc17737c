#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "common/sync.h"
#include "controlplane/domain/revision.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/lookup/wanted.h"

// Messages that several subscribers share.
namespace croft::handlers {

// What a subscriber of placements is sent next, from where it stands.
struct PlacementMessage {
  grpc::ByteBuffer bytes;
  std::vector<std::string> passwords_of;  // ids of the tenants whose passwords are in it
  domain::Revision revision;              // of the index when it was written
  lookup::Cursor next;                    // where who was sent it stands
  bool caught_up = false;                 // there was no more at that revision
};

// The message that was written last for subscribers who may see all: after a commit most of them stand at the same place
// and want the same, so that it is written once. It has passwords in it, and is gone with the last subscriber that it was
// sent to and who was sent nothing since. Thread-safe.
class SharedMessages {
 public:
  struct Place {
    lookup::Cursor cursor;
    lookup::Wanted wanted;
    friend bool operator==(const Place&, const Place&) = default;
  };

  // Null when there is none, or the index has gone on to another revision than `now`.
  std::shared_ptr<const PlacementMessage> Find(const Place& place, const domain::Revision& now) const;
  void Keep(const Place& place, const std::shared_ptr<const PlacementMessage>& message);

 private:
  mutable Mutex mutex_;
  Place place_ ABSL_GUARDED_BY(mutex_);
  std::weak_ptr<const PlacementMessage> message_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
