// A thread for a session, with a queue of jobs.

#include "agent/backup/session_worker.h"

#include <utility>

namespace croft::agent {
namespace {

// Enough that the session never waits for the next job, and little memory.
constexpr size_t kMostWaiting = 2;

}  // namespace

SessionWorker::SessionWorker() : thread_([this] { Work(); }) {}

SessionWorker::~SessionWorker() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

absl::Status SessionWorker::Post(Job job) {
  MutexLock lock(mutex_);
  while (error_.ok() && jobs_.size() >= kMostWaiting) changed_.Wait(mutex_);
  if (!error_.ok()) return error_;
  jobs_.push_back(std::move(job));
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status SessionWorker::Drain() {
  MutexLock lock(mutex_);
  while (busy_ || (error_.ok() && !jobs_.empty())) changed_.Wait(mutex_);
  return error_;
}

void SessionWorker::Work() {
  for (;;) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (!ending_ && (jobs_.empty() || !error_.ok())) changed_.Wait(mutex_);
      if (ending_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      changed_.NotifyAll();
    }
    absl::Status done = job();
    // What the job holds goes before the next is waited for.
    job = nullptr;
    MutexLock lock(mutex_);
    busy_ = false;
    error_ = std::move(done);
    changed_.NotifyAll();
  }
}

}  // namespace croft::agent
