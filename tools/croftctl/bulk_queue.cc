// Chooses the next target of a bulk verb, host by host.

#include "tools/croftctl/bulk_queue.h"

#include <utility>

namespace croft::ctl {

BulkQueue::BulkQueue(std::vector<std::string> hosts, int max_failures)
    : max_failures_(max_failures), hosts_(std::move(hosts)) {
  for (size_t target = 0; target < hosts_.size(); ++target) pending_[hosts_[target]].push_back(target);
}

std::optional<BulkQueue::Job> BulkQueue::Next() {
  MutexLock lock(mutex_);
  for (;;) {
    if (const std::optional<size_t> target = TakePending()) return Job{*target, false};
    if (!parked_.empty()) {
      const size_t target = parked_.front();
      parked_.pop_front();
      return Job{target, true};
    }
    if (!MayBegin() || pending_.empty()) return std::nullopt;
    // All that is left belongs to silent hosts, each with a target that another worker follows.
    changed_.Wait(mutex_);
  }
}

bool BulkQueue::MayBegin() const { return !stopped_ && failed_ < static_cast<size_t>(max_failures_); }

std::optional<size_t> BulkQueue::TakePending() {
  if (!MayBegin()) return std::nullopt;
  auto best = pending_.end();
  for (auto it = pending_.begin(); it != pending_.end(); ++it) {
    if (silent_.count(it->first) > 0) continue;
    const bool better =
        best == pending_.end() || under_way_[it->first] < under_way_[best->first] ||
        (under_way_[it->first] == under_way_[best->first] && it->second.front() < best->second.front());
    if (better) best = it;
  }
  if (best == pending_.end()) return std::nullopt;
  const size_t target = best->second.front();
  ++under_way_[best->first];
  best->second.pop_front();
  if (best->second.empty()) pending_.erase(best);
  return target;
}

void BulkQueue::Park(size_t target, const std::string& host) {
  MutexLock lock(mutex_);
  // Where it was not known, or it has moved.
  --under_way_[hosts_[target]];
  hosts_[target] = host;
  ++under_way_[host];
  silent_.insert(host);
  parked_.push_back(target);
  waiting_.insert(target);
  changed_.NotifyAll();
}

void BulkQueue::Finish(size_t target, bool failed) {
  MutexLock lock(mutex_);
  --under_way_[hosts_[target]];
  if (!hosts_[target].empty()) silent_.erase(hosts_[target]);
  waiting_.erase(target);
  ++finished_;
  if (failed) ++failed_;
  changed_.NotifyAll();
}

void BulkQueue::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

BulkQueue::Counts BulkQueue::counts() {
  MutexLock lock(mutex_);
  return {finished_, failed_, waiting_.size()};
}

}  // namespace croft::ctl
