#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What each request leads to that begins no operation: checks, then changes on the draft. Files follow the resources.
namespace croft::engine {

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CancelOperation& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const HoldBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const ReleaseBackup& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const ExportBackup& request);

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

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const SetBackupPolicy& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const DeleteBackupPolicy& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const FollowPolicies& request);

absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const CompareHost& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PruneOperations& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PruneRequests& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PruneAudit& request);
absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller, const PruneEvents& request);

}  // namespace croft::engine
