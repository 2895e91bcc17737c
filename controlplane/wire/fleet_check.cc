// Converts the findings of a fleet check to the API.

#include "controlplane/wire/fleet_check.h"

#include "common/names.h"

namespace croft::wire {
namespace {

using domain::FindingKind;

v1::FleetFinding::Kind ToProto(FindingKind kind) {
  switch (kind) {
    case FindingKind::kHostSilent: return v1::FleetFinding::KIND_HOST_SILENT;
    case FindingKind::kStoreSilent: return v1::FleetFinding::KIND_STORE_SILENT;
    case FindingKind::kDatabaseMissing: return v1::FleetFinding::KIND_DATABASE_MISSING;
    case FindingKind::kDatabaseOrphaned: return v1::FleetFinding::KIND_DATABASE_ORPHANED;
    case FindingKind::kDatabaseDoubled: return v1::FleetFinding::KIND_DATABASE_DOUBLED;
    case FindingKind::kDatabaseHalfDropped: return v1::FleetFinding::KIND_DATABASE_HALF_DROPPED;
    case FindingKind::kDatabaseOpen: return v1::FleetFinding::KIND_DATABASE_OPEN;
    case FindingKind::kDatabaseFencedByNobody: return v1::FleetFinding::KIND_DATABASE_FENCED_BY_NOBODY;
    case FindingKind::kDatabaseMistagged: return v1::FleetFinding::KIND_DATABASE_MISTAGGED;
    case FindingKind::kDatabaseScratch: return v1::FleetFinding::KIND_DATABASE_SCRATCH;
    case FindingKind::kDirectoryOrphaned: return v1::FleetFinding::KIND_DIRECTORY_ORPHANED;
    case FindingKind::kRoleMissing: return v1::FleetFinding::KIND_ROLE_MISSING;
    case FindingKind::kRoleOrphaned: return v1::FleetFinding::KIND_ROLE_ORPHANED;
    case FindingKind::kRoleOpen: return v1::FleetFinding::KIND_ROLE_OPEN;
    case FindingKind::kRoleClosed: return v1::FleetFinding::KIND_ROLE_CLOSED;
    case FindingKind::kRoleLeftBehind: return v1::FleetFinding::KIND_ROLE_LEFT_BEHIND;
    case FindingKind::kBackupMissing: return v1::FleetFinding::KIND_BACKUP_MISSING;
    case FindingKind::kCopyMissing: return v1::FleetFinding::KIND_COPY_MISSING;
    case FindingKind::kBackupOrphaned: return v1::FleetFinding::KIND_BACKUP_ORPHANED;
    case FindingKind::kBackupHalf: return v1::FleetFinding::KIND_BACKUP_HALF;
    case FindingKind::kKeyOrphaned: return v1::FleetFinding::KIND_KEY_ORPHANED;
    case FindingKind::kTenantHomeless: return v1::FleetFinding::KIND_TENANT_HOMELESS;
    case FindingKind::kRoleDrifted: return v1::FleetFinding::KIND_ROLE_DRIFTED;
    case FindingKind::kGrantMissing: return v1::FleetFinding::KIND_GRANT_MISSING;
    case FindingKind::kRoleOverprivileged: return v1::FleetFinding::KIND_ROLE_OVERPRIVILEGED;
    case FindingKind::kDatabaseOwnedByOther: return v1::FleetFinding::KIND_DATABASE_OWNED_BY_OTHER;
  }
  return v1::FleetFinding::KIND_UNSPECIFIED;
}

v1::FleetFinding::Severity ToProto(domain::Severity severity) {
  switch (severity) {
    case domain::Severity::kNote: return v1::FleetFinding::SEVERITY_NOTE;
    case domain::Severity::kProblem: return v1::FleetFinding::SEVERITY_PROBLEM;
  }
  return v1::FleetFinding::SEVERITY_UNSPECIFIED;
}

}  // namespace

v1::FleetFinding ToProto(const domain::FleetFinding& finding) {
  v1::FleetFinding proto;
  proto.set_kind(ToProto(finding.kind));
  proto.set_severity(ToProto(finding.severity));
  if (!finding.host.empty()) proto.set_host(HostName(finding.host));
  proto.set_store(finding.store);
  if (!finding.tenant.empty()) proto.set_tenant(TenantName(finding.tenant));
  proto.set_uid(finding.uid);
  proto.set_object(finding.object);
  proto.set_message(finding.message);
  proto.set_remedy(finding.remedy);
  return proto;
}

}  // namespace croft::wire
