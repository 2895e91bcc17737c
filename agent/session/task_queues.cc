// Orders tasks by tenant and decides which runs and which stops.

#include "agent/session/task_queues.h"

#include <utility>

#include "common/errors.h"

namespace croft::agent {
namespace {

// Whether `newer` takes the place of `older`, both of one tenant.
bool Supersedes(const Fencing& newer, const Fencing& older) {
  if (PositionOf(newer) > PositionOf(older)) return true;
  return newer.operation == older.operation && newer.step == older.step && newer.attempt > older.attempt;
}

absl::Status Stopped(absl::string_view message, std::string reason) {
  return MakeError(absl::StatusCode::kCancelled, message, {.reason = std::move(reason)});
}

}  // namespace

TaskKey KeyOf(const Fencing& fencing) { return {fencing.operation, fencing.step, fencing.attempt}; }
Position PositionOf(const Fencing& fencing) { return {fencing.epoch, fencing.order}; }

absl::Status MayGoOn(const QueuedTask& task, absl::Time now) {
  if (task.stopping) return Stopped("the agent is stopping", "AGENT_STOPPING");
  if (task.cancelled) return Stopped("cancelled on request", "CANCELLED");
  if (now >= task.task.deadline) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "the task's time is up",
                     {.reason = "DEADLINE_EXCEEDED"});
  }
  return absl::OkStatus();
}

std::shared_ptr<QueuedTask> TaskQueues::Submit(Task task) {
  if (const std::shared_ptr<QueuedTask> known = Find(task.fencing)) {
    known->fencing = task.fencing;
    return nullptr;
  }
  const std::string uid = task.tenant.uid;
  auto& queue = tenants_[uid];
  for (const std::shared_ptr<QueuedTask>& other : queue) {
    if (Supersedes(task.fencing, other->task.fencing)) other->cancelled = true;
  }
  queue.push_back(std::make_shared<QueuedTask>(std::move(task)));
  return queue.size() == 1 ? queue.front() : nullptr;
}

void TaskQueues::Cancel(const Fencing& fencing) {
  if (const std::shared_ptr<QueuedTask> task = Find(fencing)) task->cancelled = true;
}

void TaskQueues::StopAll() {
  for (const auto& [uid, queue] : tenants_) {
    for (const std::shared_ptr<QueuedTask>& task : queue) task->stopping = true;
  }
}

std::shared_ptr<QueuedTask> TaskQueues::Finish(const QueuedTask& ended) {
  const auto found = tenants_.find(ended.task.tenant.uid);
  found->second.pop_front();
  if (!found->second.empty()) return found->second.front();
  tenants_.erase(found);
  return nullptr;
}

std::shared_ptr<QueuedTask> TaskQueues::Find(const Fencing& fencing) const {
  for (const auto& [uid, queue] : tenants_) {
    for (const std::shared_ptr<QueuedTask>& task : queue) {
      if (KeyOf(task->task.fencing) == KeyOf(fencing)) return task;
    }
  }
  return nullptr;
}

}  // namespace croft::agent
