#include "tests/fakes/memory_catalog.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "tests/fakes/query_matches.h"

namespace croft::catalog {
namespace {

using domain::Backup;
using domain::Host;
using domain::Operation;
using domain::Tenant;
using domain::TenantState;
using domain::User;

absl::Status Fenced() {
  return MakeError(absl::StatusCode::kAborted, "another control plane has taken over",
                   {.reason = "FENCED"});
}

template <typename T>
std::optional<T> Copy(const T* value) {
  return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

}  // namespace

class MemoryTransaction final : public Transaction {
 public:
  MemoryTransaction(MemoryCatalog& catalog, int64_t epoch) : catalog_(catalog), epoch_(epoch) {}
  ~MemoryTransaction() override {
    MutexLock lock(catalog_.mutex_);
    if (!ended_) catalog_.End(/*merge=*/false);
  }

  std::optional<Tenant> FindTenant(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.tenants_.Find(std::string(id), true));
  }
  std::optional<std::string> FindAlias(absl::string_view alias) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.aliases_.Find(std::string(alias), true));
  }
  std::optional<Host> FindHost(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.hosts_.Find(std::string(id), true));
  }
  std::vector<Host> Hosts() override {
    MutexLock lock(catalog_.mutex_);
    std::vector<Host> hosts;
    catalog_.hosts_.ForEach(true, [&](const Host& host) { hosts.push_back(host); });
    return hosts;
  }
  std::optional<User> FindUser(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.users_.Find(std::string(id), true));
  }
  std::optional<std::string> FindCertificate(absl::string_view fingerprint) override {
    MutexLock lock(catalog_.mutex_);
    std::optional<std::string> holder;
    catalog_.users_.ForEach(true, [&](const User& user) {
      for (const auto& one : user.certificates) {
        if (one.fingerprint == fingerprint) holder = user.id;
      }
    });
    return holder;
  }
  std::optional<Operation> FindOperation(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    const int64_t* position = catalog_.positions_.Find(std::string(id), true);
    return position == nullptr ? std::nullopt : Copy(catalog_.operations_.Find(*position, true));
  }
  std::vector<Operation> RunningOperationsOfTenant(absl::string_view tenant) override {
    MutexLock lock(catalog_.mutex_);
    return catalog_.Running(
        [&](const Operation& one) {
          return one.tenant == tenant || (!one.source_tenant.empty() && one.source_tenant == tenant);
        },
        true);
  }
  std::vector<Operation> RunningOperationsOnHost(absl::string_view host) override {
    MutexLock lock(catalog_.mutex_);
    return catalog_.Running(
        [&](const Operation& one) {
          const auto step = domain::CurrentStep(one);
          return !host.empty() && step.has_value() && one.steps[*step].host == host;
        },
        true);
  }
  std::vector<Operation> RunningOperations() override {
    MutexLock lock(catalog_.mutex_);
    return catalog_.Running([](const Operation&) { return true; }, true);
  }
  std::optional<Backup> FindBackup(absl::string_view tenant, absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.backups_.Find({std::string(id), std::string(tenant)}, true));
  }
  std::vector<Backup> BackupsOfTenant(absl::string_view tenant) override {
    MutexLock lock(catalog_.mutex_);
    if (tenant.empty()) return {};
    return catalog_.Backups(tenant, {}, std::numeric_limits<int32_t>::max(), true);
  }
  std::optional<RequestRecord> FindRequest(absl::string_view caller,
                                           absl::string_view request_id) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.requests_.Find({std::string(caller), std::string(request_id)}, true));
  }
  int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller) override {
    const std::vector<Operation> running = RunningOperationsOnHost(host);
    return std::count_if(running.begin(), running.end(),
                         [&](const Operation& one) { return one.caller == caller; });
  }
  std::vector<std::string> OperationsEndedBefore(absl::Time time, int32_t limit) override {
    MutexLock lock(catalog_.mutex_);
    std::vector<std::pair<absl::Time, std::string>> ended;
    catalog_.operations_.ForEach(true, [&](const Operation& one) {
      if (one.end_time && *one.end_time < time) ended.emplace_back(*one.end_time, one.id);
    });
    std::sort(ended.begin(), ended.end());
    std::vector<std::string> ids;
    for (const auto& [when, id] : ended) {
      if (ids.size() < static_cast<size_t>(std::max(limit, 0))) ids.push_back(id);
    }
    return ids;
  }
  std::vector<RequestRecord> RequestsBefore(absl::Time time, int32_t limit) override {
    MutexLock lock(catalog_.mutex_);
    std::vector<RequestRecord> old;
    catalog_.requests_.ForEach(true, [&](const RequestRecord& one) {
      if (one.time < time) old.push_back(one);
    });
    std::stable_sort(old.begin(), old.end(),
                     [](const RequestRecord& a, const RequestRecord& b) { return a.time < b.time; });
    if (old.size() > static_cast<size_t>(std::max(limit, 0))) old.resize(std::max(limit, 0));
    return old;
  }
  std::optional<domain::Schedule> FindSchedule(const domain::ScheduleKey& key) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.schedules_.Find(key, true));
  }
  std::optional<domain::AuditRow> FindAuditRow(int64_t sequence) override {
    MutexLock lock(catalog_.mutex_);
    return Copy(catalog_.audit_.Find(sequence, true));
  }
  int64_t CountTenantsOnHost(absl::string_view host) override {
    MutexLock lock(catalog_.mutex_);
    int64_t count = 0;
    for (const Tenant& tenant : catalog_.Present(true)) count += tenant.placement.host == host;
    return count;
  }

  void Apply(const Change& change) override {
    changed_ = true;
    std::visit(
        [this](const auto& one) {
          MutexLock lock(catalog_.mutex_);
          catalog_.Write(one);
        },
        change);
  }

  absl::StatusOr<domain::Revision> Commit() override {
    MutexLock lock(catalog_.mutex_);
    if (ended_) return absl::InternalError("this catalog transaction has ended");
    ended_ = true;
    absl::Status status = catalog_.refused_;
    if (epoch_ != catalog_.revision_.epoch) status = Fenced();
    if (status.ok() && changed_) ++catalog_.revision_.revision;
    catalog_.End(/*merge=*/status.ok());
    if (!status.ok()) return status;
    return catalog_.revision_;
  }

 private:
  MemoryCatalog& catalog_;
  const int64_t epoch_;
  bool changed_ = false;
  bool ended_ = false;
};

