// Makes an empty task of each kind, and finds the backup that a task is about.

#include "controlplane/domain/task.h"

#include <utility>

namespace croft::domain {
namespace {

template <size_t I = 0>
Task Make(size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Task>) {
    if (index != I) return Make<I + 1>(index);
  }
  return Task(std::in_place_index<I>);
}

template <size_t... I>
constexpr bool AreInOrder(std::index_sequence<I...>) {
  return ((std::variant_alternative_t<I, Task>::kKind == static_cast<TaskKind>(I)) && ...);
}

static_assert(AreInOrder(std::make_index_sequence<std::variant_size_v<Task>>()),
              "TaskKind has the order of Task's alternatives");

}  // namespace

Task EmptyTask(TaskKind kind) { return Make(static_cast<size_t>(kind)); }

const BackupRef* BackupOf(const Task& task) {
  return std::visit(
      [](const auto& one) -> const BackupRef* {
        if constexpr (requires { one.backup; }) {
          return &one.backup;
        } else {
          return nullptr;
        }
      },
      task);
}

std::string CopyStoreOf(const Task& task) {
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (requires { one.store; }) {
          return one.store;
        } else {
          return "";
        }
      },
      task);
}

}  // namespace croft::domain
