#pragma once

#include <array>
#include <optional>

#include <absl/strings/string_view.h>

#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"

// The life of a tenant, as data. docs/lifecycle.md is drawn from it.
namespace croft::domain {

enum class TenantEvent { kCreated, kCreateFailed, kSuspend, kResume, kRetire, kUndelete, kPurge };

struct TenantTransition {
  TenantState from;
  TenantEvent event;
  TenantState to;
  absl::string_view comment;
};

// clang-format off
inline constexpr std::array kTenantLife = {
    TenantTransition{TenantState::kCreating,  TenantEvent::kCreated,      TenantState::kReady,     "its logins were proven to get in"},
    TenantTransition{TenantState::kCreating,  TenantEvent::kCreateFailed, TenantState::kFailed,    "what was made has been taken back"},
    TenantTransition{TenantState::kReady,     TenantEvent::kSuspend,      TenantState::kSuspended, "lookups refuse before the sessions end"},
    TenantTransition{TenantState::kSuspended, TenantEvent::kSuspend,      TenantState::kSuspended, "another mode"},
    TenantTransition{TenantState::kSuspended, TenantEvent::kResume,       TenantState::kReady,     "open again, and proven"},
    TenantTransition{TenantState::kReady,     TenantEvent::kRetire,       TenantState::kRetired,   "lookups refuse; fence and final backup follow"},
    TenantTransition{TenantState::kSuspended, TenantEvent::kRetire,       TenantState::kRetired,   "undelete will bring it back suspended"},
    TenantTransition{TenantState::kRetired,   TenantEvent::kRetire,       TenantState::kRetired,   "again, to fence and prove what failed the first time"},
    TenantTransition{TenantState::kRetired,   TenantEvent::kUndelete,     TenantState::kReady,     "or SUSPENDED, if it was that before"},
    TenantTransition{TenantState::kRetired,   TenantEvent::kPurge,        TenantState::kPurged,    "everything of it is gone"},
    TenantTransition{TenantState::kFailed,    TenantEvent::kPurge,        TenantState::kPurged,    "frees its id"},
};
// clang-format on

// The state after `event`, or nullopt where the table has no such row.
std::optional<TenantState> Next(TenantState from, TenantEvent event);

}  // namespace croft::domain
