#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/sync.h"

namespace croft::ctl {

// Which of many targets a worker takes next. Hosts take turns, the one with the fewest targets under way first, and a
// target that waits for a silent host is parked, so that neither a slow host nor a silent one holds up the others.
// Thread-safe.
class BulkQueue {
 public:
  // `hosts` has one element for each target; empty where its host is not known.
  BulkQueue(std::vector<std::string> hosts, int max_failures);

  struct Job {
    size_t target = 0;
    bool parked = false;  // it was begun before and is to be followed to its end
  };
  // Waits while another worker may still bring something; nullopt when nothing is left for the caller.
  std::optional<Job> Next();

  // The target waits for `host`, which is silent. No more targets of that host are begun before one of them has ended.
  void Park(size_t target, const std::string& host);
  // The target has ended.
  void Finish(size_t target, bool failed);
  // No target is begun any more.
  void Stop();

  struct Counts {
    size_t finished = 0;
    size_t failed = 0;
    size_t waiting = 0;  // of those that were parked and have not ended
  };
  Counts counts();

 private:
  std::optional<size_t> TakePending() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayBegin() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int max_failures_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> hosts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<size_t>> pending_ ABSL_GUARDED_BY(mutex_);  // by host
  std::map<std::string, int> under_way_ ABSL_GUARDED_BY(mutex_);               // by host
  std::set<std::string> silent_ ABSL_GUARDED_BY(mutex_);
  std::deque<size_t> parked_ ABSL_GUARDED_BY(mutex_);  // those that no worker follows now
  std::set<size_t> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t finished_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace croft::ctl
