// Shares one encoded message among subscribers that want the same.

#include "controlplane/handlers/shared_messages.h"

namespace croft::handlers {

std::shared_ptr<const PlacementMessage> SharedMessages::Find(const Place& place,
                                                             const domain::Revision& now) const {
  const MutexLock lock(mutex_);
  if (place != place_) return nullptr;
  auto message = message_.lock();
  return message != nullptr && message->revision == now ? message : nullptr;
}

void SharedMessages::Keep(const Place& place, const std::shared_ptr<const PlacementMessage>& message) {
  const MutexLock lock(mutex_);
  place_ = place;
  message_ = message;
}

}  // namespace croft::handlers
