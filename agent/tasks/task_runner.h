#pragma once

#include <functional>
#include <map>

#include <absl/status/statusor.h>

#include "agent/tasks/task.h"

namespace croft::agent {

// Runs tasks by handlers that were registered for their kind of work. Thread-safe once all are registered,
// as far as the handlers are.
class TaskRunner {
 public:
  template <typename W>
  using Handler = std::function<absl::StatusOr<Outcome>(const Task&, const W&, TaskContext&)>;

  // At most one for each kind of work.
  template <typename W>
  void Register(Handler<W> handler) {
    handlers_[Index<W>()] = [handler = std::move(handler)](const Task& task, TaskContext& context) {
      return handler(task, std::get<W>(task.work), context);
    };
  }

  // UNIMPLEMENTED (UNKNOWN_TASK) for a kind of work without a handler. DEADLINE_EXCEEDED once the task's
  // deadline has passed, whatever its context says.
  [[nodiscard]] absl::StatusOr<Outcome> Run(const Task& task, TaskContext& context) const;

 private:
  template <typename W>
  static size_t Index() {
    return Work(std::in_place_type<W>).index();
  }

  std::map<size_t, std::function<absl::StatusOr<Outcome>(const Task&, TaskContext&)>> handlers_;
};

}  // namespace croft::agent
