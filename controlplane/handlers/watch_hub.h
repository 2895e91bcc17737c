#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/handlers/service.h"

// Wakes the subscribers of placements and of events.
namespace croft::handlers {

// Since when a watcher has unsent changes. Thread-safe.
class WatchProgress {
 public:
  // The watcher has unsent changes.
  void MarkBehind(absl::Time now) {
    int64_t in_step = 0;
    behind_since_.compare_exchange_strong(in_step, absl::ToUnixMicros(now), std::memory_order_relaxed);
  }
  // All changes were sent.
  void CatchUp() { behind_since_.store(0, std::memory_order_relaxed); }
  std::optional<absl::Time> behind_since() const {
    const int64_t since = behind_since_.load(std::memory_order_relaxed);
    return since == 0 ? std::nullopt : std::make_optional(absl::FromUnixMicros(since));
  }

 private:
  std::atomic<int64_t> behind_since_ = 0;  // 0: in step
};

// Wakes those who watch something: after a commit that changed it, and now and then so that they can say that
// nothing happened. On a thread of its own, so that a commit costs the same however many watch. Thread-safe.
class WatchHub {
 public:
  using Ticket = uint64_t;

  // `interval`: how often all are woken when nothing happens. `pause`: the least time between two times that they are
  // woken, for those whom it costs something to look.
  explicit WatchHub(absl::Duration interval, absl::Duration pause = absl::ZeroDuration());
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  absl::Duration interval() const { return interval_; }
  // `progress`: where to note that the watcher has unsent changes.
  Ticket Subscribe(Wake wake, std::shared_ptr<WatchProgress> progress);
  // `wake` may still be called once or so.
  void Unsubscribe(Ticket ticket);
  // Only sets a flag.
  void Signal();

  struct Standing {
    size_t watchers = 0;
    std::optional<absl::Time> behind_since;  // of the one that is furthest behind
  };
  Standing standing() const;

 private:
  struct Watcher {
    Wake wake;
    std::shared_ptr<WatchProgress> progress;
  };

  void Run();

  const absl::Duration interval_;
  const absl::Duration pause_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool signalled_ ABSL_GUARDED_BY(mutex_) = false;
  Ticket next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<Ticket, Watcher> watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::handlers
