// Converts backups to the API.

#include "controlplane/wire/backup.h"

#include "common/names.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/finding.h"

namespace croft::wire {

namespace {

v1::BackupCopy ShowCopy(const domain::BackupCopy& copy) {
  v1::BackupCopy proto;
  proto.set_store(copy.store);
  proto.set_store_name(copy.store_name);
  proto.set_state(ToProto(copy.state));
  *proto.mutable_create_time() = ToProto(copy.create_time);
  if (copy.copy_time) *proto.mutable_copy_time() = ToProto(*copy.copy_time);
  if (copy.verify_time) *proto.mutable_verify_time() = ToProto(*copy.verify_time);
  proto.set_failure(copy.failure);
  return proto;
}

}  // namespace

v1::Backup ToProto(const domain::Backup& backup) {
  v1::Backup proto;
  proto.set_name(BackupName(backup.tenant, backup.id));
  // The id is unique for one tenant's uid, and that is never used again.
  proto.set_uid(backup.tenant_uid + "-" + backup.id);
  *proto.mutable_create_time() = ToProto(backup.create_time);
  *proto.mutable_update_time() = ToProto(backup.update_time);
  proto.set_etag(EtagOf(backup.version));
  proto.set_state(ToProto(backup.state));
  proto.set_origin(ToProto(backup.origin));
  proto.set_store(backup.store);
  proto.set_size_bytes(backup.size_bytes);
  proto.set_sha256(backup.sha256);
  proto.set_placement_generation(backup.generation);
  proto.set_server_version(backup.server_version);
  proto.set_table_count(backup.table_count);
  proto.set_row_count(backup.row_count);
  if (backup.verify_time) *proto.mutable_verify_time() = ToProto(*backup.verify_time);
  const domain::Findings findings = domain::FindingsOf(backup);
  for (const domain::Finding& finding : findings.listed) *proto.add_findings() = ToProto(finding);
  proto.set_finding_count(findings.count);
  proto.set_given_name(backup.given_name);
  proto.set_note(backup.note);
  proto.set_database_bytes(backup.database_bytes);
  if (backup.restore_duration > absl::ZeroDuration())
    *proto.mutable_restore_duration() = ToProto(backup.restore_duration);
  if (domain::Held(backup)) {
    v1::LegalHold& hold = *proto.mutable_legal_hold();
    *hold.mutable_hold_time() = ToProto(*backup.hold.time);
    hold.set_caller(backup.hold.caller);
    hold.set_reason(backup.hold.reason);
  }
  for (const domain::BackupCopy& copy : backup.copies) *proto.add_copies() = ShowCopy(copy);
  return proto;
}

}  // namespace croft::wire
