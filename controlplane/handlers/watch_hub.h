#pragma once

#include <cstdint>
#include <map>
#include <thread>
#include <vector>

#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/handlers/service.h"

namespace croft::handlers {

// Wakes those who watch placements: after a commit that changed one, and now and then so that they can say that
// nothing happened. On a thread of its own, so that a commit costs the same however many watch. Thread-safe.
class WatchHub {
 public:
  using Ticket = uint64_t;

  // `interval`: how often all are woken when nothing happens.
  explicit WatchHub(absl::Duration interval);
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  absl::Duration interval() const { return interval_; }
  Ticket Subscribe(Wake wake);
  // `wake` may still be called once or so.
  void Unsubscribe(Ticket ticket);
  // Only leaves word.
  void Signal();

 private:
  void Run();

  const absl::Duration interval_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool signalled_ ABSL_GUARDED_BY(mutex_) = false;
  Ticket next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<Ticket, Wake> watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::handlers
