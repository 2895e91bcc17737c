#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/tenant.h"

// Where a backup is proven by itself.
namespace croft::domain {

// Ids of the hosts that `policy`, which is in force for the tenant, allows (prove_on) and that can restore `backup` from
// `store` now, in the order of `hosts`. The one that the tenant lives on is among them only when it is the only one.
// Cordoned hosts are: a proof stays for no longer than it takes.
// FAILED_PRECONDITION, NO_HOST_FITS, with the reasons, when there is none.
absl::StatusOr<std::vector<std::string>> ProofHosts(const std::vector<Host>& hosts, const Tenant& tenant,
                                                    const PolicyInForce& policy, const Backup& backup,
                                                    const std::string& store);

}  // namespace croft::domain
