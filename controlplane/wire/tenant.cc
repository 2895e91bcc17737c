// Converts tenants to the API.

#include "controlplane/wire/tenant.h"

#include <absl/strings/str_cat.h>

#include "common/names.h"
#include "controlplane/domain/backup.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/tenant_fields.h"

namespace croft::wire {
namespace {

void AddCondition(v1::Tenant& proto, absl::string_view type, absl::string_view message) {
  v1::Condition& condition = *proto.add_conditions();
  condition.set_type(std::string(type));
  condition.set_message(std::string(message));
}

std::string UtcText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// A tenant that the time for it has come to end, and its protection has not.
std::string WhatProtectionKeepsFrom(const domain::Tenant& tenant, absl::Time now) {
  if (!tenant.delete_protection) return "";
  if (tenant.state == domain::TenantState::kRetired) return PurgeIsDue(tenant, now) ? "purged" : "";
  return tenant.expire_time && *tenant.expire_time <= now ? "retired" : "";
}

bool HasDatabase(const domain::Tenant& tenant) {
  return tenant.state != domain::TenantState::kFailed && tenant.state != domain::TenantState::kPurged;
}

// What follows of a full database for the tenant, whose `storage` it is.
std::string WhatFullMeans(const domain::Storage& storage, absl::Time now) {
  if (storage.closed)
    return "it is closed for growth: PostgreSQL refuses new rows until it is below 95 % of the quota";
  if (storage.grace_time && now < *storage.grace_time)
    return absl::StrCat("it may grow until ", UtcText(*storage.grace_time),
                        ", and is closed for growth then");
  return "it is to be closed for growth, which waits for its host or for work on the tenant";
}

void AddStorageCondition(const domain::Tenant& tenant, absl::Time now, v1::Tenant& proto) {
  const domain::Storage& storage = tenant.storage;
  const std::string size =
      absl::StrCat("its database had ", storage.size_bytes, " bytes when it was looked at, of ",
                   tenant.quota.storage_bytes, " in its quota");
  switch (storage.level) {
    case domain::StorageLevel::kNormal:
      if (storage.closed) {
        AddCondition(proto, "STORAGE_FULL",
                     "it has room again, and is closed for growth until its host has opened it");
      }
      return;
    case domain::StorageLevel::kNearQuota:
      AddCondition(proto, "STORAGE_NEAR_QUOTA",
                   absl::StrCat(size, storage.closed ? "; it is being opened for growth again"
                                                     : "; at the quota it is closed for growth"));
      return;
    case domain::StorageLevel::kFull:
      AddCondition(proto, "STORAGE_FULL", absl::StrCat(size, "; ", WhatFullMeans(storage, now)));
      return;
  }
}

void AddConditions(const domain::Tenant& tenant, const TenantSurroundings& surroundings,
                   v1::Tenant& proto) {
  const domain::Host* host = surroundings.host;
  const bool awaited = host != nullptr && domain::StateOf(*host) == domain::HostState::kAwaited;
  const bool reachable = awaited || (host != nullptr && host->report.postgres_up &&
                                     (domain::StateOf(*host) == domain::HostState::kUp ||
                                      domain::StateOf(*host) == domain::HostState::kUnconfirmed));
  if (HasDatabase(tenant) && !reachable) {
    AddCondition(proto, "UNREACHABLE",
                 absl::StrCat(HostName(tenant.placement.host),
                              host != nullptr && host->up && !host->report.postgres_up
                                  ? " is up but its PostgreSQL is not"
                                  : " is not up; work on the tenant waits for it"));
  }
  if (tenant.unconfirmed) {
    AddCondition(proto, "UNCONFIRMED",
                 absl::StrCat("the catalog was restored, and ", HostName(tenant.placement.host),
                              " has not shown yet that the tenant lives there as the catalog says"));
  }
  if (!surroundings.fleet_problem.empty()) {
    AddCondition(proto, "FLEET_MISMATCH", surroundings.fleet_problem);
  }
  if (!tenant.final_backup_failure.empty()) {
    AddCondition(
        proto, "FINAL_BACKUP_FAILED",
        absl::StrCat("its final backup was not made or not proven: ", tenant.final_backup_failure));
  }
  if (PurgeIsDue(tenant, surroundings.now) && !surroundings.proven_backup && !tenant.purge_parked) {
    AddCondition(
        proto, "BACKUP_NOT_PROVEN",
        tenant.final_backup_failure.empty()
            ? "its purge is due but no backup made after its fence was verified; retire it again to "
              "make one, or purge it with a reason"
            : "its purge is due but its final backup failed; undelete it, fix the cause and retire it "
              "again, or purge it with a reason");
  }
  if (const std::string kept = WhatProtectionKeepsFrom(tenant, surroundings.now); !kept.empty()) {
    AddCondition(
        proto, "DELETE_PROTECTED",
        absl::StrCat("its time has come to be ", kept, "; that waits until delete_protection is off"));
  }
  if (const domain::Proof& proof = tenant.last_proof; proof.time && !domain::Passed(proof)) {
    AddCondition(proto, "PROOF_FAILED",
                 absl::StrCat("backup ", proof.backup, " was not proven on ", HostName(proof.host), " at ",
                              UtcText(*proof.time), ": ", proof.outcome));
  }
  if (HasDatabase(tenant)) AddStorageCondition(tenant, surroundings.now, proto);
  for (const domain::Credential& credential : tenant.credentials) {
    if (credential.published || !credential.disable_time || tenant.state == domain::TenantState::kPurged) {
      continue;
    }
    AddCondition(proto, "LOGIN_REPLACED",
                 absl::StrCat(credential.login, " was replaced and works until ",
                              UtcText(*credential.disable_time)));
  }
}

void SetPlacement(const domain::Placement& placement, v1::Tenant& proto) {
  // One that never came to be lies nowhere.
  if (!placement.host.empty()) proto.mutable_placement()->set_host(HostName(placement.host));
  proto.mutable_placement()->set_database(placement.database);
  proto.mutable_placement()->set_generation(placement.generation);
}

void SetKept(const domain::KeptDatabase& kept, v1::KeptDatabase& proto) {
  proto.set_host(HostName(kept.placement.host));
  proto.set_database(kept.placement.database);
  *proto.mutable_replace_time() = ToProto(kept.replace_time);
  *proto.mutable_expire_time() = ToProto(kept.expire_time);
}

void SetProof(const domain::Tenant& tenant, v1::Proof& proto) {
  const domain::Proof& proof = tenant.last_proof;
  proto.set_backup(BackupName(tenant.id, proof.backup));
  *proto.mutable_time() = ToProto(*proof.time);
  if (!proof.host.empty()) proto.set_host(HostName(proof.host));
  proto.set_outcome(proof.outcome);
  proto.set_caller(proof.caller);
}

void AddCredentials(const domain::Tenant& tenant, v1::Tenant& proto) {
  if (!HasDatabase(tenant)) return;
  for (const domain::Credential& credential : tenant.credentials) {
    if (!credential.published) continue;
    v1::Credential& added = *proto.add_credentials();
    added.set_user(credential.login);
    added.set_role(ToProto(credential.role));
    *added.mutable_create_time() = ToProto(credential.create_time);
  }
}

}  // namespace

bool PurgeIsDue(const domain::Tenant& tenant, absl::Time now) {
  return tenant.state == domain::TenantState::kRetired && tenant.purge_time && *tenant.purge_time <= now;
}

v1::Tenant ToProto(const domain::Tenant& tenant, const TenantSurroundings& surroundings) {
  v1::Tenant proto;
  WriteProto(tenant, surroundings, proto);
  return proto;
}

void WriteProto(const domain::Tenant& tenant, const TenantSurroundings& surroundings, v1::Tenant& proto) {
  proto.set_name(TenantName(tenant.id));
  proto.set_uid(tenant.uid);
  *proto.mutable_create_time() = ToProto(tenant.create_time);
  *proto.mutable_update_time() = ToProto(tenant.update_time);
  proto.set_etag(EtagOf(tenant.version));
  if (tenant.delete_time) *proto.mutable_delete_time() = ToProto(*tenant.delete_time);
  if (tenant.purge_time) *proto.mutable_purge_time() = ToProto(*tenant.purge_time);
  ShowTenantFields(tenant, proto);
  proto.set_state(ToProto(tenant.state));
  proto.set_suspend_mode(ToProto(tenant.suspend_mode));
  SetPlacement(tenant.placement, proto);
  AddCredentials(tenant, proto);
  proto.set_storage_level(ToProto(tenant.storage.level));
  proto.set_closed_for_growth(tenant.storage.closed);
  if (!tenant.last_backup.empty()) proto.set_last_backup(BackupName(tenant.id, tenant.last_backup));
  if (!tenant.current_operation.empty()) {
    proto.set_current_operation(OperationName(tenant.current_operation));
  }
  for (const domain::KeptDatabase& kept : tenant.kept_databases) SetKept(kept, *proto.add_kept_databases());
  if (tenant.last_proof.time) SetProof(tenant, *proto.mutable_last_proof());
  AddConditions(tenant, surroundings, proto);
}

v1::Erasure ToProto(const domain::Erasure& erasure) {
  v1::Erasure proto;
  proto.set_tenant(TenantName(erasure.tenant));
  proto.set_uid(erasure.uid);
  proto.set_operation(OperationName(erasure.operation));
  *proto.mutable_erase_time() = ToProto(erasure.time);
  proto.set_statement(erasure.statement);
  proto.set_signature(erasure.signature);
  return proto;
}

}  // namespace croft::wire
