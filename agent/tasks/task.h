#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/dump_format/finding.h"

// What the control plane asks an agent to do, in plain types: the twin of agent.proto's Task, whose comments say what each
// part means. A kind of task is a type here, in Work, and a file of this folder.
namespace croft::v1 {
class Task;
}

namespace croft::agent {

class BackupJob;
class SqlTask;

struct Fencing {
  int64_t epoch = 0;
  int64_t order = 0;
  std::string operation;
  int32_t step = 0;
  int32_t attempt = 0;

  friend bool operator==(const Fencing&, const Fencing&) = default;
};

struct TenantObjects {
  std::string uid;
  int64_t generation = 0;
  std::string database;
  std::string owner_role;
  std::string reader_role;
};

struct Login {
  std::string name;
  bool read_only = false;
  std::string verifier;
};

struct DatabaseLimits {
  int32_t connections = 50;
  absl::Duration statement_timeout = absl::ZeroDuration();
  bool closed_for_growth = false;
};

struct BackupSource {
  std::string backup;
  std::string store;
  std::string key;
  std::string uid;
  int64_t generation = 0;
  std::string sha256;
  std::string owner_role;
  std::string reader_role;
};

// Quick tasks take moments; bulk ones move whole databases, and only a few of them run at a time.
enum class TaskPool { kQuick, kBulk };

// What is the same of all tasks of a kind. Each type of work has its own, as kKind: what the agent announces, which of its
// pools runs a task, and of which field of Task.work FromProto() makes one follow from it.
struct TaskKind {
  absl::string_view name;  // as in agent.proto's Task.work
  TaskPool pool = TaskPool::kQuick;
};

// --- What comes of a task.

struct Done {
  std::string message;
};
struct BackedUp {
  int64_t size_bytes = 0;
  std::string sha256;
  std::string server_version;
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::vector<Finding> findings;  // all of them, the gravest first
  int64_t database_bytes = 0;
};
struct Verified {
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::vector<Finding> findings;
};
struct Restored {
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::vector<Finding> findings;
};
struct InventoryDatabase {
  std::string name;
  std::string uid;
  int64_t generation = 0;
  bool allows_connections = false;
  bool invalid = false;
  int64_t size_bytes = 0;
  std::string owner;
  std::vector<std::string> missing_grants;
};
struct InventoryRole {
  std::string name;
  bool can_login = false;
  bool expired = false;
  bool overprivileged = false;
  std::string verifier_digest;
  std::vector<std::string> held_by;
};
struct InventoryManifest {
  int64_t generation = 0;
  std::string database;
  std::string owner_role;
  std::string reader_role;
  absl::Time create_time;
  std::string server_version;
  std::string locale;
  std::string sha256;
  std::string wrapped_key;
  int64_t table_count = 0;
  int64_t row_count = 0;
  std::vector<std::string> extensions;
};
struct InventoryBackup {
  std::string store;
  std::string uid;
  std::string backup;
  bool has_archive = false;
  bool has_manifest = false;
  int64_t size_bytes = 0;
  std::optional<InventoryManifest> manifest;
};
struct InventoryKey {
  std::string store;
  std::string uid;
  std::string wrapped_data_key;
};
struct InventoryStore {
  std::string store;
  std::string problem;
};
// The highest command that was obeyed for a tenant.
struct InventoryPosition {
  std::string uid;
  int64_t epoch = 0;
  int64_t order = 0;
};
struct InventoryTaken {
  std::vector<InventoryDatabase> databases;
  std::vector<InventoryRole> roles;
  std::vector<InventoryBackup> backups;
  std::vector<InventoryKey> keys;
  std::vector<InventoryStore> stores;
  std::vector<std::string> orphan_directories;
  std::vector<InventoryPosition> positions;  // whoever keeps the journal adds them
};

// An error carries details (common/errors.h): UNAVAILABLE, DEADLINE_EXCEEDED and RESOURCE_EXHAUSTED are worth
// another attempt, every other code is not. agent/backup/failure.h adds its cause and the objects it is about.
using Outcome = std::variant<Done, BackedUp, Verified, InventoryTaken, Restored>;

// --- What a task is to do: a type for each kind. The file of the kind reads it, FromProto(), and runs it: Run(), as a
// --- change of databases and roles (sql_task.h) or as a job on backups (backup_job.h).

struct CreateWork {
  static constexpr TaskKind kKind{"create", TaskPool::kQuick};
  static CreateWork FromProto(const v1::Task& task);

  DatabaseLimits limits;
  std::vector<Login> logins;
  std::vector<std::string> extensions;
  std::string locale;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const CreateWork& work);

struct ConfigureWork {
  static constexpr TaskKind kKind{"configure", TaskPool::kQuick};
  static ConfigureWork FromProto(const v1::Task& task);

  DatabaseLimits limits;
  std::vector<Login> logins;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const ConfigureWork& work);

struct FenceWork {
  static constexpr TaskKind kKind{"fence", TaskPool::kQuick};
  static FenceWork FromProto(const v1::Task& task);

  bool allow_readers = false;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const FenceWork& work);

struct UnfenceWork {
  static constexpr TaskKind kKind{"unfence", TaskPool::kQuick};
  static UnfenceWork FromProto(const v1::Task& task);

