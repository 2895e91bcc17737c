#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/erasure.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/tenant.h"
#include "croft/v1/tenant.pb.h"

// Tenants in the API's form.
namespace croft::wire {

// What is known of a tenant beside its own row.
struct TenantSurroundings {
  const domain::Host* host = nullptr;  // where it is placed; nullptr when it is known no more
  // It has a backup that was made after its fence and verified.
  bool proven_backup = false;
  // What is wrong with it on its host, as the newest comparison found; empty when all is well.
  std::string fleet_problem;
  absl::Time now;
};

// Never a secret. `conditions` tell what is true beside the state: UNREACHABLE, UNCONFIRMED, FLEET_MISMATCH,
// FINAL_BACKUP_FAILED, BACKUP_NOT_PROVEN, DELETE_PROTECTED, LOGIN_REPLACED, PROOF_FAILED, STORAGE_NEAR_QUOTA,
// STORAGE_FULL.
v1::Tenant ToProto(const domain::Tenant& tenant, const TenantSurroundings& surroundings);

v1::Erasure ToProto(const domain::Erasure& erasure);
// The same into an empty message, which may lie in an arena.
void WriteProto(const domain::Tenant& tenant, const TenantSurroundings& surroundings, v1::Tenant& proto);

// Whether `proven_backup` makes a difference for this tenant at `now`.
bool PurgeIsDue(const domain::Tenant& tenant, absl::Time now);

}  // namespace croft::wire
