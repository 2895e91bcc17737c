#pragma once

#include <functional>
#include <map>
#include <type_traits>
#include <variant>

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
  template <typename W, size_t I = 0>
  static constexpr size_t Index() {
    if constexpr (std::is_same_v<W, std::variant_alternative_t<I, Work>>) {
      return I;
    } else {
      return Index<W, I + 1>();
    }
  }

  std::map<size_t, std::function<absl::StatusOr<Outcome>(const Task&, TaskContext&)>> handlers_;
};

}  // namespace croft::agent
