#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/stored.h"

// What a step asks an agent to do: one type for each kind of task, with the references that only this kind needs.
// Names only: secrets are opened when the task is sent. A new kind of task is a type here, in Task and in TaskKind. Its
// members are stored as its kStored says (stored.h).
namespace croft::domain {

// In the order of Task's alternatives.
enum class TaskKind {
  kCreate,
  kConfigure,
  kFence,
  kUnfence,
  kDrop,
  kBackUp,
  kVerify,
  kRestore,
  kRotate,
  kDeleteBackup,
  kLimitGrowth,
  kRenumber,
  kCopyBackup,
  kEraseKey,
};

struct BackupRef {
  std::string tenant;  // id of the tenant it was taken from
  std::string id;

  static constexpr std::tuple kStored{Stored("tenant", &BackupRef::tenant), Stored("id", &BackupRef::id)};
  friend bool operator==(const BackupRef&, const BackupRef&) = default;
};

struct CreateTask {
  static constexpr TaskKind kKind = TaskKind::kCreate;

  friend bool operator==(const CreateTask&, const CreateTask&) = default;
};

struct ConfigureTask {
  static constexpr TaskKind kKind = TaskKind::kConfigure;

  friend bool operator==(const ConfigureTask&, const ConfigureTask&) = default;
};

struct FenceTask {
  static constexpr TaskKind kKind = TaskKind::kFence;

  bool allow_readers = false;

  static constexpr std::tuple kStored{Stored("allow_readers", &FenceTask::allow_readers)};
  friend bool operator==(const FenceTask&, const FenceTask&) = default;
};

struct UnfenceTask {
  static constexpr TaskKind kKind = TaskKind::kUnfence;

  std::vector<std::string> logins;  // those that get in again

  static constexpr std::tuple kStored{Stored("logins", &UnfenceTask::logins)};
  friend bool operator==(const UnfenceTask&, const UnfenceTask&) = default;
};

struct DropTask {
  static constexpr TaskKind kKind = TaskKind::kDrop;

  std::vector<std::string> databases;
  bool roles = false;      // the tenant's roles go too
  bool undo_copy = false;  // the host still counts the database; its place is free when it is dropped

  static constexpr std::tuple kStored{Stored("databases", &DropTask::databases),
                                      Stored("roles", &DropTask::roles),
                                      Stored("undo_copy", &DropTask::undo_copy)};
  friend bool operator==(const DropTask&, const DropTask&) = default;
};

struct BackUpTask {
  static constexpr TaskKind kKind = TaskKind::kBackUp;

  BackupRef backup;
  bool sealed = false;                 // the database is fenced and is dumped under its sealed name
  absl::Duration max_duration;         // longest age of the dump's snapshot; zero is the agent's default
  std::vector<std::string> skip_rows;  // patterns of tables whose rows are left out

  static constexpr std::tuple kStored{
      Stored("backup", &BackUpTask::backup), Stored("sealed", &BackUpTask::sealed),
      Stored("max_duration", &BackUpTask::max_duration), Stored("skip_rows", &BackUpTask::skip_rows)};
  friend bool operator==(const BackUpTask&, const BackUpTask&) = default;
};

struct VerifyTask {
  static constexpr TaskKind kKind = TaskKind::kVerify;

  BackupRef backup;
  std::string store;  // the one with the copy that is meant; empty: the backup's own

  static constexpr std::tuple kStored{Stored("backup", &VerifyTask::backup),
                                      Stored("store", &VerifyTask::store)};
  friend bool operator==(const VerifyTask&, const VerifyTask&) = default;
};

struct RestoreTask {
  static constexpr TaskKind kKind = TaskKind::kRestore;

  BackupRef backup;
  std::string store;              // the one with the copy that is meant; empty: the backup's own
  bool allow_incomplete = false;  // leave out what does not restore
  std::vector<std::string> only;  // patterns of what is restored; empty: all

