#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include <absl/status/status.h>

#include "common/sync.h"

namespace croft::agent {

// A thread for each of several sessions, so that the server works on more than one of them while the caller goes on
// reading. Each does its jobs in the order they were posted. Used by one thread; jobs may use what that thread wrote
// before Post, and that thread what they wrote after Drain.
class SessionWorkers {
 public:
  // An error ends the work of all: what waits is dropped, and the error is what Post and Drain answer from then on.
  using Job = std::function<absl::Status()>;

  explicit SessionWorkers(size_t count);
  // Drops what waits, and waits for the jobs that run.
  ~SessionWorkers();
  SessionWorkers(const SessionWorkers&) = delete;
  SessionWorkers& operator=(const SessionWorkers&) = delete;

  // The one with the least to do.
  size_t LeastBusy() const;
  // Waits until `worker` has room for it.
  absl::Status Post(size_t worker, Job job);
  // Waits until all is done.
  absl::Status Drain();

 private:
  struct Worker {
    std::deque<Job> jobs;
    bool busy = false;  // with one that is no longer in `jobs`
    std::thread thread;
  };

  void Work(Worker& worker);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::vector<Worker> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::agent
