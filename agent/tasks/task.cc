// Names of the kinds of tasks.

#include "agent/tasks/task.h"

#include <type_traits>
#include <utility>

namespace croft::agent {
namespace {

template <size_t... I>
std::vector<std::string> Names(std::index_sequence<I...>) {
  return {std::string(std::variant_alternative_t<I, Work>::kKind.name)...};
}

}  // namespace

const TaskKind& KindOf(const Work& work) {
  return std::visit([](const auto& one) -> const TaskKind& { return std::decay_t<decltype(one)>::kKind; },
                    work);
}

std::vector<std::string> TaskKindNames() {
  return Names(std::make_index_sequence<std::variant_size_v<Work>>());
}

}  // namespace croft::agent
