#pragma once

#include <cstdlib>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"
#include "controlplane/engine/kind.h"

// The table of all kinds of operations: of each its row and the requests that begin one, which a file of this folder
// defines, and its line in RowOf().
namespace croft::operations {

using engine::Caller;
using engine::Draft;
using engine::Kind;
using engine::Subject;

extern const Kind kCreate;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateTenant& request);

extern const Kind kConfigure;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UpdateTenant& request);

extern const Kind kSuspend;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::SuspendTenant& request);

extern const Kind kResume;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::ResumeTenant& request);

extern const Kind kRetire;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::RetireTenant& request);

extern const Kind kUndelete;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UndeleteTenant& request);

extern const Kind kPurge;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::PurgeTenant& request);

extern const Kind kRestore;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::RestoreTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::ImportTenant& request);

extern const Kind kUndoRestore;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::UndoRestore& request);

extern const Kind kRotate;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::RotateCredentials& request);

extern const Kind kBackUp;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateBackup& request);

extern const Kind kVerify;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::VerifyBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::ProveNewestBackup& request);

extern const Kind kCopyBackup;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CopyBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CopyBackups& request);

extern const Kind kDeleteBackup;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::DeleteBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::PruneBackups& request);

extern const Kind kLimitGrowth;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::JudgeStorage& request);

extern const Kind kCampaign;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::StartCampaign& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::ContinueCampaign& request);

extern const Kind kCleanUp;

// Begins operations of the kinds above.
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::RepairTenant& request);

// A kind without a line does not compile.
inline const Kind& RowOf(domain::OperationKind kind) {
  switch (kind) {
    case domain::OperationKind::kCreate: return kCreate;
    case domain::OperationKind::kConfigure: return kConfigure;
    case domain::OperationKind::kSuspend: return kSuspend;
    case domain::OperationKind::kResume: return kResume;
    case domain::OperationKind::kRetire: return kRetire;
    case domain::OperationKind::kUndelete: return kUndelete;
    case domain::OperationKind::kPurge: return kPurge;
    case domain::OperationKind::kRestore: return kRestore;
    case domain::OperationKind::kRotate: return kRotate;
    case domain::OperationKind::kBackUp: return kBackUp;
    case domain::OperationKind::kVerify: return kVerify;
    case domain::OperationKind::kDeleteBackup: return kDeleteBackup;
    case domain::OperationKind::kLimitGrowth: return kLimitGrowth;
    case domain::OperationKind::kCampaign: return kCampaign;
    case domain::OperationKind::kUndoRestore: return kUndoRestore;
    case domain::OperationKind::kCopyBackup: return kCopyBackup;
    case domain::OperationKind::kCleanUp: return kCleanUp;
  }
  std::abort();
}

}  // namespace croft::operations
