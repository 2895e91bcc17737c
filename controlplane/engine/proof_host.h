#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"

// Where backups are proven by themselves.
namespace croft::engine {

// Id of the host that proves what `store` has of the backup: of those that fit (domain::ProofHosts) the one that does least
// for schedules, of equals the first. NO_HOST_FITS when there is none.
absl::StatusOr<std::string> ProofHost(catalog::Facts& facts, const domain::Tenant& tenant,
                                      const domain::Backup& backup, const std::string& store);

}  // namespace croft::engine
