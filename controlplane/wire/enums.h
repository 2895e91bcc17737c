#pragma once

#include <optional>

#include <absl/strings/string_view.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_plan.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"
#include "croft/v1/backup.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

// The API calls enumerators like the domain does, behind a prefix.
namespace croft::wire {

v1::Tenant::State ToProto(domain::TenantState state);
v1::SuspendMode ToProto(domain::SuspendMode mode);
v1::StorageLevel ToProto(domain::StorageLevel level);
v1::Role ToProto(domain::LoginRole role);
v1::Backup::State ToProto(domain::BackupState state);
v1::Backup::Origin ToProto(domain::BackupOrigin origin);
v1::PlannedBackup::Fate ToProto(domain::BackupFate fate);
v1::PlannedBackup::Rule ToProto(domain::KeepRule rule);
v1::BackupPart ToProto(domain::BackupPart part);
v1::Host::State ToProto(domain::HostState state);
v1::Operation::Kind ToProto(domain::OperationKind kind);  // UNSPECIFIED for Croft's own
v1::Operation::State ToProto(domain::OperationState state);
v1::Step::State ToProto(domain::StepState state);

// nullopt for a number that stands for none.
std::optional<domain::BackupPart> BackupPartFrom(int number);

// The kind called `name` in the API, without its prefix; nullopt for any other text and for Croft's own.
std::optional<domain::OperationKind> ListedKindNamed(absl::string_view name);

}  // namespace croft::wire