  std::vector<Login> logins;
  DatabaseLimits limits;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const UnfenceWork& work);

struct DropWork {
  static constexpr TaskKind kKind{"drop", TaskPool::kQuick};
  static DropWork FromProto(const v1::Task& task);

  std::vector<std::string> databases;
  bool roles = false;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const DropWork& work);

struct BackUpWork {
  static constexpr TaskKind kKind{"back_up", TaskPool::kBulk};
  static BackUpWork FromProto(const v1::Task& task);

  std::string backup;
  std::string store;
  std::string key;
  std::string wrapped_key;
  std::string wrapped_data_key;
  bool sealed = false;
  absl::Duration max_duration = absl::Hours(6);
  std::vector<std::string> skip_rows;  // patterns (common/table_pattern.h)
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const BackUpWork& work);

struct VerifyWork {
  static constexpr TaskKind kKind{"verify", TaskPool::kBulk};
  static VerifyWork FromProto(const v1::Task& task);

  BackupSource source;
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const VerifyWork& work);

struct RestoreWork {
  static constexpr TaskKind kKind{"restore", TaskPool::kBulk};
  static RestoreWork FromProto(const v1::Task& task);

  BackupSource source;
  DatabaseLimits limits;
  std::vector<Login> logins;
  std::string locale;
  bool allow_incomplete = false;
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const RestoreWork& work);

struct RestorePartWork {
  static constexpr TaskKind kKind{"restore_part", TaskPool::kBulk};
  static RestorePartWork FromProto(const v1::Task& task);

  RestoreWork restore;
  std::vector<std::string> only;  // patterns (common/table_pattern.h)
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const RestorePartWork& work);

struct RotateWork {
  static constexpr TaskKind kKind{"rotate", TaskPool::kQuick};
  static absl::StatusOr<RotateWork> FromProto(const v1::Task& task);

  bool enable = false;  // make and prove `login`; else disable it
  Login login;
  std::string replaces;  // with `enable`; empty: none
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const RotateWork& work);

struct DeleteBackupWork {
  static constexpr TaskKind kKind{"delete_backup", TaskPool::kQuick};
  static DeleteBackupWork FromProto(const v1::Task& task);

  std::string store;
  std::vector<std::string> backups;
  bool all = false;
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const DeleteBackupWork& work);

struct CopyBackupWork {
  static constexpr TaskKind kKind{"copy_backup", TaskPool::kBulk};
  static CopyBackupWork FromProto(const v1::Task& task);

  std::string backup;
  std::string from_store;
  std::string to_store;
  std::string sha256;
  std::string wrapped_data_key;
};
absl::StatusOr<Outcome> Run(const BackupJob& job, const CopyBackupWork& work);

struct LimitGrowthWork {
  static constexpr TaskKind kKind{"limit_growth", TaskPool::kQuick};
  static LimitGrowthWork FromProto(const v1::Task& task);

  bool closed = false;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const LimitGrowthWork& work);

struct RenumberWork {
  static constexpr TaskKind kKind{"renumber", TaskPool::kQuick};
  static RenumberWork FromProto(const v1::Task& task);

  std::string database;  // as it is called now, without its seal
  int64_t generation = 0;
};
absl::StatusOr<Outcome> Run(const SqlTask& task, const RenumberWork& work);

struct InventoryWork {
  static constexpr TaskKind kKind{"inventory", TaskPool::kQuick};
  static InventoryWork FromProto(const v1::Task& task);

  std::vector<std::string> stores;
  bool manifests = false;
};  // run by RegisterInventoryTask() (inventory.h)

using Work = std::variant<CreateWork, ConfigureWork, FenceWork, UnfenceWork, DropWork, BackUpWork,
                          VerifyWork, RestoreWork, RestorePartWork, RotateWork, DeleteBackupWork,
                          LimitGrowthWork, RenumberWork, CopyBackupWork, InventoryWork>;

// UNIMPLEMENTED (UNKNOWN_TASK) for a kind of work that this agent does not know, INVALID_ARGUMENT for one that says too
// little.
[[nodiscard]] absl::StatusOr<Work> WorkFromProto(const v1::Task& proto);

[[nodiscard]] const TaskKind& KindOf(const Work& work);

// The names of all kinds, in Work's order: what an agent announces.
[[nodiscard]] std::vector<std::string> TaskKindNames();

struct Task {
  Fencing fencing;
  TenantObjects tenant;
  absl::Time deadline = absl::InfiniteFuture();
  Work work;
  std::string trace_id;  // of the call that began the operation, or empty
};

// What a running task may ask of whoever runs it. Thread-safe.
class TaskContext {
 public:
  virtual ~TaskContext() = default;
  // For people; may be dropped.
  virtual void Report(absl::string_view message) = 0;
  // Sends a part of what an inventory has found before its outcome, so that what lies in a large store is never in memory
  // at once. Waits while earlier parts are not sent yet; may be dropped.
  virtual void HandOver(InventoryTaken part) = 0;
  // CANCELLED or DEADLINE_EXCEEDED when the task is to stop at the next safe point; asked between steps.
  virtual absl::Status KeepGoing() const = 0;
};

}  // namespace croft::agent
