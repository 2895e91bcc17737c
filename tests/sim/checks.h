#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/journal/journal.h"
#include "tests/sim/campaign_checks.h"
#include "tests/sim/event_checks.h"
#include "tests/sim/policy_checks.h"
#include "tests/sim/retention_checks.h"
#include "tests/sim/sim_agent.h"
#include "tests/sim/sim_plane.h"
#include "tests/sim/world.h"

namespace croft::sim {

// The invariants of docs/reliability.md, asked after every call of a task, every commit and every effect, and once
// more when all is at rest.
class Checks final : public Watch, public PlaneWatch {
 public:
  explicit Checks(World& world)
      : world_(world), events_(world), campaigns_(world), policies_(world), retention_(world) {}

  void AfterCall(SimHost& host, const agent::Task* task) override;
  void OnTask(const agent::Task& task) override;
  void OnRun(SimHost& host, const agent::Task& task, int64_t epoch) override;
  void OnText(const std::string& where, const std::string& text) override;

  void AfterCommit(const std::vector<catalog::Change>& changes) override;
  void OnEffect(const engine::Effect& effect) override;

  // Nothing is under way: the catalog, the hosts and the stores say the same.
  void AtRest();

 private:
  using Databases = agent::ModelTable<agent::ModelDatabase>::Rows;
  // The newest command about a tenant. What a control plane that took over sends again under its own epoch is the same
  // command, and so is a further attempt of one step: a second agent that is given it waits for the first one, which goes
  // on until the second has acted.
  struct Obeyed {
    agent::Position position;
    agent::TaskKey key;
    bool acted = false;
  };

  void CheckStale(const SimHost& host, const agent::Task& task);
  void CheckDoors(SimHost& host);
  void CheckGone(SimHost& host, const Databases& before, const Databases& now, const agent::Task* task);
  void CheckDrop(const agent::ModelDatabase& database, const std::string& name, const agent::Task* task);
  void CheckPurgedRows(const domain::Tenant& tenant, const domain::Operation& operation,
                       const agent::ModelDatabase& database);

  void OnPut(const catalog::PutTenant& put);
  void OnPut(const catalog::PutOperation& put, const std::vector<catalog::Change>& changes);
  void OnPut(const catalog::PutBackup& put);
  void OnDeleted(const catalog::DeleteBackup& deleted);
  // What is forgotten was kept as long as it had to be.
  void OnPruned(const catalog::DeleteOperation& pruned);
  void OnPruned(const catalog::DeleteRequest& pruned);
  void OnPruned(const catalog::CutAudit& pruned);
  void CheckDispatched(const std::string& operation, int32_t step, int32_t attempt);

  struct Expected;
  Expected ExpectAll();
  void ExpectCopies(Expected& expected) const;
  void CheckHost(SimHost& host, Expected& expected);
  void CheckLogins(SimHost& host, const domain::Tenant& tenant);
  void CheckGrowth(const domain::Tenant& tenant, const agent::ModelDatabase& database);
  void CheckRows(const domain::Tenant& tenant, const agent::ModelDatabase& database);
  void CheckBackups();
  void CheckArchive(const domain::Backup& backup, const std::string& store);
  void CheckAudit();
  void CheckSchedules(const Expected& expected);
  void CheckRollouts();
  // In force for the tenant, as the model has it.
  domain::PolicyInForce PolicyOf(const domain::Tenant& tenant);
  void CheckBackupPolicy(const domain::Tenant& tenant, std::map<domain::ScheduleKey, absl::Time>& times);
  void CheckCopies(const domain::Tenant& tenant, std::map<domain::ScheduleKey, absl::Time>& times);

  World& world_;
  EventChecks events_;
  CampaignChecks campaigns_;
  PolicyChecks policies_;
  RetentionChecks retention_;
  std::map<std::string, int64_t> versions_;  // of servers, as seen last
  std::map<std::string, Databases> seen_;    // by host
  // Where each tenant could write when it was looked at last: uid -> (host, database).
  std::map<std::string, std::set<std::pair<std::string, std::string>>> writable_;
  std::map<std::pair<std::string, std::string>, Obeyed> obeyed_;  // (host, uid)
  std::map<std::string, int64_t> highest_epoch_;                  // by host
  std::map<std::string, domain::Tenant> tenants_;                 // as committed last
  std::map<std::string, domain::Operation> operations_;           // as committed last, pruned ones too
  std::map<std::pair<std::string, std::string>, absl::Time> requests_;  // (caller, request id) -> when
  std::map<std::pair<std::string, int64_t>, std::string> orders_;       // (tenant, order) -> operation
  std::set<std::pair<std::string, std::string>> held_;                  // (tenant, backup)
};

}  // namespace croft::sim
