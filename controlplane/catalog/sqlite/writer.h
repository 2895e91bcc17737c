#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"
#include "common/sqlite/transaction.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/catalog/sqlite/backup_policies.h"
#include "controlplane/catalog/sqlite/events.h"
#include "controlplane/catalog/sqlite/hosts.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/catalog/sqlite/operations.h"
#include "controlplane/catalog/sqlite/records.h"
#include "controlplane/catalog/sqlite/schedules.h"
#include "controlplane/catalog/sqlite/tenants.h"
#include "controlplane/catalog/sqlite/users.h"

// The catalog's one writing connection.
namespace croft::catalog {

// The writing connection, its statements and what it keeps in memory. One thread at a time.
class Writer {
 public:
  // What the catalog publishes after each commit.
  struct Published {
    domain::Revision revision;
    int64_t tenants = 0;
  };

  // `database` is claimed.
  static absl::StatusOr<std::unique_ptr<Writer>> Make(std::unique_ptr<sqlite::Database> database);

  const Published& published() const { return published_; }

 private:
  friend class SqliteTransaction;

  explicit Writer(std::unique_ptr<sqlite::Database> database);
  absl::Status Load();

  std::unique_ptr<sqlite::Database> database_;
  MetaReads meta_reads_;
  MetaWrites meta_writes_;
  TenantReads tenant_reads_;
  TenantWrites tenant_writes_;
  HostReads host_reads_;
  HostWrites host_writes_;
  UserReads user_reads_;
  UserWrites user_writes_;
  OperationReads operation_reads_;
  OperationWrites operation_writes_;
  BackupReads backup_reads_;
  BackupWrites backup_writes_;
  ErasureWrites erasure_writes_;
  Requests requests_;
  ScheduleReads schedule_reads_;
  ScheduleWrites schedule_writes_;
  BackupPolicyReads backup_policy_reads_;
  BackupPolicyWrites backup_policy_writes_;
  AuditReads audit_reads_;
  AuditWrites audit_writes_;
  EventReads event_reads_;
  EventWrites event_writes_;

  Published published_;
  AuditHead audit_head_;
  EventPositions event_positions_;
  // All of them: placement looks at every host for every tenant that is created.
  std::map<std::string, domain::Host, std::less<>> hosts_;
  bool open_ = false;    // a transaction is
  absl::Status failed_;  // sticky: after an error of the disk nothing may be written
};

class SqliteTransaction final : public Transaction {
 public:
  // `publish` is told of each commit before Commit() answers.
  static absl::StatusOr<std::unique_ptr<Transaction>> Begin(
      Writer& writer, std::function<void(const Writer::Published&)> publish);
  ~SqliteTransaction() override;

  std::optional<domain::Tenant> FindTenant(absl::string_view id) override;
  std::optional<std::string> FindAlias(absl::string_view alias) override;
  std::optional<domain::Host> FindHost(absl::string_view id) override;
  std::vector<domain::Host> Hosts() override;
  std::optional<domain::User> FindUser(absl::string_view id) override;
  std::optional<std::string> FindCertificate(absl::string_view fingerprint) override;
  std::optional<domain::Operation> FindOperation(absl::string_view id) override;
  std::vector<domain::Operation> RunningOperationsOfTenant(absl::string_view tenant) override;
  std::vector<domain::Operation> RunningOperationsOnHost(absl::string_view host) override;
  std::vector<domain::Operation> RunningOperations() override;
  int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller) override;
  int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller,
                             domain::OperationKind kind) override;
  int64_t CountBackupsBeingMade(absl::string_view store, int64_t most) override;
  std::vector<std::string> OperationsEndedBefore(absl::Time time, int32_t limit) override;
  std::optional<domain::Backup> FindBackup(absl::string_view tenant, absl::string_view id) override;
  std::vector<domain::Backup> BackupsOfTenant(absl::string_view tenant) override;
  std::optional<RequestRecord> FindRequest(absl::string_view caller, absl::string_view request_id) override;
  std::vector<RequestRecord> RequestsBefore(absl::Time time, int32_t limit) override;
  std::optional<domain::Schedule> FindSchedule(const domain::ScheduleKey& key) override;
  std::optional<domain::AuditRow> FindAuditRow(int64_t sequence) override;
  EventRun OldestEvents(absl::Time time, int32_t limit) override;
  int64_t CountTenantsOnHost(absl::string_view host) override;
  std::vector<domain::BackupPolicy> BackupPolicies() override;
  std::vector<domain::Tenant> TenantsAfter(absl::string_view after_id, int32_t limit) override;

  void Apply(const Change& change) override;
  absl::StatusOr<domain::Revision> Commit() override;

 private:
  SqliteTransaction(Writer& writer, sqlite::Transaction transaction,
                    std::function<void(const Writer::Published&)> publish);

  // The value, or an empty one after noting the error.
  template <typename T>
  T Take(absl::StatusOr<T> answer) {
    if (answer.ok()) return *std::move(answer);
    Note(answer.status());
    return T();
  }
  void Note(const absl::Status& status);

  absl::Status Write(const PutTenant& change);
  absl::Status Write(const PutHost& change);
  absl::Status Write(const DeleteHost& change);
  absl::Status Write(const PutUser& change);
  absl::Status Write(const DeleteUser& change);
  absl::Status Write(const NoteTokenUse& change);
  absl::Status Write(const PutOperation& change);
  absl::Status Write(const DeleteOperation& change);
  absl::Status Write(const PutBackup& change);
  absl::Status Write(const DeleteBackup& change);
  absl::Status Write(const PutRequest& change);
  absl::Status Write(const DeleteRequest& change);
  absl::Status Write(const PutSchedule& change);
  absl::Status Write(const DeleteSchedule& change);
  absl::Status Write(const AppendAudit& change);
  absl::Status Write(const CutAudit& change);
  absl::Status Write(const AppendEvent& change);
  absl::Status Write(const CutEvents& change);
  absl::Status Write(const PutErasure& change);
  absl::Status Write(const PutBackupPolicy& change);
  absl::Status Write(const DeleteBackupPolicy& change);
  void KeepHost(const std::string& id, std::optional<domain::Host> host);
  void Undo();
  absl::Status Finish();

  Writer& writer_;
  std::optional<sqlite::Transaction> transaction_;
  std::function<void(const Writer::Published&)> publish_;
  absl::Status status_;
  bool changed_ = false;
  int64_t more_tenants_ = 0;
  AuditHead audit_head_;
  EventPositions event_positions_;
  // What the hosts touched were before, oldest first.
  std::vector<std::pair<std::string, std::optional<domain::Host>>> former_hosts_;
};

}  // namespace croft::catalog
