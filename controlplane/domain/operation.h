#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/finding.h"
#include "controlplane/domain/tenant.h"

namespace croft::domain {

enum class OperationKind {
  kCreate,
  kConfigure,
  kSuspend,
  kResume,
  kRetire,
  kUndelete,
  kPurge,
  kRestore,
  kRotate,
  kBackUp,
  kVerify,
  kDeleteBackup,
  // Croft's own: an undo copy or a replaced login whose time is up. Not listed to callers.
  kCleanUp,
};

enum class OperationState { kRunning, kUndoing, kSucceeded, kFailed, kCancelled };

enum class StepState { kPending, kDispatched, kDone, kFailed };

// What an agent is asked to do in a step. kEraseKey is the control plane's own.
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
  kEraseKey,
};

// What becomes true in the catalog in the transaction that records a step's success.
enum class Landing {
  kNone,
  kTenantReady,      // created or restored as new: READY
  kTenantResumed,    // READY
  kTenantUndeleted,  // the state before it was retired
  kTenantFenced,     // retirement's fence is complete
  kPlacementMoved,   // the step's generation is the placement now; the old one becomes an undo copy
  kCredentialsPublished,
  kLoginDisabled,
  kBackupAvailable,
  kBackupVerified,
  kBackupDeleted,
  kCopyDropped,   // an undo copy is gone; its room is free again
  kTenantErased,  // tombstone
};

// One coarse task. Names and references only: secrets are opened when the task is sent.
struct Step {
  TaskKind task = TaskKind::kCreate;
  std::string host;  // id; empty for the control plane's own
  Landing landing = Landing::kNone;
  bool undo = false;  // part of taking back what failed

  // Payload, as the kind needs it.
  int64_t generation = 0;
  std::string database;
  std::string backup;         // id
  std::string backup_tenant;  // id of the tenant it was taken from
  std::vector<std::string> logins;
  bool flag =
      false;  // fence: allow readers · rotate: enable · drop: roles too · back up: sealed · delete: all
  std::vector<std::string> databases;  // drop

  StepState state = StepState::kPending;
  int32_t attempt = 0;
  int32_t refusals = 0;                   // attempts that the server or the tenant's code refused
  std::string refusal_reason;             // of the last of them
  int32_t same_refusals = 0;              // how many of the last ones were for that reason
  std::optional<absl::Time> short_since;  // when disk, memory, locks or connections first ran out
  std::optional<absl::Time> not_before;   // a retry's or an appointed time
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::string message;

  friend bool operator==(const Step&, const Step&) = default;
};

struct OperationError {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reason;
  std::string message;

  friend bool operator==(const OperationError&, const OperationError&) = default;
};

// A persisted plan. `steps` only grows: undo steps are appended.
struct Operation {
  std::string id;
  OperationKind kind = OperationKind::kCreate;
  std::string tenant;         // id of the tenant that is held
  std::string source_tenant;  // restore as new: whose backup is read
  std::string backup;         // id of the backup that is made, proven, read or deleted
  std::string caller;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
  std::optional<absl::Time> end_time;
  absl::Time deadline;

  OperationState state = OperationState::kRunning;
  int64_t order = 0;  // the tenant's when it began
  std::vector<Step> steps;
  // Steps before this one can be taken back; from it on the operation only goes forward.
  int32_t point_of_no_return = 0;
  bool cancel_requested = false;
  std::optional<OperationError> error;
  absl::Duration overlap;         // rotate: how long the replaced logins go on working
  std::string waiver;             // purge: why no proven backup was asked for
  bool allow_incomplete = false;  // restore: leave out what does not restore
  absl::Duration max_duration;  // back up: longest age of the dump's snapshot; zero is the agent's default
  // What an operator should know although, or because, it ended as it did.
  Findings warnings;
  // What a failure puts back.
  std::optional<Quota> previous_quota;
  TenantState previous_state = TenantState::kCreating;
  SuspendMode previous_suspend_mode = SuspendMode::kNone;

  friend bool operator==(const Operation&, const Operation&) = default;
};

inline bool Ended(const Operation& operation) {
  return operation.state == OperationState::kSucceeded || operation.state == OperationState::kFailed ||
         operation.state == OperationState::kCancelled;
}

// Index of the first step that is neither done nor given up and counts in the present state (undo steps
// while kUndoing, the others while kRunning); nullopt when there is none left.
std::optional<size_t> CurrentStep(const Operation& operation);

absl::string_view TaskName(TaskKind kind);                // `create`, `back_up`, …
absl::string_view OperationKindName(OperationKind kind);  // `CREATE`, `BACK_UP`, …

}  // namespace croft::domain
