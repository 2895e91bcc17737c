#pragma once

#include <deque>
#include <optional>
#include <utility>

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include "common/sync.h"

namespace croft::agent {

// Long enough never to be reached by a test that passes.
inline constexpr absl::Duration kTimeout = absl::Seconds(30);

// A queue between a test and what it tests.
template <typename T>
class Mailbox {
 public:
  void Put(T item) {
    MutexLock lock(mutex_);
    items_.push_back(std::move(item));
    changed_.NotifyAll();
  }

  // Nothing when none came in time.
  std::optional<T> Take() {
    const absl::Time deadline = absl::Now() + kTimeout;
    MutexLock lock(mutex_);
    while (items_.empty() && absl::Now() < deadline) changed_.WaitFor(mutex_, deadline - absl::Now());
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  bool empty() const {
    MutexLock lock(mutex_);
    return items_.empty();
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
};

// Closed until it is opened.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  // False when it stayed closed.
  bool Await() {
    const absl::Time deadline = absl::Now() + kTimeout;
    MutexLock lock(mutex_);
    while (!open_ && absl::Now() < deadline) changed_.WaitFor(mutex_, deadline - absl::Now());
    return open_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace croft::agent
