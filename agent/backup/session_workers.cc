// A thread for each of several sessions, with a queue of jobs.

#include "agent/backup/session_workers.h"

#include <algorithm>
#include <utility>

namespace croft::agent {
namespace {

// Enough that a session never waits for the next job, and little memory.
constexpr size_t kMostWaiting = 2;

}  // namespace

SessionWorkers::SessionWorkers(size_t count) : workers_(count) {
  for (Worker& worker : workers_) worker.thread = std::thread([this, &worker] { Work(worker); });
}

SessionWorkers::~SessionWorkers() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
    for (Worker& worker : workers_) threads.push_back(std::move(worker.thread));
  }
  for (std::thread& thread : threads) thread.join();
}

size_t SessionWorkers::LeastBusy() const {
  MutexLock lock(mutex_);
  const auto least =
      std::min_element(workers_.begin(), workers_.end(), [](const Worker& a, const Worker& b) {
        return a.jobs.size() + (a.busy ? 1 : 0) < b.jobs.size() + (b.busy ? 1 : 0);
      });
  return static_cast<size_t>(least - workers_.begin());
}

absl::Status SessionWorkers::Post(size_t worker, Job job) {
  MutexLock lock(mutex_);
  while (error_.ok() && workers_[worker].jobs.size() >= kMostWaiting) changed_.Wait(mutex_);
  if (!error_.ok()) return error_;
  workers_[worker].jobs.push_back(std::move(job));
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status SessionWorkers::Drain() {
  MutexLock lock(mutex_);
  while (!IsIdle()) changed_.Wait(mutex_);
  return error_;
}

bool SessionWorkers::IsIdle() const {
  return std::all_of(workers_.begin(), workers_.end(), [this](const Worker& worker) {
    return !worker.busy && (worker.jobs.empty() || !error_.ok());
  });
}

void SessionWorkers::Work(Worker& worker) {
  for (;;) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (!ending_ && (worker.jobs.empty() || !error_.ok())) changed_.Wait(mutex_);
      if (ending_) return;
      job = std::move(worker.jobs.front());
      worker.jobs.pop_front();
      worker.busy = true;
      changed_.NotifyAll();
    }
    absl::Status done = job();
    MutexLock lock(mutex_);
    worker.busy = false;
    if (error_.ok()) error_ = std::move(done);
    changed_.NotifyAll();
  }
}

}  // namespace croft::agent
