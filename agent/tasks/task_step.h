#pragma once

#include <functional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/postgres/timeout.h"
#include "agent/tasks/task.h"

namespace croft::agent {

// One step of a task. `done` looks at the server; `act` is called when it says no, and may be called again
// after being cut anywhere. Neither remembers anything that the server would not show again.
struct TaskStep {
  absl::string_view name;  // for people
  std::function<absl::StatusOr<bool>()> done;
  std::function<absl::Status()> act;
};

// Makes the steps in order. Asks the context before each; looks again after each act, and answers INTERNAL
// (NO_EFFECT) when the server does not show it.
[[nodiscard]] absl::Status RunSteps(const std::vector<TaskStep>& steps, TaskContext& context);

// The task's deadline and its context's wish to go on.
[[nodiscard]] Timeout TimeoutOf(const Task& task, TaskContext& context);

}  // namespace croft::agent
