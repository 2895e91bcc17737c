#include "controlplane/domain/lifecycle.h"

namespace croft::domain {

std::optional<TenantState> Next(TenantState from, TenantEvent event) {
  for (const TenantTransition& row : kTenantLife) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

bool Exclusive(OperationKind kind) {
  switch (kind) {
    case OperationKind::kBackUp:
    case OperationKind::kVerify:
    case OperationKind::kDeleteBackup:
    case OperationKind::kCleanUp: return false;
    case OperationKind::kCreate:
    case OperationKind::kConfigure:
    case OperationKind::kSuspend:
    case OperationKind::kResume:
    case OperationKind::kRetire:
    case OperationKind::kUndelete:
    case OperationKind::kPurge:
    case OperationKind::kRestore:
    case OperationKind::kRotate: return true;
  }
  return true;
}

bool MayRunBeside(OperationKind running, OperationKind next) {
  // Cleaning up waits for nobody: it touches only what nothing else uses any more.
  if (running == OperationKind::kCleanUp || next == OperationKind::kCleanUp) return true;
  if (Exclusive(running) || Exclusive(next)) return false;
  // Two backups of one database would only make each other slow; and deleting the last one in a store takes
  // along what a new one has just put there.
  const auto writes = [](OperationKind kind) {
    return kind == OperationKind::kBackUp || kind == OperationKind::kDeleteBackup;
  };
  return !(writes(running) && writes(next));
}

absl::Duration TimeoutOf(OperationKind kind) {
  switch (kind) {
    case OperationKind::kCreate:
    case OperationKind::kConfigure:
    case OperationKind::kSuspend:
    case OperationKind::kResume:
    case OperationKind::kUndelete:
    case OperationKind::kRotate: return absl::Hours(1);
    case OperationKind::kBackUp:
    case OperationKind::kVerify:
    case OperationKind::kDeleteBackup:
    case OperationKind::kRestore: return absl::Hours(24);
    case OperationKind::kRetire:
    case OperationKind::kPurge: return absl::Hours(7 * 24);
    case OperationKind::kCleanUp: return absl::Hours(24 * 3650);
  }
  return absl::Hours(1);
}

}  // namespace croft::domain