void MemoryCatalog::TakeOver() {
  MutexLock lock(mutex_);
  ++revision_.epoch;
}

absl::StatusOr<std::unique_ptr<Transaction>> MemoryCatalog::Begin() { return BeginAs(revision().epoch); }

absl::StatusOr<std::unique_ptr<Transaction>> MemoryCatalog::BeginAs(int64_t believed) {
  MutexLock lock(mutex_);
  if (believed != revision_.epoch) return Fenced();
  if (open_) return absl::InternalError("a catalog transaction is open already");
  open_ = true;
  return std::make_unique<MemoryTransaction>(*this, believed);
}

domain::Revision MemoryCatalog::revision() const {
  MutexLock lock(mutex_);
  return revision_;
}

template <typename Do>
void MemoryCatalog::ForEachTable(Do apply) {
  std::apply([&](auto&... table) { (apply(table), ...); },
             std::tie(tenants_, uids_, aliases_, hosts_, users_, positions_, operations_, running_,
                      backups_, requests_, schedules_, audit_, checkpoint_));
}

void MemoryCatalog::End(bool merge) {
  open_ = false;
  refused_ = absl::OkStatus();
  if (merge) {
    ForEachTable([](auto& table) { table.Merge(); });
    audit_head_ = pending_audit_head_;
  } else {
    ForEachTable([](auto& table) { table.Drop(); });
    pending_audit_head_ = audit_head_;
  }
}

void MemoryCatalog::Refuse(absl::string_view what) { refused_.Update(absl::InternalError(what)); }

void MemoryCatalog::Write(const PutTenant& change) {
  const Tenant& tenant = change.tenant;
  if (const Tenant* former = tenants_.Find(tenant.id, true); former != nullptr) {
    uids_.Delete(former->uid);
    if (former->state != TenantState::kPurged) {
      for (const std::string& alias : former->aliases) aliases_.Delete(alias);
    }
  }
  if (uids_.Find(tenant.uid, true) != nullptr) Refuse("another tenant has this uid");
  uids_.Put(tenant.uid, tenant.id);
  if (tenant.state != TenantState::kPurged) {
    for (const std::string& alias : tenant.aliases) {
      const std::string* holder = aliases_.Find(alias, true);
      if (holder != nullptr && *holder != tenant.id) Refuse("another tenant has this alias");
      aliases_.Put(alias, tenant.id);
    }
  }
  tenants_.Put(tenant.id, tenant);
}

void MemoryCatalog::Write(const PutHost& change) { hosts_.Put(change.host.id, change.host); }

void MemoryCatalog::Write(const DeleteHost& change) { hosts_.Delete(change.id); }

void MemoryCatalog::Write(const PutUser& change) {
  users_.ForEach(true, [&](const User& other) {
    if (other.id == change.user.id) return;
    for (const auto& token : change.user.tokens) {
      for (const auto& taken : other.tokens) {
        if (taken.hash == token.hash) Refuse("another principal has this token");
      }
    }
    for (const auto& certificate : change.user.certificates) {
      for (const auto& taken : other.certificates) {
        if (taken.fingerprint == certificate.fingerprint) Refuse("another principal has this certificate");
      }
    }
  });
  users_.Put(change.user.id, change.user);
}

void MemoryCatalog::Write(const DeleteUser& change) { users_.Delete(change.id); }

