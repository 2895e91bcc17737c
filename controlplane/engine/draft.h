#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/engine/engine.h"
#include "controlplane/engine/kind.h"

namespace croft::engine {

// One decision on paper: working copies of what was read, compared with the originals at the end, so that
// whoever decides changes values and never thinks about what to store. References stay valid for its life.
class Draft {
 public:
  // Times are kept as the catalog keeps them, so that an answer says what a later read says.
  Draft(catalog::Facts& facts, const Moment& moment, const Rules& rules)
      : facts_(facts),
        moment_{.now = absl::FromUnixMicros(absl::ToUnixMicros(moment.now)),
                .epoch = moment.epoch,
                .policy = moment.policy},
        rules_(rules) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  absl::Time now() const { return moment_.now; }
  int64_t epoch() const { return moment_.epoch; }
  const domain::SchedulePolicy& policy() const { return moment_.policy; }
  const Moment& moment() const { return moment_; }
  const Rules& rules() const { return rules_; }
  const Kind& KindOf(const domain::Operation& operation) const { return rules_.KindOf(operation.kind); }
  // A draft of a plan alone: nothing of it is sent or stored, so no step is begun.
  void PlanOnly() { plan_only_ = true; }
  bool plan_only() const { return plan_only_; }
  // Does not see this draft's own changes.
  catalog::Facts& facts() { return facts_; }

  // nullptr when there is none.
  domain::Tenant* FindTenant(const std::string& id);
  domain::Host* FindHost(const std::string& id);
  domain::User* FindUser(const std::string& id);
  domain::Operation* FindOperation(const std::string& id);
  domain::Backup* FindBackup(const std::string& tenant, const std::string& id);
  // Also one that is being deleted.
  domain::BackupPolicy* FindBackupPolicy(const std::string& id);

  // Replaces what there is under the same id.
  domain::Tenant& Add(domain::Tenant tenant);
  domain::Host& Add(domain::Host host);
  domain::User& Add(domain::User user);
  domain::Operation& Add(domain::Operation operation);
  domain::Backup& Add(domain::Backup backup);
  domain::BackupPolicy& Add(domain::BackupPolicy policy);

  void EraseHost(const std::string& id);
  void EraseUser(const std::string& id);
  void EraseBackup(const std::string& tenant, const std::string& id);

  void Record(catalog::Change change) { records_.push_back(std::move(change)); }
  void Emit(Effect effect) { effects_.push_back(std::move(effect)); }

  // Raises the version of what changed. The working copies are then as they will be stored. Schedules follow from
  // tenants and hosts here, and events from all that changed, whoever changed these.
  Outcome Finish();

 private:
  template <typename T>
  struct Entry {
    std::optional<T> before;
    std::optional<T> after;
  };
  template <typename T>
  using Entries = std::map<std::string, Entry<T>>;

  template <typename T>
  T& Place(Entries<T>& entries, const std::string& key, std::optional<T> before, T value);
  template <typename Put, typename T>
  void Store(Entries<T>& entries, Outcome& outcome);
  void StoreSchedules(Outcome& outcome) const;
  void StorePolicySchedules(Outcome& outcome) const;
  std::optional<domain::BackupPolicy> ReadBackupPolicy(const std::string& id);
  void StoreEvents(Outcome& outcome);

  catalog::Facts& facts_;
  const Moment moment_;
  const Rules& rules_;
  bool plan_only_ = false;
  Entries<domain::Tenant> tenants_;
  Entries<domain::Host> hosts_;
  Entries<domain::User> users_;
  Entries<domain::Operation> operations_;
  Entries<domain::Backup> backups_;
  Entries<domain::BackupPolicy> backup_policies_;
  std::vector<catalog::Change> records_;
  std::vector<Effect> effects_;
};

}  // namespace croft::engine
