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

absl::string_view TaskName(TaskKind kind) {
  switch (kind) {
    case TaskKind::kCreate: return "create";
    case TaskKind::kConfigure: return "configure";
    case TaskKind::kFence: return "fence";
    case TaskKind::kUnfence: return "unfence";
    case TaskKind::kDrop: return "drop";
    case TaskKind::kBackUp: return "back_up";
    case TaskKind::kVerify: return "verify";
    case TaskKind::kRestore: return "restore";
    case TaskKind::kRotate: return "rotate";
    case TaskKind::kDeleteBackup: return "delete_backup";
    case TaskKind::kEraseKey: return "erase_key";
  }
  return "";
}

absl::string_view OperationKindName(OperationKind kind) {
  switch (kind) {
    case OperationKind::kCreate: return "CREATE";
    case OperationKind::kConfigure: return "CONFIGURE";
    case OperationKind::kSuspend: return "SUSPEND";
    case OperationKind::kResume: return "RESUME";
    case OperationKind::kRetire: return "RETIRE";
    case OperationKind::kUndelete: return "UNDELETE";
    case OperationKind::kPurge: return "PURGE";
    case OperationKind::kRestore: return "RESTORE";
    case OperationKind::kRotate: return "ROTATE";
    case OperationKind::kBackUp: return "BACK_UP";
    case OperationKind::kVerify: return "VERIFY";
    case OperationKind::kDeleteBackup: return "DELETE_BACKUP";
    case OperationKind::kCleanUp: return "CLEAN_UP";
  }
  return "";
}

}  // namespace croft::domain
