#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/finding.h"
#include "controlplane/domain/stored.h"
#include "controlplane/domain/task.h"
#include "controlplane/domain/tenant.h"

// An operation and its steps.
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
  kLimitGrowth,
  kCampaign,
  kUndoRestore,
  kCopyBackup,
  // Croft's own: an undo copy or a replaced login whose time is up. Not listed to callers.
  kCleanUp,
};

// Names of these enums are those of the API without its prefixes.
constexpr absl::string_view NameOf(OperationKind value) {
  switch (value) {
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
    case OperationKind::kLimitGrowth: return "LIMIT_GROWTH";
    case OperationKind::kCampaign: return "CAMPAIGN";
    case OperationKind::kUndoRestore: return "UNDO_RESTORE";
    case OperationKind::kCopyBackup: return "COPY_BACKUP";
    case OperationKind::kCleanUp: return "CLEAN_UP";
  }
  return "";
}

enum class OperationState { kRunning, kUndoing, kSucceeded, kFailed, kCancelled };

constexpr absl::string_view NameOf(OperationState value) {
  switch (value) {
    case OperationState::kRunning: return "RUNNING";
    case OperationState::kUndoing: return "UNDOING";
    case OperationState::kSucceeded: return "SUCCEEDED";
    case OperationState::kFailed: return "FAILED";
    case OperationState::kCancelled: return "CANCELLED";
  }
  return "";
}

enum class StepState { kPending, kDispatched, kDone, kFailed };

constexpr absl::string_view NameOf(StepState value) {
  switch (value) {
    case StepState::kPending: return "PENDING";
    case StepState::kDispatched: return "DISPATCHED";
    case StepState::kDone: return "DONE";
    case StepState::kFailed: return "FAILED";
  }
  return "";
}

// One coarse task.
struct Step {
  Task task;
  std::string host;   // id; empty for the control plane's own
  bool undo = false;  // part of taking back what failed

  // The database of the tenant's that the task is about.
  int64_t generation = 0;
  std::string database;

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

// What a configure puts back when it fails: the quota, where it set one.
struct ConfigureDetails {
  static constexpr char kKey[] = "configure";

  std::optional<Quota> previous_quota;

  static constexpr std::tuple kStored{Stored("previous_quota", &ConfigureDetails::previous_quota)};
  friend bool operator==(const ConfigureDetails&, const ConfigureDetails&) = default;
};

// What a suspend puts back when it fails.
struct SuspendDetails {
  static constexpr char kKey[] = "suspend";

  TenantState previous_state = TenantState::kReady;
  SuspendMode previous_mode = SuspendMode::kNone;

  static constexpr std::tuple kStored{Stored("previous_state", &SuspendDetails::previous_state),
                                      Stored("previous_mode", &SuspendDetails::previous_mode)};
  friend bool operator==(const SuspendDetails&, const SuspendDetails&) = default;
};

struct RotateDetails {
  static constexpr char kKey[] = "rotate";

  absl::Duration overlap;  // how long the replaced logins go on working

  static constexpr std::tuple kStored{Stored("overlap", &RotateDetails::overlap)};
  friend bool operator==(const RotateDetails&, const RotateDetails&) = default;
};

struct PurgeDetails {
  static constexpr char kKey[] = "purge";

  std::string waiver;  // why no proven backup was asked for

  static constexpr std::tuple kStored{Stored("waiver", &PurgeDetails::waiver)};
  friend bool operator==(const PurgeDetails&, const PurgeDetails&) = default;
};

// What a limiting of growth puts back when it fails.
struct LimitGrowthDetails {
  static constexpr char kKey[] = "limit_growth";

  bool previously_closed = false;

  static constexpr std::tuple kStored{Stored("previously_closed", &LimitGrowthDetails::previously_closed)};
  friend bool operator==(const LimitGrowthDetails&, const LimitGrowthDetails&) = default;
};

// What a campaign does, and how far it is. Of the tenants that it selects it remembers up to which id they were taken, so
// that it stays small however many there are.
struct CampaignDetails {
  OperationKind child_kind = OperationKind::kBackUp;
  std::string filter;                // of the API, for tenants
  int32_t width = 1;                 // how many children run at once
  int32_t max_failures = 1;          // none is begun after so many have failed
  absl::Duration overlap;            // of kRotate, as in RotateDetails
  int32_t total = 0;                 // selected when it began
  std::string taken_up_to;           // id; tenants up to this one have been looked at
  bool all_taken = false;            // none is behind it
  std::vector<std::string> waiting;  // ids of those that were busy in their turn and are tried again
  int32_t running = 0;               // children that have not ended
  int32_t succeeded = 0;
  int32_t failed = 0;  // tenants that could not have a child among them

