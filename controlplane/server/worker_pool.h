#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/sync.h"

namespace croft::server {

// Threads for work that may block. Thread-safe.
class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t max_waiting);
  // Runs what waits, then ends.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, and nothing is done, when `max_waiting` tasks wait already.
  [[nodiscard]] bool Submit(std::function<void()> task);
  // For tasks whose number is bounded otherwise, such as one for each open stream.
  void SubmitAlways(std::function<void()> task);

 private:
  void Work();

  const size_t max_waiting_;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace croft::server
