// Chooses among the hosts that may prove a backup by what they do already.

#include "controlplane/engine/proof_host.h"

#include <limits>
#include <vector>

#include "common/errors.h"
#include "controlplane/domain/proof_host.h"
#include "controlplane/engine/backup_policies.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {

absl::StatusOr<std::string> ProofHost(catalog::Facts& facts, const domain::Tenant& tenant,
                                      const domain::Backup& backup, const std::string& store) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                         domain::ProofHosts(facts.Hosts(), tenant, InForce(facts, tenant), backup, store));
  std::string chosen;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const std::string& host : hosts) {
    const int64_t running = facts.CountRunningOnHost(host, kSystem);
    if (running >= least) continue;
    chosen = host;
    least = running;
  }
  return chosen;
}

}  // namespace croft::engine
