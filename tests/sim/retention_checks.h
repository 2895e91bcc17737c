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
  // When the rules in force for the tenant became what they are: retention takes them up with the next scheduled backup.
  absl::Time LastChange(const std::string& tenant) const;

 private:
  struct Rules {
    domain::BackupRules rules;
    absl::Time since;
  };

  void Note(const catalog::PutTenant& put);
  void Note(const catalog::PutBackupPolicy& put);
  void Note(const catalog::DeleteBackupPolicy& deleted);
  void Note(const catalog::PutOperation& put);
  void Note(const catalog::PutBackup& put) { backups_[put.backup.tenant][put.backup.id] = put.backup; }
  void Note(const catalog::DeleteBackup& deleted) { backups_[deleted.tenant].erase(deleted.id); }
  template <typename Change>
  void Note(const Change&) {}

  // The tenant as one who says all of the policy in force.
  domain::Tenant WithPolicy(domain::Tenant tenant) const;
  void Remember(const domain::Tenant& tenant);

  World& world_;
  std::map<std::string, Rules> rules_;  // by tenant
  std::map<std::string, domain::Tenant> tenants_;
  std::map<std::string, domain::BackupPolicy> policies_;
  std::map<std::string, std::map<std::string, domain::Backup>>
      backups_;                  // by tenant and id, which rises with time
  std::set<std::string> begun_;  // operations
};

}  // namespace croft::sim
