#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "agent/tasks/task.h"

// What is derived from the types in Work.
namespace croft::agent {

// Stands for a type where a value is called for.
template <typename W>
struct WorkType {
  using Type = W;
};

// Calls `visit` with the WorkType of each kind.
template <typename Visit>
void ForEachWork(Visit visit) {
  [&]<size_t... I>(std::index_sequence<I...>) {
    (visit(WorkType<std::variant_alternative_t<I, Work>>()), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Work>>());
}

// Whether W is run as a T, which is SqlTask or BackupJob.
template <typename W, typename T>
inline constexpr bool kRunsAs = requires(const T& task, const W& work) {
  Run(task, work);
};

// A kind that nothing runs does not compile.
template <typename W>
inline constexpr bool kIsRun =
    kRunsAs<W, SqlTask> || kRunsAs<W, BackupJob> || std::is_same_v<W, InventoryWork>;

}  // namespace croft::agent