void MemoryCatalog::Write(const NoteTokenUse& change) {
  const User* known = users_.Find(change.user, true);
  if (known == nullptr) return;
  User user = *known;
  for (auto& token : user.tokens) {
    if (token.id == change.token) token.last_used_time = change.time;
  }
  users_.Put(user.id, user);
}

void MemoryCatalog::Write(const PutOperation& change) {
  const Operation& operation = change.operation;
  const int64_t* known = positions_.Find(operation.id, true);
  const int64_t position = known == nullptr ? ++last_position_ : *known;
  if (known == nullptr) positions_.Put(operation.id, position);
  operations_.Put(position, operation);
  if (domain::Ended(operation)) {
    running_.Delete(position);
  } else {
    running_.Put(position, operation);
  }
}

void MemoryCatalog::Write(const DeleteOperation& change) {
  const int64_t* known = positions_.Find(change.id, true);
  if (known == nullptr) return;
  operations_.Delete(*known);
  running_.Delete(*known);
  positions_.Delete(change.id);
}

void MemoryCatalog::Write(const PutBackup& change) {
  backups_.Put({change.backup.id, change.backup.tenant}, change.backup);
}

void MemoryCatalog::Write(const DeleteBackup& change) { backups_.Delete({change.id, change.tenant}); }

void MemoryCatalog::Write(const PutRequest& change) {
  requests_.Put({change.record.caller, change.record.request_id}, change.record);
}

void MemoryCatalog::Write(const DeleteRequest& change) {
  requests_.Delete({change.caller, change.request_id});
}

void MemoryCatalog::Write(const PutSchedule& change) {
  schedules_.Put(change.schedule.key, change.schedule);
}

void MemoryCatalog::Write(const DeleteSchedule& change) { schedules_.Delete(change.key); }

void MemoryCatalog::Write(const AppendAudit& change) {
  const domain::AuditRow row = ChainAudit(pending_audit_head_, change.event);
  pending_audit_head_ = {row.sequence, row.hash};
  audit_.Put(row.sequence, row);
}

void MemoryCatalog::Write(const CutAudit& change) {
  std::vector<int64_t> cut;
  audit_.ForEach(true, [&](const domain::AuditRow& row) {
    if (row.sequence <= change.checkpoint.head.sequence) cut.push_back(row.sequence);
  });
  for (const int64_t sequence : cut) audit_.Delete(sequence);
  checkpoint_.Put(0, change.checkpoint);
}

std::vector<Operation> MemoryCatalog::Running(const std::function<bool(const Operation&)>& wanted,
                                              bool pending) const {
  std::vector<Operation> running;
  running_.ForEach(pending, [&](const Operation& one) {
    if (wanted(one)) running.push_back(one);
  });
  return running;
}

std::vector<Tenant> MemoryCatalog::Present(bool pending) const {
  std::vector<Tenant> present;
  tenants_.ForEach(pending, [&](const Tenant& tenant) {
    if (tenant.state != TenantState::kPurged) present.push_back(tenant);
  });
  return present;
}

std::vector<Backup> MemoryCatalog::Backups(absl::string_view tenant, const BackupPosition& after,
                                           int32_t limit, bool pending) const {
  std::vector<Backup> backups;
  backups_.ForEach(pending, [&](const Backup& backup) {
    if (!tenant.empty() && backup.tenant != tenant) return;
    const bool comes =
        after.id.empty() || backup.id < after.id || (backup.id == after.id && backup.tenant > after.tenant);
    if (comes) backups.push_back(backup);
  });
  std::sort(backups.begin(), backups.end(), [](const Backup& a, const Backup& b) {
    return a.id != b.id ? a.id > b.id : a.tenant < b.tenant;
  });
  if (backups.size() > static_cast<size_t>(std::max(limit, 0))) backups.resize(std::max(limit, 0));
  return backups;
}

absl::StatusOr<std::optional<Tenant>> MemoryCatalog::GetTenant(absl::string_view id) {
  MutexLock lock(mutex_);
  return Copy(tenants_.Find(std::string(id), false));
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
  return Copy(hosts_.Find(std::string(id), false));
}

absl::StatusOr<std::vector<Host>> MemoryCatalog::ListHosts() {
  MutexLock lock(mutex_);
  std::vector<Host> hosts;
  hosts_.ForEach(false, [&](const Host& host) { hosts.push_back(host); });
  return hosts;
}

absl::StatusOr<std::optional<User>> MemoryCatalog::GetUser(absl::string_view id) {
  MutexLock lock(mutex_);
  return Copy(users_.Find(std::string(id), false));
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
  return position == nullptr ? std::nullopt : Copy(operations_.Find(*position, false));
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
  return Copy(backups_.Find({std::string(id), std::string(tenant)}, false));
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
  return Copy(checkpoint_.Find(0, false));
}

}  // namespace croft::catalog
