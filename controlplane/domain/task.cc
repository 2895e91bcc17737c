// Makes an empty task of each kind, and finds the backup that a task is about.

#include "controlplane/domain/task.h"

#include <type_traits>

namespace croft::domain {
namespace {

template <size_t I = 0>
Task Make(size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Task>) {
    if (index != I) return Make<I + 1>(index);
  }
  return Task(std::in_place_index<I>);
}

template <TaskKind kind, typename T>
constexpr bool kIs = std::is_same_v<std::variant_alternative_t<static_cast<size_t>(kind), Task>, T>;

static_assert(kIs<TaskKind::kCreate, CreateTask> && kIs<TaskKind::kConfigure, ConfigureTask> &&
                  kIs<TaskKind::kFence, FenceTask> && kIs<TaskKind::kUnfence, UnfenceTask> &&
                  kIs<TaskKind::kDrop, DropTask> && kIs<TaskKind::kBackUp, BackUpTask> &&
                  kIs<TaskKind::kVerify, VerifyTask> && kIs<TaskKind::kRestore, RestoreTask> &&
                  kIs<TaskKind::kRotate, RotateTask> && kIs<TaskKind::kDeleteBackup, DeleteBackupTask> &&
                  kIs<TaskKind::kLimitGrowth, LimitGrowthTask> && kIs<TaskKind::kEraseKey, EraseKeyTask>,
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

}  // namespace croft::domain
