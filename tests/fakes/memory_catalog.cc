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
    return CopyOf(catalog_.tenants_.Find(std::string(id), true));
  }
  std::optional<std::string> FindAlias(absl::string_view alias) override {
    MutexLock lock(catalog_.mutex_);
    return CopyOf(catalog_.aliases_.Find(std::string(alias), true));
  }
  std::optional<Host> FindHost(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return CopyOf(catalog_.hosts_.Find(std::string(id), true));
  }
  std::vector<Host> Hosts() override {
    MutexLock lock(catalog_.mutex_);
    std::vector<Host> hosts;
    catalog_.hosts_.ForEach(true, [&](const Host& host) { hosts.push_back(host); });
    return hosts;
  }
  std::optional<User> FindUser(absl::string_view id) override {
    MutexLock lock(catalog_.mutex_);
    return CopyOf(catalog_.users_.Find(std::string(id), true));
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
    return position == nullptr ? std::nullopt : CopyOf(catalog_.operations_.Find(*position, true));
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
    return CopyOf(catalog_.backups_.Find({std::string(id), std::string(tenant)}, true));
  }
  std::vector<Backup> BackupsOfTenant(absl::string_view tenant) override {
    MutexLock lock(catalog_.mutex_);
    if (tenant.empty()) return {};
    return catalog_.Backups(tenant, {}, std::numeric_limits<int32_t>::max(), true);
  }
  std::optional<RequestRecord> FindRequest(absl::string_view caller,
                                           absl::string_view request_id) override {
    MutexLock lock(catalog_.mutex_);
    return CopyOf(catalog_.requests_.Find({std::string(caller), std::string(request_id)}, true));
  }
  int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller) override {
    const std::vector<Operation> running = RunningOperationsOnHost(host);
    return std::count_if(running.begin(), running.end(),
                         [&](const Operation& one) { return one.caller == caller; });
  }
  int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller,
                             domain::OperationKind kind) override {
    const std::vector<Operation> running = RunningOperationsOnHost(host);
    return std::count_if(running.begin(), running.end(),
                         [&](const Operation& one) { return one.caller == caller || one.kind == kind; });
  }
  int64_t CountBackupsBeingMade(absl::string_view store, int64_t most) override {
    MutexLock lock(catalog_.mutex_);
    int64_t count = 0;
    catalog_.backups_.ForEach(true, [&](const Backup& one) {
      if (one.state != domain::BackupState::kCreating || one.store != store || count >= most) return;
      const domain::Tenant* tenant = catalog_.tenants_.Find(one.tenant, true);
      const domain::Host* host =
          tenant == nullptr ? nullptr : catalog_.hosts_.Find(tenant->placement.host, true);
      if (host != nullptr && host->up) ++count;
    });
    return count;
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
    return CopyOf(catalog_.schedules_.Find(key, true));
  }
  std::optional<domain::AuditRow> FindAuditRow(int64_t sequence) override {
    MutexLock lock(catalog_.mutex_);
    return CopyOf(catalog_.audit_.Find(sequence, true));
  }
  EventRun OldestEvents(absl::Time time, int32_t limit) override {
    MutexLock lock(catalog_.mutex_);
    EventRun run;
    bool ended = false;
    catalog_.events_.ForEach(true, [&](const domain::FleetEvent& event) {
      ended = ended || event.time >= time || run.count >= limit;
      if (!ended) run = {run.count + 1, event.position};
    });
    return run;
  }
  int64_t CountTenantsOnHost(absl::string_view host) override {
    MutexLock lock(catalog_.mutex_);
    int64_t count = 0;
    for (const Tenant& tenant : catalog_.Present(true)) count += tenant.placement.host == host;
    return count;
  }

  std::vector<domain::BackupPolicy> BackupPolicies() override {
    MutexLock lock(catalog_.mutex_);
    std::vector<domain::BackupPolicy> policies;
    catalog_.backup_policies_.ForEach(
        true, [&](const domain::BackupPolicy& policy) { policies.push_back(policy); });
    return policies;
  }
  std::vector<Tenant> TenantsAfter(absl::string_view after_id, int32_t limit) override {
    MutexLock lock(catalog_.mutex_);
    std::vector<Tenant> tenants;
    catalog_.tenants_.ForEach(true, [&](const Tenant& tenant) {
      if (tenant.id <= after_id || tenants.size() >= static_cast<size_t>(std::max(limit, 0))) return;
      tenants.push_back(tenant);
      tenants.back().credentials.clear();
    });
    return tenants;
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
  std::apply(
      [&](auto&... table) { (apply(table), ...); },
      std::tie(tenants_, uids_, aliases_, hosts_, users_, positions_, operations_, running_, backups_,
               erasures_, requests_, schedules_, backup_policies_, audit_, checkpoint_, events_));
}

void MemoryCatalog::End(bool merge) {
  open_ = false;
  refused_ = absl::OkStatus();
  if (merge) {
    ForEachTable([](auto& table) { table.Merge(); });
    audit_head_ = pending_audit_head_;
    event_log_ = pending_event_log_;
  } else {
    ForEachTable([](auto& table) { table.Drop(); });
    pending_audit_head_ = audit_head_;
    pending_event_log_ = event_log_;
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

void MemoryCatalog::Write(const PutErasure& change) { erasures_.Put(change.erasure.uid, change.erasure); }

void MemoryCatalog::Write(const PutBackupPolicy& change) {
  backup_policies_.Put(change.policy.id, change.policy);
}

void MemoryCatalog::Write(const DeleteBackupPolicy& change) { backup_policies_.Delete(change.id); }

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

void MemoryCatalog::Write(const AppendEvent& change) {
  domain::FleetEvent event = change.event;
  event.position = ++pending_event_log_.last;
  events_.Put(event.position, event);
}

void MemoryCatalog::Write(const CutEvents& change) {
  std::vector<int64_t> cut;
  events_.ForEach(true, [&](const domain::FleetEvent& event) {
    if (event.position <= change.position) cut.push_back(event.position);
  });
  for (const int64_t position : cut) events_.Delete(position);
  pending_event_log_.pruned = std::max(pending_event_log_.pruned, change.position);
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

}  // namespace croft::catalog