  static constexpr std::tuple kStored{
      Stored("backup", &RestoreTask::backup), Stored("store", &RestoreTask::store),
      Stored("allow_incomplete", &RestoreTask::allow_incomplete), Stored("only", &RestoreTask::only)};
  friend bool operator==(const RestoreTask&, const RestoreTask&) = default;
};

struct RotateTask {
  static constexpr TaskKind kKind = TaskKind::kRotate;

  std::string login;
  bool enable = false;  // make the login and prove it; else disable it

  static constexpr std::tuple kStored{Stored("login", &RotateTask::login),
                                      Stored("enable", &RotateTask::enable)};
  friend bool operator==(const RotateTask&, const RotateTask&) = default;
};

struct DeleteBackupTask {
  static constexpr TaskKind kKind = TaskKind::kDeleteBackup;

  BackupRef backup;
  std::string store;  // the one with the copy that is meant; empty: the backup's own
  bool all = false;   // all that its store holds of the tenant, this backup being one of them

  static constexpr std::tuple kStored{Stored("backup", &DeleteBackupTask::backup),
                                      Stored("store", &DeleteBackupTask::store),
                                      Stored("all", &DeleteBackupTask::all)};
  friend bool operator==(const DeleteBackupTask&, const DeleteBackupTask&) = default;
};

struct LimitGrowthTask {
  static constexpr TaskKind kKind = TaskKind::kLimitGrowth;

  bool closed = false;

  static constexpr std::tuple kStored{Stored("closed", &LimitGrowthTask::closed)};
  friend bool operator==(const LimitGrowthTask&, const LimitGrowthTask&) = default;
};

// Gives a sealed database, called `database` and of `generation` now, the step's name and generation.
struct RenumberTask {
  static constexpr TaskKind kKind = TaskKind::kRenumber;

  std::string database;
  int64_t generation = 0;

  static constexpr std::tuple kStored{Stored("database", &RenumberTask::database),
                                      Stored("generation", &RenumberTask::generation)};
  friend bool operator==(const RenumberTask&, const RenumberTask&) = default;
};

struct CopyBackupTask {
  static constexpr TaskKind kKind = TaskKind::kCopyBackup;

  BackupRef backup;
  std::string from_store;
  std::string to_store;

  static constexpr std::tuple kStored{Stored("backup", &CopyBackupTask::backup),
                                      Stored("from_store", &CopyBackupTask::from_store),
                                      Stored("to_store", &CopyBackupTask::to_store)};
  friend bool operator==(const CopyBackupTask&, const CopyBackupTask&) = default;
};

// The control plane's own: no agent runs it.
struct EraseKeyTask {
  static constexpr TaskKind kKind = TaskKind::kEraseKey;

  friend bool operator==(const EraseKeyTask&, const EraseKeyTask&) = default;
};

using Task = std::variant<CreateTask, ConfigureTask, FenceTask, UnfenceTask, DropTask, BackUpTask,
                          VerifyTask, RestoreTask, RotateTask, DeleteBackupTask, LimitGrowthTask,
                          RenumberTask, CopyBackupTask, EraseKeyTask>;

static_assert(std::variant_size_v<Task> == static_cast<size_t>(TaskKind::kEraseKey) + 1,
              "every alternative of Task has its TaskKind");

inline TaskKind KindOf(const Task& task) { return static_cast<TaskKind>(task.index()); }

// The task without a payload that fits it yet, such as a decoder begins with.
Task EmptyTask(TaskKind kind);

// The backup that the task makes, reads, proves, copies or deletes; nullptr when it is about none.
const BackupRef* BackupOf(const Task& task);

// The store with the copy that the task reads, proves or deletes; empty where it means the backup's own store.
std::string CopyStoreOf(const Task& task);

// As agents, the API and the catalog call it: `create`, `back_up`, …
constexpr absl::string_view NameOf(TaskKind kind) {
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
    case TaskKind::kLimitGrowth: return "limit_growth";
    case TaskKind::kRenumber: return "renumber";
    case TaskKind::kCopyBackup: return "copy_backup";
    case TaskKind::kEraseKey: return "erase_key";
  }
  return "";
}

}  // namespace croft::domain
