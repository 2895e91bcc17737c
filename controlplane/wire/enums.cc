#include "controlplane/wire/enums.h"

#include <array>
#include <string>

#include <absl/strings/str_cat.h>

namespace croft::wire {

v1::Tenant::State ToProto(domain::TenantState state) {
  switch (state) {
    case domain::TenantState::kCreating: return v1::Tenant::STATE_CREATING;
    case domain::TenantState::kReady: return v1::Tenant::STATE_READY;
    case domain::TenantState::kSuspended: return v1::Tenant::STATE_SUSPENDED;
    case domain::TenantState::kRetired: return v1::Tenant::STATE_RETIRED;
    case domain::TenantState::kFailed: return v1::Tenant::STATE_FAILED;
    case domain::TenantState::kPurged: return v1::Tenant::STATE_PURGED;
  }
  return v1::Tenant::STATE_UNSPECIFIED;
}

v1::SuspendMode ToProto(domain::SuspendMode mode) {
  switch (mode) {
    case domain::SuspendMode::kNone: return v1::SUSPEND_MODE_UNSPECIFIED;
    case domain::SuspendMode::kBlocked: return v1::SUSPEND_MODE_BLOCKED;
    case domain::SuspendMode::kReadOnly: return v1::SUSPEND_MODE_READ_ONLY;
  }
  return v1::SUSPEND_MODE_UNSPECIFIED;
}

v1::Role ToProto(domain::LoginRole role) {
  switch (role) {
    case domain::LoginRole::kApp: return v1::ROLE_APP;
    case domain::LoginRole::kReadOnly: return v1::ROLE_READ_ONLY;
  }
  return v1::ROLE_UNSPECIFIED;
}

v1::Backup::State ToProto(domain::BackupState state) {
  switch (state) {
    case domain::BackupState::kCreating: return v1::Backup::STATE_CREATING;
    case domain::BackupState::kAvailable: return v1::Backup::STATE_AVAILABLE;
    case domain::BackupState::kVerified: return v1::Backup::STATE_VERIFIED;
    case domain::BackupState::kFailed: return v1::Backup::STATE_FAILED;
    case domain::BackupState::kDeleting: return v1::Backup::STATE_DELETING;
    case domain::BackupState::kVerifiedWithNotes: return v1::Backup::STATE_VERIFIED_WITH_NOTES;
    case domain::BackupState::kIncomplete: return v1::Backup::STATE_INCOMPLETE;
    case domain::BackupState::kDamaged: return v1::Backup::STATE_DAMAGED;
  }
  return v1::Backup::STATE_UNSPECIFIED;
}

v1::Backup::Origin ToProto(domain::BackupOrigin origin) {
  switch (origin) {
    case domain::BackupOrigin::kManual: return v1::Backup::ORIGIN_MANUAL;
    case domain::BackupOrigin::kFinal: return v1::Backup::ORIGIN_FINAL;
    case domain::BackupOrigin::kScheduled: return v1::Backup::ORIGIN_SCHEDULED;
  }
  return v1::Backup::ORIGIN_UNSPECIFIED;
}

v1::Host::State ToProto(domain::HostState state) {
  switch (state) {
    case domain::HostState::kExpected: return v1::Host::STATE_EXPECTED;
    case domain::HostState::kUp: return v1::Host::STATE_UP;
    case domain::HostState::kAway: return v1::Host::STATE_AWAY;
    case domain::HostState::kIdentityChanged: return v1::Host::STATE_IDENTITY_CHANGED;
    case domain::HostState::kMissing: return v1::Host::STATE_MISSING;
    case domain::HostState::kAwaited: return v1::Host::STATE_AWAITED;
    case domain::HostState::kUnconfirmed: return v1::Host::STATE_UNCONFIRMED;
  }
  return v1::Host::STATE_UNSPECIFIED;
}

v1::Operation::Kind ToProto(domain::OperationKind kind) {
  switch (kind) {
    case domain::OperationKind::kCreate: return v1::Operation::KIND_CREATE;
    case domain::OperationKind::kConfigure: return v1::Operation::KIND_CONFIGURE;
    case domain::OperationKind::kSuspend: return v1::Operation::KIND_SUSPEND;
    case domain::OperationKind::kResume: return v1::Operation::KIND_RESUME;
    case domain::OperationKind::kRetire: return v1::Operation::KIND_RETIRE;
    case domain::OperationKind::kUndelete: return v1::Operation::KIND_UNDELETE;
    case domain::OperationKind::kPurge: return v1::Operation::KIND_PURGE;
    case domain::OperationKind::kRestore: return v1::Operation::KIND_RESTORE;
    case domain::OperationKind::kRotate: return v1::Operation::KIND_ROTATE;
    case domain::OperationKind::kBackUp: return v1::Operation::KIND_BACK_UP;
    case domain::OperationKind::kVerify: return v1::Operation::KIND_VERIFY;
    case domain::OperationKind::kDeleteBackup: return v1::Operation::KIND_DELETE_BACKUP;
    case domain::OperationKind::kCleanUp: break;
  }
  return v1::Operation::KIND_UNSPECIFIED;
}

v1::Operation::State ToProto(domain::OperationState state) {
  switch (state) {
    case domain::OperationState::kRunning: return v1::Operation::STATE_RUNNING;
    case domain::OperationState::kUndoing: return v1::Operation::STATE_UNDOING;
    case domain::OperationState::kSucceeded: return v1::Operation::STATE_SUCCEEDED;
    case domain::OperationState::kFailed: return v1::Operation::STATE_FAILED;
    case domain::OperationState::kCancelled: return v1::Operation::STATE_CANCELLED;
  }
  return v1::Operation::STATE_UNSPECIFIED;
}

v1::Step::State ToProto(domain::StepState state) {
  switch (state) {
    case domain::StepState::kPending: return v1::Step::STATE_PENDING;
    case domain::StepState::kDispatched: return v1::Step::STATE_DISPATCHED;
    case domain::StepState::kDone: return v1::Step::STATE_DONE;
    case domain::StepState::kFailed: return v1::Step::STATE_FAILED;
  }
  return v1::Step::STATE_UNSPECIFIED;
}

namespace {

// The one of `all` whose API name is `prefix` and `name`.
template <typename Enum, size_t N, typename NameOf>
std::optional<Enum> Named(const std::array<Enum, N>& all, absl::string_view prefix, absl::string_view name,
                          NameOf name_of) {
  for (const Enum value : all) {
    if (name_of(ToProto(value)) == absl::StrCat(prefix, name)) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<domain::TenantState> TenantStateNamed(absl::string_view name) {
  using enum domain::TenantState;
  return Named(std::array{kCreating, kReady, kSuspended, kRetired, kFailed, kPurged}, "STATE_", name,
               [](auto value) { return v1::Tenant::State_Name(value); });
}

std::optional<domain::HostState> HostStateNamed(absl::string_view name) {
  using enum domain::HostState;
  return Named(std::array{kExpected, kUp, kAway, kIdentityChanged, kMissing, kAwaited, kUnconfirmed},
               "STATE_", name, [](auto value) { return v1::Host::State_Name(value); });
}

std::optional<domain::OperationState> OperationStateNamed(absl::string_view name) {
  using enum domain::OperationState;
  return Named(std::array{kRunning, kUndoing, kSucceeded, kFailed, kCancelled}, "STATE_", name,
               [](auto value) { return v1::Operation::State_Name(value); });
}

std::optional<domain::OperationKind> OperationKindNamed(absl::string_view name) {
  using enum domain::OperationKind;
  return Named(std::array{kCreate, kConfigure, kSuspend, kResume, kRetire, kUndelete, kPurge, kRestore,
                          kRotate, kBackUp, kVerify, kDeleteBackup},
               "KIND_", name, [](auto value) { return v1::Operation::Kind_Name(value); });
}

}  // namespace croft::wire
