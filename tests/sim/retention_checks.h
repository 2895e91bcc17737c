#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "tests/sim/world.h"

namespace croft::sim {

// That retention deletes no backup which a rule of its tenant's policy keeps, or that is kept whatever the rules say. What
// the catalog holds is followed change by change, since one commit has many decisions.
class RetentionChecks {
 public:
  explicit RetentionChecks(World& world) : world_(world) {}

  void AfterCommit(const std::vector<catalog::Change>& changes);

 private:
  void Note(const catalog::PutTenant& put) { tenants_[put.tenant.id] = put.tenant; }
  void Note(const catalog::PutBackupPolicy& put) { policies_[put.policy.id] = put.policy; }
  void Note(const catalog::DeleteBackupPolicy& deleted) { policies_.erase(deleted.id); }
  void Note(const catalog::PutOperation& put);
  void Note(const catalog::PutBackup& put) { backups_[put.backup.tenant][put.backup.id] = put.backup; }
  void Note(const catalog::DeleteBackup& deleted) { backups_[deleted.tenant].erase(deleted.id); }
  template <typename Change>
  void Note(const Change&) {}

  World& world_;
  std::map<std::string, domain::Tenant> tenants_;
  std::map<std::string, domain::BackupPolicy> policies_;
  std::map<std::string, std::map<std::string, domain::Backup>>
      backups_;                  // by tenant and id, which rises with time
  std::set<std::string> begun_;  // operations
};

}  // namespace croft::sim
