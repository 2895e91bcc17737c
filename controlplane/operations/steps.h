#pragma once

#include <string>
#include <vector>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"

// Steps that several kinds of operations are made of.
namespace croft::operations {

// `task` on a database of the tenant's.
domain::Step On(const domain::Placement& placement, domain::Task task);

// Closes the tenant's database; `allow_readers` leaves its read-only logins in.
domain::Step Fence(const domain::Tenant& tenant, bool allow_readers);
// Opens a database to the logins that get in while the tenant is in `mode`.
domain::Step Open(const domain::Tenant& tenant, const domain::Placement& placement,
                  domain::SuspendMode mode);
// Limits and logins as the tenant's row says.
domain::Step Configure(const domain::Tenant& tenant);
// Closes the tenant's database for growth, or opens it.
domain::Step LimitGrowth(const domain::Tenant& tenant, bool closed);
domain::Step DropDatabase(const domain::Placement& placement, bool roles);

// Brings the database and its logins to `tenant.suspend_mode`, which is not kNone.
std::vector<domain::Step> SuspendSteps(const domain::Tenant& tenant);

domain::BackupRef RefTo(const domain::Backup& backup);

}  // namespace croft::operations
