// Holds working copies of what a decision reads and computes the changes.

#include "controlplane/engine/draft.h"

#include "controlplane/engine/fleet_events.h"
#include "controlplane/engine/schedules.h"

namespace croft::engine {
namespace {

std::string BackupKey(const std::string& tenant, const std::string& id) { return tenant + "/" + id; }

template <typename T>
T* PointerTo(std::optional<T>& value) {
  return value ? &*value : nullptr;
}

}  // namespace

domain::Tenant* Draft::FindTenant(const std::string& id) {
  auto [entry, fresh] = tenants_.try_emplace(id);
  if (fresh) entry->second.before = entry->second.after = facts_.FindTenant(id);
  return PointerTo(entry->second.after);
}

domain::Host* Draft::FindHost(const std::string& id) {
  auto [entry, fresh] = hosts_.try_emplace(id);
  if (fresh) entry->second.before = entry->second.after = facts_.FindHost(id);
  return PointerTo(entry->second.after);
}

domain::User* Draft::FindUser(const std::string& id) {
  auto [entry, fresh] = users_.try_emplace(id);
  if (fresh) entry->second.before = entry->second.after = facts_.FindUser(id);
  return PointerTo(entry->second.after);
}

domain::Operation* Draft::FindOperation(const std::string& id) {
  auto [entry, fresh] = operations_.try_emplace(id);
  if (fresh) entry->second.before = entry->second.after = facts_.FindOperation(id);
  return PointerTo(entry->second.after);
}

domain::Backup* Draft::FindBackup(const std::string& tenant, const std::string& id) {
  auto [entry, fresh] = backups_.try_emplace(BackupKey(tenant, id));
  if (fresh) entry->second.before = entry->second.after = facts_.FindBackup(tenant, id);
  return PointerTo(entry->second.after);
}

std::optional<domain::BackupPolicy> Draft::ReadBackupPolicy(const std::string& id) {
  for (domain::BackupPolicy& policy : facts_.BackupPolicies()) {
    if (policy.id == id) return std::move(policy);
  }
  return std::nullopt;
}

domain::BackupPolicy* Draft::FindBackupPolicy(const std::string& id) {
  auto [entry, fresh] = backup_policies_.try_emplace(id);
  if (fresh) entry->second.before = entry->second.after = ReadBackupPolicy(id);
  return PointerTo(entry->second.after);
}

template <typename T>
T& Draft::Place(Entries<T>& entries, const std::string& key, std::optional<T> before, T value) {
  auto [entry, fresh] = entries.try_emplace(key);
  if (fresh) entry->second.before = std::move(before);
  entry->second.after = std::move(value);
  return *entry->second.after;
}

domain::Tenant& Draft::Add(domain::Tenant tenant) {
  const std::string id = tenant.id;
  return Place(tenants_, id, facts_.FindTenant(id), std::move(tenant));
}

domain::Host& Draft::Add(domain::Host host) {
  const std::string id = host.id;
  return Place(hosts_, id, facts_.FindHost(id), std::move(host));
}

domain::User& Draft::Add(domain::User user) {
  const std::string id = user.id;
  return Place(users_, id, facts_.FindUser(id), std::move(user));
}

domain::Operation& Draft::Add(domain::Operation operation) {
  const std::string id = operation.id;
  return Place(operations_, id, facts_.FindOperation(id), std::move(operation));
}

domain::Backup& Draft::Add(domain::Backup backup) {
  const std::string key = BackupKey(backup.tenant, backup.id);
  auto before = facts_.FindBackup(backup.tenant, backup.id);
  return Place(backups_, key, std::move(before), std::move(backup));
}

domain::BackupPolicy& Draft::Add(domain::BackupPolicy policy) {
  const std::string id = policy.id;
  return Place(backup_policies_, id, ReadBackupPolicy(id), std::move(policy));
}

void Draft::EraseHost(const std::string& id) {
  FindHost(id);
  hosts_[id].after.reset();
}

void Draft::EraseUser(const std::string& id) {
  FindUser(id);
  users_[id].after.reset();
}

void Draft::EraseBackup(const std::string& tenant, const std::string& id) {
  FindBackup(tenant, id);
  backups_[BackupKey(tenant, id)].after.reset();
}

template <typename Put, typename T>
void Draft::Store(Entries<T>& entries, Outcome& outcome) {
  for (auto& [key, entry] : entries) {
    if (!entry.after || entry.after == entry.before) continue;
    entry.after->version += 1;
    entry.after->update_time = moment_.now;
    outcome.changes.push_back(Put{*entry.after});
  }
}

namespace {

// A row that was `before` and is to be `after`.
void FollowRow(const std::optional<domain::Schedule>& before, const std::optional<domain::Schedule>& after,
               Outcome& outcome) {
  if (before && (!after || after->key != before->key))
    outcome.changes.push_back(catalog::DeleteSchedule{before->key});
  if (after && after != before) outcome.changes.push_back(catalog::PutSchedule{*after});
}

// Whether the tenant's backups may go another way than before. Most changes of a tenant leave that alone, and the policies
// need not be read for them.
bool MayGoAnotherWay(const std::optional<domain::Tenant>& before,
                     const std::optional<domain::Tenant>& after) {
  if (!before || !after) return before.has_value() || after.has_value();
  return before->state != after->state || before->unconfirmed != after->unconfirmed ||
         before->id != after->id || !domain::SaySame(*before, *after);
}

}  // namespace

// What follows from a tenant and the backup policies.
void Draft::StorePolicySchedules(Outcome& outcome) const {
  std::optional<std::vector<domain::BackupPolicy>> policies;
  const auto in_force = [&](const std::optional<domain::Tenant>& tenant) {
    return tenant ? std::optional(domain::InForce(*tenant, *policies)) : std::nullopt;
  };
  for (const auto& [id, entry] : tenants_) {
    if (!MayGoAnotherWay(entry.before, entry.after)) continue;
    if (!policies) policies = facts_.BackupPolicies();
    const std::optional<domain::PolicyInForce> before = in_force(entry.before);
    const std::optional<domain::PolicyInForce> after = in_force(entry.after);
    FollowRow(before ? BackupOf(*entry.before, *before, moment_) : std::nullopt,
              after ? BackupOf(*entry.after, *after, moment_) : std::nullopt, outcome);
    FollowRow(before ? ProofOf(*entry.before, *before, moment_) : std::nullopt,
              after ? ProofOf(*entry.after, *after, moment_) : std::nullopt, outcome);
    // Backups from before are copied, too.
    if (before && after && before->rules.copy_to != after->rules.copy_to && !after->rules.copy_to.empty())
      outcome.changes.push_back(catalog::PutSchedule{{.key = CopyingOf(id), .next_time = moment_.now}});
  }
}

void Draft::StoreSchedules(Outcome& outcome) const {
  StorePolicySchedules(outcome);
  for (const auto& [id, entry] : tenants_) {
    FollowRow(entry.before ? domain::ScheduleOf(*entry.before) : std::nullopt,
              entry.after ? domain::ScheduleOf(*entry.after) : std::nullopt, outcome);
    // These follow backups, not their tenant; with the last of them they go.
    const bool gone = entry.before && entry.before->state != domain::TenantState::kPurged && entry.after &&
                      entry.after->state == domain::TenantState::kPurged;
    if (!gone) continue;
    outcome.changes.push_back(catalog::DeleteSchedule{PruningOf(id)});
    outcome.changes.push_back(catalog::DeleteSchedule{CopyingOf(id)});
  }
  for (const auto& [id, entry] : hosts_) {
    FollowRow(entry.before ? ComparisonOf(*entry.before, moment_) : std::nullopt,
              entry.after ? ComparisonOf(*entry.after, moment_) : std::nullopt, outcome);
  }
}

// Readers hear first of what began, and of its end after what it did.
void Draft::StoreEvents(Outcome& outcome) {
  FleetEvents events(moment_.now, [this](const std::string& id) { return FindTenant(id); });
  const auto for_each_changed = [](auto& entries, auto tell) {
    for (auto& [key, entry] : entries) {
      if (entry.before != entry.after) tell(Changed{PointerTo(entry.before), PointerTo(entry.after)});
    }
  };
  for_each_changed(operations_, [&](const auto& operation) { events.AddStart(operation); });
  for_each_changed(tenants_, [&](const auto& tenant) { events.Add(tenant); });
  for_each_changed(backups_, [&](const auto& backup) { events.Add(backup); });
  for_each_changed(hosts_, [&](const auto& host) { events.Add(host); });
  for_each_changed(backup_policies_, [&](const auto& policy) { events.Add(policy); });
  for_each_changed(operations_, [&](const auto& operation) { events.Add(operation); });
  for (domain::FleetEvent& event : events.Take())
    outcome.changes.push_back(catalog::AppendEvent{std::move(event)});
}

Outcome Draft::Finish() {
  Outcome outcome;
  Store<catalog::PutTenant>(tenants_, outcome);
  Store<catalog::PutHost>(hosts_, outcome);
  Store<catalog::PutUser>(users_, outcome);
  Store<catalog::PutOperation>(operations_, outcome);
  Store<catalog::PutBackup>(backups_, outcome);
  Store<catalog::PutBackupPolicy>(backup_policies_, outcome);
  for (const auto& [id, entry] : hosts_) {
    if (entry.before && !entry.after) outcome.changes.push_back(catalog::DeleteHost{id});
  }
  for (const auto& [id, entry] : users_) {
    if (entry.before && !entry.after) outcome.changes.push_back(catalog::DeleteUser{id});
  }
  for (const auto& [key, entry] : backups_) {
    if (entry.before && !entry.after) {
      outcome.changes.push_back(catalog::DeleteBackup{entry.before->tenant, entry.before->id});
    }
  }
  StoreSchedules(outcome);
  StoreEvents(outcome);
  for (catalog::Change& record : records_) outcome.changes.push_back(std::move(record));
  outcome.effects = std::move(effects_);
  return outcome;
}

}  // namespace croft::engine