  static constexpr char kKey[] = "campaign";
  static constexpr std::tuple kStored{Stored("child_kind", &CampaignDetails::child_kind),
                                      Stored("filter", &CampaignDetails::filter),
                                      Stored("width", &CampaignDetails::width),
                                      Stored("max_failures", &CampaignDetails::max_failures),
                                      Stored("overlap", &CampaignDetails::overlap),
                                      Stored("total", &CampaignDetails::total),
                                      Stored("taken_up_to", &CampaignDetails::taken_up_to),
                                      Stored("all_taken", &CampaignDetails::all_taken),
                                      Stored("waiting", &CampaignDetails::waiting),
                                      Stored("running", &CampaignDetails::running),
                                      Stored("succeeded", &CampaignDetails::succeeded),
                                      Stored("failed", &CampaignDetails::failed)};
  friend bool operator==(const CampaignDetails&, const CampaignDetails&) = default;
};

// Tenants that have no child, and did not fail to get one.
inline int32_t NotBegun(const CampaignDetails& campaign) {
  return campaign.total - campaign.running - campaign.succeeded - campaign.failed;
}

// The database that an undo of a restore puts back, as it was kept, and what it puts back itself when it fails.
struct UndoRestoreDetails {
  static constexpr char kKey[] = "undo_restore";

  KeptDatabase kept;
  bool previously_closed = false;  // for growth

  static constexpr std::tuple kStored{Stored("kept", &UndoRestoreDetails::kept),
                                      Stored("previously_closed", &UndoRestoreDetails::previously_closed)};
  friend bool operator==(const UndoRestoreDetails&, const UndoRestoreDetails&) = default;
};

// What an operation remembers that only its kind needs. It is stored under kKey as kStored says (stored.h).
using OperationDetails =
    std::variant<std::monostate, ConfigureDetails, SuspendDetails, RotateDetails, PurgeDetails,
                 LimitGrowthDetails, CampaignDetails, UndoRestoreDetails>;

// A persisted plan. `steps` only grows: undo steps are appended.
struct Operation {
  std::string id;
  OperationKind kind = OperationKind::kCreate;
  std::string tenant;         // id of the tenant that is held; empty for one that has children
  std::string source_tenant;  // restore as new: whose backup is read
  std::string backup;         // id of the backup that is made, proven, read or deleted
  std::string host;           // id of the host whose tenants its children are about; empty: the fleet's
  std::string parent;         // id of the operation whose child it is; empty for most
  std::string caller;
  std::string traceparent;  // W3C's, of the call that began it; empty where that had none
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
  OperationDetails details;
  // What an operator should know although, or because, it ended as it did.
  Findings warnings;

  friend bool operator==(const Operation&, const Operation&) = default;
};

inline bool Ended(const Operation& operation) {
  return operation.state == OperationState::kSucceeded || operation.state == OperationState::kFailed ||
         operation.state == OperationState::kCancelled;
}

// Its steps are operations of their own, its children.
inline bool HasChildren(const Operation& operation) {
  return std::holds_alternative<CampaignDetails>(operation.details);
}

// Index of the first step that is neither done nor given up and counts in the present state (undo steps
// while kUndoing, the others while kRunning); nullopt when there is none left.
std::optional<size_t> CurrentStep(const Operation& operation);

// The details of type T, made when the operation has none yet.
template <typename T>
T& Details(Operation& operation) {
  auto* details = std::get_if<T>(&operation.details);
  return details != nullptr ? *details : operation.details.emplace<T>();
}

// Nothing remembered when it has none.
template <typename T>
T Details(const Operation& operation) {
  const auto* details = std::get_if<T>(&operation.details);
  return details != nullptr ? *details : T();
}

}  // namespace croft::domain
