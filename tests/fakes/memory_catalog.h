#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/catalog.h"

namespace croft::catalog {

template <typename T>
std::optional<T> CopyOf(const T* value) {
  return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

// Rows by key, with those of the open transaction beside them until they are merged or dropped.
template <typename Key, typename Row>
class MemoryTable {
 public:
  using Rows = std::map<Key, std::shared_ptr<const Row>>;

  void Put(const Key& key, Row row) { pending_[key] = std::make_shared<const Row>(std::move(row)); }
  void Delete(const Key& key) { pending_[key] = nullptr; }
  void Merge() {
    for (auto& [key, row] : pending_) {
      if (row == nullptr) {
        rows_.erase(key);
      } else {
        rows_[key] = std::move(row);
      }
    }
    pending_.clear();
  }
  void Drop() { pending_.clear(); }

  const Row* Find(const Key& key, bool with_pending) const {
    if (with_pending) {
      if (const auto found = pending_.find(key); found != pending_.end()) return found->second.get();
    }
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : found->second.get();
  }
  // In the order of keys.
  void ForEach(bool with_pending, const std::function<void(const Row&)>& visit) const {
    const Rows none;
    const Rows& pending = with_pending ? pending_ : none;
    auto next = pending.begin();
    for (const auto& [key, row] : rows_) {
      for (; next != pending.end() && next->first < key; ++next) Visit(next->second, visit);
      if (next != pending.end() && next->first == key) {
        Visit(next++->second, visit);
      } else {
        visit(*row);
      }
    }
    for (; next != pending.end(); ++next) Visit(next->second, visit);
  }

 private:
  static void Visit(const std::shared_ptr<const Row>& row, const std::function<void(const Row&)>& visit) {
    if (row != nullptr) visit(*row);
  }

  Rows rows_;
  Rows pending_;
};

// A catalog in memory for the simulation and for tests of what stands above it; it passes the contract suite of
// the real one. Plain scans: for some hundred tenants. What it holds outlives a simulated crash of the control
// plane; what an open transaction holds does not.
class MemoryCatalog final : public Catalog {
 public:
  explicit MemoryCatalog(int64_t epoch = 1) : revision_{epoch, 0} {}

  // Another control plane takes over: the epoch rises, and every transaction that is open, or begun by one who
  // goes on believing in `believed`, finds itself FENCED.
  void TakeOver();
  // Begin() as the control plane that read `believed` when it started.
  absl::StatusOr<std::unique_ptr<Transaction>> BeginAs(int64_t believed);

  absl::StatusOr<std::unique_ptr<Transaction>> Begin() override;
  domain::Revision revision() const override;
  absl::StatusOr<std::optional<domain::Tenant>> GetTenant(absl::string_view id) override;
  absl::StatusOr<std::optional<domain::Tenant>> GetTenantByUid(absl::string_view uid) override;
  absl::StatusOr<TenantPage> ListTenants(const TenantQuery& query) override;
  absl::StatusOr<std::optional<domain::Host>> GetHost(absl::string_view id) override;
  absl::StatusOr<std::vector<domain::Host>> ListHosts() override;
  absl::StatusOr<std::optional<domain::User>> GetUser(absl::string_view id) override;
  absl::StatusOr<std::vector<domain::User>> ListUsers() override;
  absl::StatusOr<std::optional<domain::Operation>> GetOperation(absl::string_view id) override;
  absl::StatusOr<OperationPage> ListOperations(const OperationQuery& query) override;
  absl::StatusOr<std::optional<domain::Backup>> GetBackup(absl::string_view tenant,
                                                          absl::string_view id) override;
  absl::StatusOr<std::vector<domain::Backup>> ListBackups(absl::string_view tenant,
                                                          const BackupPosition& after,
                                                          int32_t limit) override;
  absl::StatusOr<domain::Revision> ForEachTenant(
      const std::function<void(const domain::Tenant&)>& visit) override;
  absl::StatusOr<domain::Revision> ReadPlacements(const std::function<domain::Tenant&()>& place) override;
  absl::StatusOr<int64_t> CountTenants() override;
  absl::StatusOr<int64_t> CountRunningOperations() override;
  absl::StatusOr<int64_t> CountUnconfirmedTenants() override;
  absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view after_id,
                                                                 int32_t limit) override;
  absl::StatusOr<std::vector<domain::BackupPolicy>> ListBackupPolicies() override;
  absl::StatusOr<std::vector<domain::Schedule>> DueSchedules(absl::Time now, int32_t limit) override;
  absl::StatusOr<std::vector<domain::Schedule>> RefusedSchedules(int32_t refusals, int32_t limit) override;
  absl::StatusOr<std::optional<domain::Schedule>> GetSchedule(const domain::ScheduleKey& key) override;
  absl::StatusOr<std::optional<domain::Erasure>> GetErasure(absl::string_view uid_or_id) override;
  absl::StatusOr<std::vector<domain::AuditRow>> ListAudit(int64_t after_sequence, int32_t limit) override;
  absl::StatusOr<std::vector<domain::AuditRow>> ListAuditBefore(int64_t sequence, int32_t limit) override;
  absl::StatusOr<domain::Revision> CommittedRevision() override { return revision(); }
  absl::StatusOr<AuditHead> RecordedAuditHead() override;
  absl::StatusOr<std::optional<domain::AuditCheckpoint>> GetAuditCheckpoint() override;
  absl::StatusOr<EventPage> ListEvents(const EventQuery& query) override;
  absl::StatusOr<domain::EventLog> GetEventLog() override;
  absl::StatusOr<int64_t> PositionBefore(absl::Time time) override;

 private:
  friend class MemoryTransaction;
  using BackupKey = std::pair<std::string, std::string>;   // id, tenant
  using RequestKey = std::pair<std::string, std::string>;  // caller, request id
  // Reads; `pending`: as the open transaction sees it.
  std::vector<domain::Operation> Running(const std::function<bool(const domain::Operation&)>& wanted,
                                         bool pending) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<domain::Tenant> Present(bool pending) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<domain::Backup> Backups(absl::string_view tenant, const BackupPosition& after, int32_t limit,
                                      bool pending) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes of the open transaction.
  void Write(const PutTenant& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutHost& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteHost& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutUser& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteUser& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const NoteTokenUse& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutOperation& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteOperation& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutBackup& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteBackup& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutRequest& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteRequest& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutSchedule& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteSchedule& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const AppendAudit& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const CutAudit& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const AppendEvent& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const CutEvents& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutErasure& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const PutBackupPolicy& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const DeleteBackupPolicy& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refuse(absl::string_view what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <typename Do>
  void ForEachTable(Do apply) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(bool merge) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  domain::Revision revision_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);  // of the open transaction
  AuditHead audit_head_ ABSL_GUARDED_BY(mutex_);
  AuditHead pending_audit_head_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, domain::Tenant> tenants_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, std::string> uids_ ABSL_GUARDED_BY(mutex_);     // uid -> tenant
  MemoryTable<std::string, std::string> aliases_ ABSL_GUARDED_BY(mutex_);  // alias -> tenant
  MemoryTable<std::string, domain::Host> hosts_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, domain::User> users_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, int64_t> positions_ ABSL_GUARDED_BY(mutex_);  // operation id -> position
  MemoryTable<int64_t, domain::Operation> operations_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<int64_t, domain::Operation> running_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<BackupKey, domain::Backup> backups_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, domain::Erasure> erasures_ ABSL_GUARDED_BY(mutex_);  // by uid
  MemoryTable<RequestKey, RequestRecord> requests_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<domain::ScheduleKey, domain::Schedule> schedules_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<std::string, domain::BackupPolicy> backup_policies_ ABSL_GUARDED_BY(mutex_);
  domain::EventLog event_log_ ABSL_GUARDED_BY(mutex_){.uid = "memory"};
  domain::EventLog pending_event_log_ ABSL_GUARDED_BY(mutex_){.uid = "memory"};
  MemoryTable<int64_t, domain::FleetEvent> events_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<int64_t, domain::AuditRow> audit_ ABSL_GUARDED_BY(mutex_);
  MemoryTable<int, domain::AuditCheckpoint> checkpoint_ ABSL_GUARDED_BY(mutex_);  // one row
  int64_t last_position_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace croft::catalog
