#pragma once

#include <string>
#include <vector>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"

// The steps of each kind of operation, and how each is taken back. A change here changes what new
// operations do; those under way keep the steps they were recorded with.
namespace croft::domain {

std::vector<Step> CreatePlan(const Tenant& tenant);
std::vector<Step> ConfigurePlan(const Tenant& tenant);
// `tenant.suspend_mode` is the new one.
std::vector<Step> SuspendPlan(const Tenant& tenant);
std::vector<Step> ResumePlan(const Tenant& tenant);
// Fence, final backup, its proof.
std::vector<Step> RetirePlan(const Tenant& tenant, const Backup& final_backup);
// Empty for a tenant that was retired while blocked: it stays closed.
std::vector<Step> UndeletePlan(const Tenant& tenant);
// `databases` is every database of the tenant that still lies somewhere, `stored` an entry for every store
// that holds backups of it.
struct PlacedDatabase {
  std::string host;
  std::string database;
};
struct StoredBackups {
  std::string host;  // reaches the store
  Backup any;        // one of them
};
std::vector<Step> PurgePlan(const Tenant& tenant, std::vector<PlacedDatabase> databases,
                            const std::vector<StoredBackups>& stored);
// The tenant as new, already placed, from a backup of `source`.
std::vector<Step> RestoreAsNewPlan(const Tenant& tenant, const Backup& backup);
// `target` is the next generation's placement. `old_host_gone`: it was declared missing, so there is
// nothing to fence.
std::vector<Step> RestoreInPlacePlan(const Tenant& tenant, const Placement& target, const Backup& backup,
                                     bool old_host_gone);
// Brings the tenant's database and logins to what its state says of them. Empty for a state without a database.
std::vector<Step> RestatePlan(const Tenant& tenant);
// `logins` are the new ones.
std::vector<Step> RotatePlan(const Tenant& tenant, const std::vector<std::string>& logins);
std::vector<Step> BackUpPlan(const Tenant& tenant, const Backup& backup);
std::vector<Step> VerifyPlan(const std::string& host, const Backup& backup);
// With `last`, it is the tenant's only backup in its store: the copy of the data key beside it goes too.
std::vector<Step> DeleteBackupPlan(const std::string& host, const Backup& backup, bool last);

// Ends the replaced logins at `when`.
std::vector<Step> DisableLoginsPlan(const Tenant& tenant, const std::vector<std::string>& logins,
                                    absl::Time when);
// Drops an undo copy at `when`, with the tenant's roles when it no longer lives on that host.
std::vector<Step> DropCopyPlan(const Tenant& tenant, const PlacedDatabase& copy, absl::Time when);

// First step that cannot be taken back.
int32_t PointOfNoReturn(OperationKind kind, const std::vector<Step>& steps);

// What takes back the steps that were ever sent.
std::vector<Step> UndoPlan(const Operation& operation, const Tenant& tenant);

}  // namespace croft::domain
