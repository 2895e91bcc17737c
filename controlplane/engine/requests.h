#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What each request leads to: checks, then changes on the draft. Files follow the resources.
namespace croft::engine {

// The resource that a request is answered with, by name; empty for none.
using Subject = std::string;

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UpdateTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const SuspendTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const ResumeTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RetireTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UndeleteTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PurgeTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RestoreTenant& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RotateCredentials& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const VerifyBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const DeleteBackup& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CancelOperation& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RepairTenant& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UpdateHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CordonHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RemoveHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const AcceptMissingHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const AcceptHostIdentity& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateJoinToken& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const JoinHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RenewHost& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreatePrincipal& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const DeletePrincipal& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CreateToken& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RevokeToken& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const AddCertificate& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RemoveCertificate& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const BindRole& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const UnbindRole& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const RecordCalls& request);

}  // namespace croft::engine
