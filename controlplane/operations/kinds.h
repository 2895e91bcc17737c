#pragma once

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"
#include "controlplane/engine/kind.h"

// What the table of kinds (rules.cc) takes from the files of this folder: of each kind its row, and the requests that
// begin one.
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

extern const Kind kRotate;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::RotateCredentials& request);

extern const Kind kBackUp;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::CreateBackup& request);

extern const Kind kVerify;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::VerifyBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                               const engine::ProveNewestBackup& request);

extern const Kind kDeleteBackup;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::DeleteBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::PruneBackups& request);

extern const Kind kLimitGrowth;
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::JudgeStorage& request);

extern const Kind kCleanUp;

// Begins operations of the kinds above.
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const engine::RepairTenant& request);

}  // namespace croft::operations
