#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "tests/fakes/memory_catalog.h"
#include "tests/fakes/query_matches.h"

// What MemoryCatalog answers to readers.
namespace croft::catalog {

using domain::Backup;
using domain::Host;
using domain::Operation;
using domain::Tenant;
using domain::User;

absl::StatusOr<std::optional<Tenant>> MemoryCatalog::GetTenant(absl::string_view id) {
  MutexLock lock(mutex_);
  return CopyOf(tenants_.Find(std::string(id), false));
}

absl::StatusOr<std::optional<Tenant>> MemoryCatalog::GetTenantByUid(absl::string_view uid) {
  MutexLock lock(mutex_);
  std::optional<Tenant> found;
  tenants_.ForEach(false, [&](const Tenant& tenant) {
    if (tenant.uid == uid) found = tenant;
  });
  return found;
}

absl::StatusOr<TenantPage> MemoryCatalog::ListTenants(const TenantQuery& query) {
  for (const TenantQuery::Condition& condition : query.conditions) CROFT_RETURN_IF_ERROR(Check(condition));
  MutexLock lock(mutex_);
  TenantPage page;
  if (query.limit <= 0) return page;
  for (Tenant& tenant : Present(false)) {
    if (!Matches(tenant, query)) continue;
    page.tenants.push_back(std::move(tenant));
    if (page.tenants.size() < static_cast<size_t>(query.limit)) continue;
    page.next_after = page.tenants.back().id;
    break;
  }
  return page;
}

absl::StatusOr<std::optional<Host>> MemoryCatalog::GetHost(absl::string_view id) {
  MutexLock lock(mutex_);
  return CopyOf(hosts_.Find(std::string(id), false));
}

absl::StatusOr<std::vector<Host>> MemoryCatalog::ListHosts() {
  MutexLock lock(mutex_);
  std::vector<Host> hosts;
  hosts_.ForEach(false, [&](const Host& host) { hosts.push_back(host); });
  return hosts;
}

absl::StatusOr<std::optional<User>> MemoryCatalog::GetUser(absl::string_view id) {
  MutexLock lock(mutex_);
  return CopyOf(users_.Find(std::string(id), false));
}

absl::StatusOr<std::vector<domain::BackupPolicy>> MemoryCatalog::ListBackupPolicies() {
  MutexLock lock(mutex_);
  std::vector<domain::BackupPolicy> policies;
  backup_policies_.ForEach(false, [&](const domain::BackupPolicy& policy) { policies.push_back(policy); });
  return policies;
}

absl::StatusOr<std::vector<User>> MemoryCatalog::ListUsers() {
  MutexLock lock(mutex_);
  std::vector<User> users;
  users_.ForEach(false, [&](const User& user) { users.push_back(user); });
  return users;
}

absl::StatusOr<std::optional<Operation>> MemoryCatalog::GetOperation(absl::string_view id) {
  MutexLock lock(mutex_);
  const int64_t* position = positions_.Find(std::string(id), false);
  return position == nullptr ? std::nullopt : CopyOf(operations_.Find(*position, false));
}

absl::StatusOr<OperationPage> MemoryCatalog::ListOperations(const OperationQuery& query) {
  MutexLock lock(mutex_);
  std::vector<std::pair<int64_t, const Operation*>> found;
  positions_.ForEach(false, [&](const int64_t& position) {
    const Operation* operation = operations_.Find(position, false);
    const bool below = !query.before.has_value() || position < *query.before;
    if (below && Matches(*operation, query)) found.emplace_back(position, operation);
  });
  std::sort(found.rbegin(), found.rend());
  OperationPage page;
  for (const auto& [position, operation] : found) {
    if (page.operations.size() >= static_cast<size_t>(std::max(query.limit, 0))) break;
    page.operations.push_back(*operation);
  }
  if (!page.operations.empty() && page.operations.size() < found.size()) {
    page.next = found[page.operations.size() - 1].first;
  }
  return page;
}

absl::StatusOr<std::optional<Backup>> MemoryCatalog::GetBackup(absl::string_view tenant,
                                                               absl::string_view id) {
  MutexLock lock(mutex_);
  return CopyOf(backups_.Find({std::string(id), std::string(tenant)}, false));
}

absl::StatusOr<std::vector<Backup>> MemoryCatalog::ListBackups(absl::string_view tenant,
                                                               const BackupPosition& after, int32_t limit) {
  MutexLock lock(mutex_);
  return Backups(tenant, after, limit, false);
}

absl::StatusOr<domain::Revision> MemoryCatalog::ForEachTenant(
    const std::function<void(const Tenant&)>& visit) {
  std::vector<Tenant> tenants;
  domain::Revision revision;
  {
    MutexLock lock(mutex_);
    tenants = Present(false);
    revision = revision_;
  }
  for (const Tenant& tenant : tenants) visit(tenant);
  return revision;
}

absl::StatusOr<domain::Revision> MemoryCatalog::ReadPlacements(const std::function<Tenant&()>& place) {
  return ForEachTenant([&](const Tenant& tenant) {
    Tenant& part = place();
    part.id = tenant.id;
    part.uid = tenant.uid;
    part.aliases = tenant.aliases;
    part.labels = tenant.labels;
    part.settings = tenant.settings;
    part.features = tenant.features;
    part.state = tenant.state;
    part.suspend_mode = tenant.suspend_mode;
    part.placement = tenant.placement;
    part.unconfirmed = tenant.unconfirmed;
    part.storage.closed = tenant.storage.closed;
    part.credentials.clear();
    for (const domain::Credential& login : tenant.credentials) {
      if (!login.published) continue;
      part.credentials.push_back({.login = login.login,
                                  .role = login.role,
                                  .sealed_password = login.sealed_password,
                                  .published = true});
    }
  });
}

absl::StatusOr<int64_t> MemoryCatalog::CountTenants() {
  MutexLock lock(mutex_);
  return static_cast<int64_t>(Present(false).size());
}

absl::StatusOr<int64_t> MemoryCatalog::CountRunningOperations() {
  MutexLock lock(mutex_);
  int64_t count = 0;
  running_.ForEach(false, [&](const Operation& operation) {
    count += operation.kind != domain::OperationKind::kCleanUp;
  });
  return count;
}

absl::StatusOr<int64_t> MemoryCatalog::CountUnconfirmedTenants() {
  MutexLock lock(mutex_);
  int64_t count = 0;
  for (const Tenant& tenant : Present(false)) count += tenant.unconfirmed;
  return count;
}

absl::StatusOr<std::vector<Tenant>> MemoryCatalog::ListStorageLimited(absl::string_view after_id,
                                                                      int32_t limit) {
  MutexLock lock(mutex_);
  std::vector<Tenant> tenants;
  tenants_.ForEach(false, [&](const Tenant& tenant) {
    const bool limited = tenant.quota.storage_bytes > 0 || tenant.storage.closed;
    if (!limited || tenant.id <= after_id || tenants.size() >= static_cast<size_t>(std::max(limit, 0)))
      return;
    tenants.push_back(tenant);
    tenants.back().credentials.clear();
  });
  return tenants;
}

absl::StatusOr<std::vector<domain::Schedule>> MemoryCatalog::DueSchedules(absl::Time now, int32_t limit) {
  MutexLock lock(mutex_);
  std::vector<domain::Schedule> due;
  schedules_.ForEach(false, [&](const domain::Schedule& schedule) {
    if (schedule.next_time <= now) due.push_back(schedule);
  });
  std::stable_sort(due.begin(), due.end(), [](const domain::Schedule& a, const domain::Schedule& b) {
    return a.next_time < b.next_time;
  });
  if (due.size() > static_cast<size_t>(std::max(limit, 0))) due.resize(std::max(limit, 0));
  return due;
}

absl::StatusOr<std::vector<domain::Schedule>> MemoryCatalog::RefusedSchedules(int32_t refusals,
                                                                              int32_t limit) {
  MutexLock lock(mutex_);
  std::vector<domain::Schedule> refused;
  schedules_.ForEach(false, [&](const domain::Schedule& schedule) {
    if (schedule.refusals >= std::max(refusals, 1)) refused.push_back(schedule);
  });
  std::stable_sort(
      refused.begin(), refused.end(),
      [](const domain::Schedule& a, const domain::Schedule& b) { return a.refusals > b.refusals; });
  if (refused.size() > static_cast<size_t>(std::max(limit, 0))) refused.resize(std::max(limit, 0));
  return refused;
}

absl::StatusOr<std::optional<domain::Schedule>> MemoryCatalog::GetSchedule(const domain::ScheduleKey& key) {
  MutexLock lock(mutex_);
  return CopyOf(schedules_.Find(key, false));
}

absl::StatusOr<std::optional<domain::Erasure>> MemoryCatalog::GetErasure(absl::string_view uid_or_id) {
  MutexLock lock(mutex_);
  if (const auto* own = erasures_.Find(std::string(uid_or_id), false)) return *own;
  std::optional<domain::Erasure> newest;
  erasures_.ForEach(false, [&](const domain::Erasure& erasure) {
    if (erasure.tenant == uid_or_id && (!newest || erasure.time > newest->time)) newest = erasure;
  });
  return newest;
}

absl::StatusOr<std::vector<domain::AuditRow>> MemoryCatalog::ListAudit(int64_t after_sequence,
                                                                       int32_t limit) {
  MutexLock lock(mutex_);
  std::vector<domain::AuditRow> rows;
  audit_.ForEach(false, [&](const domain::AuditRow& row) {
    if (row.sequence > after_sequence && rows.size() < static_cast<size_t>(std::max(limit, 0)))
      rows.push_back(row);
  });
  return rows;
}

absl::StatusOr<std::vector<domain::AuditRow>> MemoryCatalog::ListAuditBefore(int64_t sequence,
                                                                             int32_t limit) {
  MutexLock lock(mutex_);
  std::vector<domain::AuditRow> rows;
  audit_.ForEach(false, [&](const domain::AuditRow& row) {
    if (row.sequence < sequence) rows.push_back(row);
  });
  std::reverse(rows.begin(), rows.end());
  if (rows.size() > static_cast<size_t>(std::max(limit, 0)))
    rows.resize(static_cast<size_t>(std::max(limit, 0)));
  return rows;
}

absl::StatusOr<AuditHead> MemoryCatalog::RecordedAuditHead() {
  MutexLock lock(mutex_);
  return audit_head_;
}

absl::StatusOr<std::optional<domain::AuditCheckpoint>> MemoryCatalog::GetAuditCheckpoint() {
  MutexLock lock(mutex_);
  return CopyOf(checkpoint_.Find(0, false));
}

absl::StatusOr<EventPage> MemoryCatalog::ListEvents(const EventQuery& query) {
  MutexLock lock(mutex_);
  EventPage page{.log = event_log_};
  events_.ForEach(false, [&](const domain::FleetEvent& event) {
    const bool wanted =
        event.position > query.after && (query.tenant.empty() || event.tenant == query.tenant);
    const bool fits = page.events.size() < static_cast<size_t>(std::max(query.limit, 0));
    if (wanted && fits) page.events.push_back(event);
  });
  return page;
}

absl::StatusOr<domain::EventLog> MemoryCatalog::GetEventLog() {
  MutexLock lock(mutex_);
  return event_log_;
}

absl::StatusOr<int64_t> MemoryCatalog::PositionBefore(absl::Time time) {
  MutexLock lock(mutex_);
  std::optional<std::pair<absl::Time, int64_t>> first;
  events_.ForEach(false, [&](const domain::FleetEvent& event) {
    if (event.time < time) return;
    const std::pair<absl::Time, int64_t> place(event.time, event.position);
    first = first ? std::min(*first, place) : place;
  });
  return first ? first->second - 1 : event_log_.last;
}

}  // namespace croft::catalog
