#include "controlplane/server/open_streams.h"

#include <utility>

namespace croft::server {

bool OpenStreams::Add(std::shared_ptr<Endable> stream) {
  const MutexLock lock(mutex_);
  if (closed_ || open_.size() >= most_) return false;
  Endable* const key = stream.get();
  open_.emplace(key, std::move(stream));
  return true;
}

void OpenStreams::Remove(Endable* stream) {
  std::shared_ptr<Endable> last;  // destroyed outside the lock
  const MutexLock lock(mutex_);
  const auto found = open_.find(stream);
  if (found == open_.end()) return;
  last = std::move(found->second);
  open_.erase(found);
}

void OpenStreams::EndAll(const absl::Status& status) {
  std::map<Endable*, std::shared_ptr<Endable>> streams;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    streams = open_;
  }
  for (const auto& [key, stream] : streams) stream->End(status);
}

}  // namespace croft::server
