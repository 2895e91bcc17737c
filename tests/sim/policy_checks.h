#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "tests/sim/world.h"

namespace croft::sim {

// That what is done by itself is called for by the backup policy in force for the tenant, as PolicyModel works it out: no
// scheduled backup or proof begins without one, and backups leave out the rows that it says. What the catalog holds is
// followed change by change, since one commit has many decisions.
class PolicyChecks {
 public:
  explicit PolicyChecks(World& world) : world_(world) {}

  void AfterCommit(const std::vector<catalog::Change>& changes);

 private:
  void Note(const catalog::PutTenant& put) { tenants_[put.tenant.id] = put.tenant; }
  void Note(const catalog::PutBackupPolicy& put) { policies_[put.policy.id] = put.policy; }
  void Note(const catalog::DeleteBackupPolicy& deleted) { policies_.erase(deleted.id); }
  void Note(const catalog::PutOperation& put);
  template <typename Change>
  void Note(const Change&) {}

  World& world_;
  std::map<std::string, domain::Tenant> tenants_;
  std::map<std::string, domain::BackupPolicy> policies_;
  std::set<std::string> begun_;  // operations
};

}  // namespace croft::sim
