// Converts enumerators between the domain and the API.

#include "controlplane/wire/enums.h"

#include <string>

#include <absl/strings/str_cat.h>

#include "common/enums.h"

namespace croft::wire {
namespace {

// The API's value that is called like the domain's, behind `prefix`; its first one, UNSPECIFIED, when there is none.
template <typename Proto, typename Parse, typename Enum>
Proto ByName(Parse parse, absl::string_view prefix, Enum value) {
  Proto proto{};
  parse(absl::StrCat(prefix, NameOf(value)), &proto);
  return proto;
}

}  // namespace

v1::Tenant::State ToProto(domain::TenantState value) {
  return ByName<v1::Tenant::State>(v1::Tenant::State_Parse, "STATE_", value);
}
v1::SuspendMode ToProto(domain::SuspendMode value) {
  return ByName<v1::SuspendMode>(v1::SuspendMode_Parse, "SUSPEND_MODE_", value);
}
v1::StorageLevel ToProto(domain::StorageLevel value) {
  return ByName<v1::StorageLevel>(v1::StorageLevel_Parse, "STORAGE_LEVEL_", value);
}
v1::Role ToProto(domain::LoginRole value) { return ByName<v1::Role>(v1::Role_Parse, "ROLE_", value); }
v1::Backup::State ToProto(domain::BackupState value) {
  return ByName<v1::Backup::State>(v1::Backup::State_Parse, "STATE_", value);
}
v1::Backup::Origin ToProto(domain::BackupOrigin value) {
  return ByName<v1::Backup::Origin>(v1::Backup::Origin_Parse, "ORIGIN_", value);
}
v1::PlannedBackup::Fate ToProto(domain::BackupFate value) {
  return ByName<v1::PlannedBackup::Fate>(v1::PlannedBackup::Fate_Parse, "FATE_", value);
}
v1::PlannedBackup::Rule ToProto(domain::KeepRule value) {
  return ByName<v1::PlannedBackup::Rule>(v1::PlannedBackup::Rule_Parse, "RULE_", value);
}
v1::BackupPart ToProto(domain::BackupPart value) {
  return ByName<v1::BackupPart>(v1::BackupPart_Parse, "BACKUP_PART_", value);
}
v1::Host::State ToProto(domain::HostState value) {
  return ByName<v1::Host::State>(v1::Host::State_Parse, "STATE_", value);
}
v1::Operation::Kind ToProto(domain::OperationKind value) {
  return ByName<v1::Operation::Kind>(v1::Operation::Kind_Parse, "KIND_", value);
}
v1::Operation::State ToProto(domain::OperationState value) {
  return ByName<v1::Operation::State>(v1::Operation::State_Parse, "STATE_", value);
}
v1::Step::State ToProto(domain::StepState value) {
  return ByName<v1::Step::State>(v1::Step::State_Parse, "STATE_", value);
}

std::optional<domain::BackupPart> BackupPartFrom(int number) {
  for (const domain::BackupPart part : AllOf<domain::BackupPart>()) {
    if (static_cast<int>(ToProto(part)) == number) return part;
  }
  return std::nullopt;
}

std::optional<domain::OperationKind> ListedKindNamed(absl::string_view name) {
  const auto kind = FromName<domain::OperationKind>(name);
  return kind && ToProto(*kind) != v1::Operation::KIND_UNSPECIFIED ? kind : std::nullopt;
}

}  // namespace croft::wire
