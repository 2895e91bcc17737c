#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "agent/journal/journal.h"
#include "agent/tasks/task.h"

// Which of the tasks that came may run now, and which are to stop. No thread, clock or I/O of its own, so that the
// dispatcher and the simulation decide alike.
namespace croft::agent {

[[nodiscard]] TaskKey KeyOf(const Fencing& fencing);
[[nodiscard]] Position PositionOf(const Fencing& fencing);

struct QueuedTask {
  explicit QueuedTask(Task given) : task(std::move(given)), fencing(task.fencing) {}

  const Task task;
  // Of the newest dispatch: a control plane that has taken over sends the same task under its own epoch. Belongs
  // to whoever holds the queues.
  Fencing fencing;
  std::atomic<bool> cancelled{false};
  std::atomic<bool> stopping{false};
};

// CANCELLED or DEADLINE_EXCEEDED when the task is to stop at its next safe point. Thread-safe.
[[nodiscard]] absl::Status MayGoOn(const QueuedTask& task, absl::Time now);

// Tasks of one tenant run one after another, in the order in which they came. Not thread-safe.
class TaskQueues {
 public:
  // A repeat of one that waits or runs is attached to it. Those that the task takes the place of are cancelled:
  // the tenant's of a lower (epoch, order), and the earlier attempts of the same step. Returns the task when it may
  // run at once, else nothing.
  std::shared_ptr<QueuedTask> Submit(Task task);
  void Cancel(const Fencing& fencing);
  void StopAll();
  // `ended`, which ran, has ended. Returns the tenant's next, if there is one.
  std::shared_ptr<QueuedTask> Finish(const QueuedTask& ended);

 private:
  std::shared_ptr<QueuedTask> Find(const Fencing& fencing) const;

  // By tenant uid, in order of arrival; the first one may run or runs.
  std::map<std::string, std::deque<std::shared_ptr<QueuedTask>>> tenants_;
};

}  // namespace croft::agent
