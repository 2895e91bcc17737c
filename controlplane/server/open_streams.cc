// Ends open streams whose callers have lost their rights.

#include "controlplane/server/open_streams.h"

#include <utility>
#include <vector>

namespace croft::server {

OpenStreams::Added OpenStreams::Add(std::shared_ptr<Endable> stream, const std::string& owner,
                                    size_t most_of_owner) {
  const MutexLock lock(mutex_);
  if (closed_ || open_.size() >= most_) return Added::kTooMany;
  size_t& count = counts_[owner];
  if (count >= most_of_owner) {
    if (count == 0) counts_.erase(owner);
    return Added::kTooManyOfOwner;
  }
  ++count;
  Endable* const key = stream.get();
  open_.emplace(key, Open{std::move(stream), owner});
  return Added::kYes;
}

void OpenStreams::Remove(Endable* stream) {
  std::shared_ptr<Endable> last;  // destroyed outside the lock
  const MutexLock lock(mutex_);
  const auto found = open_.find(stream);
  if (found == open_.end()) return;
  if (const auto count = counts_.find(found->second.owner); --count->second == 0) counts_.erase(count);
  last = std::move(found->second.stream);
  open_.erase(found);
}

void OpenStreams::JudgeAgain(const std::string& owner) {
  std::vector<std::shared_ptr<Endable>> streams;
  {
    const MutexLock lock(mutex_);
    if (counts_.find(owner) == counts_.end()) return;
    for (const auto& [key, open] : open_) {
      if (open.owner == owner) streams.push_back(open.stream);
    }
  }
  for (const auto& stream : streams) stream->JudgeAgain();
}

void OpenStreams::EndAll(const absl::Status& status) {
  std::map<Endable*, Open> streams;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    streams = open_;
  }
  for (const auto& [key, open] : streams) open.stream->End(status);
}

}  // namespace croft::server
