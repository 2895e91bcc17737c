// Runs the steps of a task, each only where the server shows that it is needed.

#include "agent/tasks/task_step.h"

#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::agent {

absl::Status RunSteps(const std::vector<TaskStep>& steps, TaskContext& context) {
  for (const TaskStep& step : steps) {
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    CROFT_ASSIGN_OR_RETURN(const bool done_before, step.done());
    if (done_before) continue;
    context.Report(step.name);
    CROFT_RETURN_IF_ERROR(Annotate(step.act(), step.name));
    CROFT_ASSIGN_OR_RETURN(const bool done_now, step.done());
    if (!done_now) {
      return MakeError(absl::StatusCode::kInternal,
                       absl::StrCat(step.name, ": PostgreSQL accepted it and does not show it"),
                       {.reason = "NO_EFFECT", .metadata = {{"step", std::string(step.name)}}});
    }
  }
  return absl::OkStatus();
}

Timeout TimeoutOf(const Task& task, TaskContext& context) {
  return {.deadline = task.deadline, .keep_going = [&context] { return context.KeepGoing(); }};
}

}  // namespace croft::agent
