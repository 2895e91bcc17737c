// Runs a task by the handler of its kind, no longer than until its deadline.

#include "agent/tasks/task_runner.h"

#include <utility>

#include <absl/time/clock.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

// A context that also stops at the task's own deadline.
class DeadlineContext final : public TaskContext {
 public:
  DeadlineContext(TaskContext& inner, absl::Time deadline) : inner_(inner), deadline_(deadline) {}

  void Report(absl::string_view message) override { inner_.Report(message); }

  void HandOver(InventoryTaken part) override { inner_.HandOver(std::move(part)); }

  absl::Status KeepGoing() const override {
    if (absl::Now() >= deadline_) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "the task's time is up",
                       {.reason = "TASK_DEADLINE"});
    }
    return inner_.KeepGoing();
  }

 private:
  TaskContext& inner_;
  const absl::Time deadline_;
};

}  // namespace

absl::StatusOr<Outcome> TaskRunner::Run(const Task& task, TaskContext& context) const {
  const auto handler = handlers_.find(task.work.index());
  if (handler == handlers_.end()) {
    return MakeError(
        absl::StatusCode::kUnimplemented, "this agent does not know the kind of task; update it",
        {.reason = "UNKNOWN_TASK", .metadata = {{"kind", std::string(KindOf(task.work).name)}}});
  }
  DeadlineContext bounded(context, task.deadline);
  CROFT_RETURN_IF_ERROR(bounded.KeepGoing());
  return handler->second(task, bounded);
}

}  // namespace croft::agent
