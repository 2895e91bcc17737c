// Which step of an operation is the current one.

#include "controlplane/domain/operation.h"

namespace croft::domain {

std::optional<size_t> CurrentStep(const Operation& operation) {
  if (Ended(operation)) return std::nullopt;
  const bool undoing = operation.state == OperationState::kUndoing;
  for (size_t i = 0; i < operation.steps.size(); ++i) {
    const Step& step = operation.steps[i];
    const bool open = step.state == StepState::kPending || step.state == StepState::kDispatched;
    if (step.undo == undoing && open) return i;
  }
  return std::nullopt;
}

}  // namespace croft::domain
