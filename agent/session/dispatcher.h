#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/journal/journal.h"
#include "agent/session/task_queues.h"
#include "agent/tasks/task.h"
#include "common/clock.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// Runs one task to its end; TaskRunner::Run in the agent.
using RunTask = std::function<absl::StatusOr<Outcome>(const Task&, TaskContext&)>;

// How many tasks run at once. Backups, verifications and restores have threads of their own, so that they never
// keep a create waiting.
struct PoolSizes {
  size_t quick = 8;
  size_t bulk = 2;
};

// Decides which tasks may have an effect, and runs those. Tasks of one tenant run in the order in which they
// came; a task of a higher (epoch, order) asks the tenant's lower ones to stop first, and so does a new attempt
// of the same step. Tasks go on whether or not anybody listens. Thread-safe.
class Dispatcher {
 public:
  struct Events {
    // Results and progress, for the control plane. Called on any thread, must not block. Results that were not delivered
    // are found again by Unreported().
    std::function<void(v1::ConnectRequest)> send;
    // A part of an inventory. Called on a task's thread; may wait until earlier parts are sent.
    std::function<void(v1::ConnectRequest)> send_part;
    // The journal cannot be trusted any more: end the process. Called at most once.
    std::function<void(const absl::Status&)> fatal;
  };

  // `journal` and `clock` outlive this.
  Dispatcher(RunTask run, Journal& journal, const Clock& clock, Events events, PoolSizes sizes = {});
  // Stops.
  ~Dispatcher();

  // A repeat of a task that waits or runs is attached to it.
  void Submit(Task task);
  // Asks a task to stop at its next safe point.
  void Cancel(const Fencing& fencing);
  // The control plane has recorded this task's result.
  void Settle(const Fencing& fencing);
  // Sends the error of a task that was never accepted.
  void Refuse(const Fencing& fencing, const absl::Status& why);
  // Results that the control plane has not recorded yet, oldest first.
  absl::StatusOr<std::vector<v1::ConnectRequest>> Unreported() const;
  // Asks all tasks to stop and waits for them. Those that were cut have no outcome, and are run anew when they
  // come again.
  void Stop();

 private:
  struct Pool {
    std::deque<std::shared_ptr<QueuedTask>> ready;
    CondVar work;
  };
  class Context;

  void Work(Pool& pool);
  void Perform(QueuedTask& queued);
  // Nothing when no result must be sent.
  std::optional<v1::TaskResult> Decide(const QueuedTask& queued);
  std::optional<v1::TaskResult> Inventory(const QueuedTask& queued);
  void SendParts(const Fencing& fencing, const InventoryTaken& found);
  absl::StatusOr<Outcome> Run(const QueuedTask& queued);
  void Send(const v1::TaskResult& result);
  void Fail(const absl::Status& status);
  Pool& PoolOf(const QueuedTask& queued);
  // One that is to stop does not wait for a thread that does long work.
  void HastenCancelled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeReady(std::shared_ptr<QueuedTask> queued) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RunTask run_;
  Journal& journal_;
  const Clock& clock_;
  const Events events_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  TaskQueues queues_ ABSL_GUARDED_BY(mutex_);
  Pool quick_;
  Pool bulk_;
  std::vector<std::thread> threads_;
};

}  // namespace croft::agent
