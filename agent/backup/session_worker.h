#pragma once

#include <deque>
#include <functional>
#include <thread>

#include <absl/status/status.h>

#include "common/sync.h"

namespace croft::agent {

// A thread for a session, so that the server works while the caller goes on reading. It does its jobs in the order they
// were posted. Used by one thread; jobs may use what that thread wrote before Post, and that thread what they wrote after
// Drain.
class SessionWorker {
 public:
  // After an error no other job is done: the error is what Post and Drain return from then on.
  using Job = std::function<absl::Status()>;

  SessionWorker();
  // Drops what waits, and waits for the job that runs.
  ~SessionWorker();
  SessionWorker(const SessionWorker&) = delete;
  SessionWorker& operator=(const SessionWorker&) = delete;

  // Waits until there is room for it.
  absl::Status Post(Job job);
  // Waits until all is done.
  absl::Status Drain();

 private:
  void Work();

  Mutex mutex_;
  CondVar changed_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // with a job that is no longer in `jobs_`
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  // Last, since it uses all of the above.
  std::thread thread_;
};

}  // namespace croft::agent
