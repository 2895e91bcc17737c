#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "controlplane/engine/draft.h"

// What the requests that begin an operation share.
namespace croft::engine {

// The tenant, or TENANT_NOT_FOUND for none or a tombstone; ETAG_MISMATCH when `etag` is another version's.
absl::StatusOr<domain::Tenant*> LiveTenant(Draft& draft, const std::string& id,
                                           const std::string& etag = "");

// The tenant's backup with this id, or else with this given name; BACKUP_NOT_FOUND when there is none.
absl::StatusOr<domain::Backup*> ExistingBackup(Draft& draft, const domain::Tenant& tenant,
                                               const std::string& id_or_given_name);

absl::Status CheckEtag(const std::string& etag, const std::string& name, int64_t version);

// TENANT_UNCONFIRMED after a restore of the catalog, as long as no host has shown the tenant where it is said to live.
absl::Status CheckConfirmed(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind);

// TENANT_BUSY when an operation under way does not let one of `kind` (on `backup`, if any) begin.
absl::Status CheckIdle(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind,
                       const std::string& backup = "");

// Both.
absl::Status CheckFree(Draft& draft, const domain::Tenant& tenant, domain::OperationKind kind,
                       const std::string& backup = "");

// Whether `next` may begin while `running` works on the same tenant. Two that name the same backup never may.
bool MayRunBeside(const Kind& running, const Kind& next);

// TENANT_BUSY when an operation under way ends what a restore as new would read.
absl::Status CheckFreeToRead(Draft& draft, const domain::Tenant& source, const std::string& backup);

// A backup's row as it begins, from what was prepared for it.
domain::Backup BackupFrom(const Draft& draft, const PreparedBackup& prepared, const domain::Tenant& tenant,
                          domain::BackupOrigin origin, const std::string& store);

// Where a tenant's backups go: the first store of its host. Empty when it has none.
std::string StoreOf(Draft& draft, const domain::Tenant& tenant);

// False for a host that was removed or declared missing.
bool CanHold(Draft& draft, const std::string& host);

// A host that reaches `store`, the tenant's own first. Empty when there is none.
std::string StoreHost(Draft& draft, const domain::Tenant& tenant, const std::string& store);

// What the kinds have in common filled in; `steps` and the rest is the caller's.
domain::Operation NewOperation(const Draft& draft, const Caller& caller, std::string id,
                               domain::OperationKind kind, const domain::Tenant& tenant);

// Records the intent: raises the order, takes hold of the tenant, sends the first step. Returns its name.
std::string Begin(Draft& draft, domain::Tenant& tenant, domain::Operation operation);

}  // namespace croft::engine
