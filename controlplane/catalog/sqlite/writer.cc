// Applies changes in transactions on the one writing connection.

#include "controlplane/catalog/sqlite/writer.h"

#include <algorithm>
#include <limits>

#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::catalog {
namespace {

absl::Status Fenced(int64_t own, int64_t stored) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("another control plane has taken over the catalog: its epoch is ", stored,
                                ", this one's is ", own, ". This process must end."),
                   {.reason = "FENCED"});
}

}  // namespace

Writer::Writer(std::unique_ptr<sqlite::Database> database)
    : database_(std::move(database)),
      meta_reads_(*database_),
      meta_writes_(*database_),
      tenant_reads_(*database_),
      tenant_writes_(*database_),
      host_reads_(*database_),
      host_writes_(*database_),
      user_reads_(*database_),
      user_writes_(*database_),
      operation_reads_(*database_),
      operation_writes_(*database_),
      backup_reads_(*database_),
      backup_writes_(*database_),
      erasure_writes_(*database_),
      requests_(*database_),
      schedule_reads_(*database_),
      schedule_writes_(*database_),
      backup_policy_reads_(*database_),
      backup_policy_writes_(*database_),
      audit_reads_(*database_),
      audit_writes_(*database_),
      event_reads_(*database_),
      event_writes_(*database_) {}

absl::StatusOr<std::unique_ptr<Writer>> Writer::Make(std::unique_ptr<sqlite::Database> database) {
  std::unique_ptr<Writer> writer(new Writer(std::move(database)));
  CROFT_RETURN_IF_ERROR(writer->Load());
  return writer;
}

absl::Status Writer::Load() {
  CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, meta_reads_.Read());
  published_.revision = standing.revision;
  audit_head_ = standing.audit_head;
  event_positions_ = {standing.last_event, standing.pruned_event};
  published_.tenants = standing.tenants;
  CROFT_ASSIGN_OR_RETURN(std::vector<domain::Host> hosts, host_reads_.List());
  for (domain::Host& host : hosts) {
    std::string id = host.id;
    hosts_.emplace(std::move(id), std::move(host));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Transaction>> SqliteTransaction::Begin(
    Writer& writer, std::function<void(const Writer::Published&)> publish) {
  if (!writer.failed_.ok()) return writer.failed_;
  if (writer.open_) return absl::InternalError("a catalog transaction is open already");
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*writer.database_));
  CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, writer.meta_reads_.Read());
  const domain::Revision& own = writer.published_.revision;
  if (standing.revision.epoch != own.epoch) {
    writer.failed_ = Fenced(own.epoch, standing.revision.epoch);
    return writer.failed_;
  }
  if (standing.revision != own) {
    writer.failed_ = absl::InternalError("the catalog was changed by another program while it was open");
    return writer.failed_;
  }
  return std::unique_ptr<Transaction>(
      new SqliteTransaction(writer, std::move(transaction), std::move(publish)));
}

SqliteTransaction::SqliteTransaction(Writer& writer, sqlite::Transaction transaction,
                                     std::function<void(const Writer::Published&)> publish)
    : writer_(writer),
      transaction_(std::move(transaction)),
      publish_(std::move(publish)),
      audit_head_(writer.audit_head_),
      event_positions_(writer.event_positions_) {
  writer_.open_ = true;
}

SqliteTransaction::~SqliteTransaction() {
  if (transaction_.has_value()) Undo();
}

void SqliteTransaction::Undo() {
  transaction_.reset();
  for (auto former = former_hosts_.rbegin(); former != former_hosts_.rend(); ++former) {
    writer_.hosts_.erase(former->first);
    if (former->second.has_value()) writer_.hosts_.emplace(former->first, *std::move(former->second));
  }
  former_hosts_.clear();
  writer_.open_ = false;
}

void SqliteTransaction::Note(const absl::Status& status) { status_.Update(status); }

std::optional<domain::Tenant> SqliteTransaction::FindTenant(absl::string_view id) {
  return Take(writer_.tenant_reads_.Find(id));
}

std::optional<std::string> SqliteTransaction::FindAlias(absl::string_view alias) {
  return Take(writer_.tenant_reads_.FindAlias(alias));
}

std::optional<domain::Host> SqliteTransaction::FindHost(absl::string_view id) {
  const auto found = writer_.hosts_.find(id);
  if (found == writer_.hosts_.end()) return std::nullopt;
  return found->second;
}

std::vector<domain::Host> SqliteTransaction::Hosts() {
  std::vector<domain::Host> hosts;
  hosts.reserve(writer_.hosts_.size());
  for (const auto& [id, host] : writer_.hosts_) hosts.push_back(host);
  return hosts;
}

std::optional<domain::User> SqliteTransaction::FindUser(absl::string_view id) {
  return Take(writer_.user_reads_.Find(id));
}

std::optional<std::string> SqliteTransaction::FindCertificate(absl::string_view fingerprint) {
  return Take(writer_.user_reads_.FindCertificate(fingerprint));
}

std::optional<domain::Operation> SqliteTransaction::FindOperation(absl::string_view id) {
  return Take(writer_.operation_reads_.Find(id));
}

std::vector<domain::Operation> SqliteTransaction::RunningOperationsOfTenant(absl::string_view tenant) {
  return Take(writer_.operation_reads_.RunningOfTenant(tenant));
}

std::vector<domain::Operation> SqliteTransaction::RunningOperationsOnHost(absl::string_view host) {
  return Take(writer_.operation_reads_.RunningOnHost(host));
}

std::vector<domain::Operation> SqliteTransaction::RunningOperations() {
  return Take(writer_.operation_reads_.Running());
}

std::optional<domain::Backup> SqliteTransaction::FindBackup(absl::string_view tenant,
                                                            absl::string_view id) {
  return Take(writer_.backup_reads_.Find(tenant, id));
}

std::vector<domain::Backup> SqliteTransaction::BackupsOfTenant(absl::string_view tenant) {
  if (tenant.empty()) return {};
  return Take(writer_.backup_reads_.List(tenant, {}, std::numeric_limits<int32_t>::max()));
}

std::optional<RequestRecord> SqliteTransaction::FindRequest(absl::string_view caller,
                                                            absl::string_view request_id) {
  return Take(writer_.requests_.Find(caller, request_id));
}

int64_t SqliteTransaction::CountRunningOnHost(absl::string_view host, absl::string_view caller) {
  return Take(writer_.operation_reads_.CountRunningOnHost(host, caller));
}

std::vector<std::string> SqliteTransaction::OperationsEndedBefore(absl::Time time, int32_t limit) {
  return Take(writer_.operation_reads_.EndedBefore(time, limit));
}

std::vector<RequestRecord> SqliteTransaction::RequestsBefore(absl::Time time, int32_t limit) {
  return Take(writer_.requests_.Before(time, limit));
}

int64_t SqliteTransaction::CountRunningOnHost(absl::string_view host, absl::string_view caller,
                                              domain::OperationKind kind) {
  return Take(writer_.operation_reads_.CountRunningOnHost(host, caller, kind));
}

int64_t SqliteTransaction::CountBackupsBeingMade(absl::string_view store, int64_t most) {
  return Take(writer_.backup_reads_.CountBeingMade(store, most));
}

std::optional<domain::Schedule> SqliteTransaction::FindSchedule(const domain::ScheduleKey& key) {
  return Take(writer_.schedule_reads_.Find(key));
}

std::optional<domain::AuditRow> SqliteTransaction::FindAuditRow(int64_t sequence) {
  const std::vector<domain::AuditRow> rows = Take(writer_.audit_reads_.List(sequence - 1, 1));
  if (rows.empty() || rows.front().sequence != sequence) return std::nullopt;
  return rows.front();
}

EventRun SqliteTransaction::OldestEvents(absl::Time time, int32_t limit) {
  return Take(writer_.event_reads_.Oldest(time, limit));
}

int64_t SqliteTransaction::CountTenantsOnHost(absl::string_view host) {
  return Take(writer_.tenant_reads_.CountOnHost(host));
}

std::vector<domain::BackupPolicy> SqliteTransaction::BackupPolicies() {
  return Take(writer_.backup_policy_reads_.List());
}

std::vector<domain::Tenant> SqliteTransaction::TenantsAfter(absl::string_view after_id, int32_t limit) {
  return Take(writer_.tenant_reads_.ListAfter(after_id, limit));
}

void SqliteTransaction::Apply(const Change& change) {
  if (!status_.ok()) return;
  changed_ = true;
  Note(std::visit([this](const auto& one) { return Write(one); }, change));
}

absl::Status SqliteTransaction::Write(const PutTenant& change) {
  CROFT_ASSIGN_OR_RETURN(const int more, writer_.tenant_writes_.Put(change.tenant));
  more_tenants_ += more;
  return absl::OkStatus();
}

absl::Status SqliteTransaction::Write(const PutHost& change) {
  KeepHost(change.host.id, change.host);
  return writer_.host_writes_.Put(change.host);
}

absl::Status SqliteTransaction::Write(const DeleteHost& change) {
  KeepHost(change.id, std::nullopt);
  return writer_.host_writes_.Delete(change.id);
}

absl::Status SqliteTransaction::Write(const PutUser& change) {
  return writer_.user_writes_.Put(change.user);
}

absl::Status SqliteTransaction::Write(const DeleteUser& change) {
  return writer_.user_writes_.Delete(change.id);
}

absl::Status SqliteTransaction::Write(const NoteTokenUse& change) {
  return writer_.user_writes_.Note(change);
}

absl::Status SqliteTransaction::Write(const PutOperation& change) {
  return writer_.operation_writes_.Put(change.operation);
}

absl::Status SqliteTransaction::Write(const DeleteOperation& change) {
  return writer_.operation_writes_.Delete(change.id);
}

absl::Status SqliteTransaction::Write(const PutBackup& change) {
  return writer_.backup_writes_.Put(change.backup);
}

absl::Status SqliteTransaction::Write(const DeleteBackup& change) {
  return writer_.backup_writes_.Delete(change.tenant, change.id);
}

absl::Status SqliteTransaction::Write(const PutRequest& change) {
  return writer_.requests_.Put(change.record);
}

absl::Status SqliteTransaction::Write(const DeleteRequest& change) {
  return writer_.requests_.Delete(change.caller, change.request_id);
}

absl::Status SqliteTransaction::Write(const PutSchedule& change) {
  return writer_.schedule_writes_.Put(change.schedule);
}

absl::Status SqliteTransaction::Write(const DeleteSchedule& change) {
  return writer_.schedule_writes_.Delete(change.key);
}

absl::Status SqliteTransaction::Write(const CutAudit& change) {
  return writer_.audit_writes_.Cut(change.checkpoint);
}

absl::Status SqliteTransaction::Write(const AppendAudit& change) {
  const domain::AuditRow row = ChainAudit(audit_head_, change.event);
  audit_head_ = {row.sequence, row.hash};
  return writer_.audit_writes_.Append(row);
}

absl::Status SqliteTransaction::Write(const AppendEvent& change) {
  return writer_.event_writes_.Append(++event_positions_.last, change.event);
}

absl::Status SqliteTransaction::Write(const CutEvents& change) {
  event_positions_.pruned = std::max(event_positions_.pruned, change.position);
  return writer_.event_writes_.Cut(change.position);
}

absl::Status SqliteTransaction::Write(const PutErasure& change) {
  return writer_.erasure_writes_.Put(change.erasure);
}

absl::Status SqliteTransaction::Write(const PutBackupPolicy& change) {
  return writer_.backup_policy_writes_.Put(change.policy);
}

absl::Status SqliteTransaction::Write(const DeleteBackupPolicy& change) {
  return writer_.backup_policy_writes_.Delete(change.id);
}

void SqliteTransaction::KeepHost(const std::string& id, std::optional<domain::Host> host) {
  std::optional<domain::Host> former;
  if (const auto found = writer_.hosts_.find(id); found != writer_.hosts_.end())
    former = std::move(found->second);
  former_hosts_.emplace_back(id, std::move(former));
  writer_.hosts_.erase(id);
  if (host.has_value()) writer_.hosts_.emplace(id, *std::move(host));
}

absl::StatusOr<domain::Revision> SqliteTransaction::Commit() {
  if (!transaction_.has_value()) return absl::InternalError("this catalog transaction has ended");
  if (const absl::Status status = status_.ok() ? Finish() : status_; !status.ok()) {
    writer_.failed_.Update(status);
    if (transaction_.has_value()) Undo();
    return status;
  }
  return writer_.published_.revision;
}

absl::Status SqliteTransaction::Finish() {
  if (!changed_) {
    Undo();
    return absl::OkStatus();
  }
  Writer::Published next = writer_.published_;
  ++next.revision.revision;
  next.tenants += more_tenants_;
  const CatalogHead head{next.revision, audit_head_, next.tenants, event_positions_.last,
                         event_positions_.pruned};
  CROFT_RETURN_IF_ERROR(writer_.meta_writes_.Put(head));
  CROFT_RETURN_IF_ERROR(transaction_->Commit());
  transaction_.reset();
  writer_.published_ = next;
  writer_.audit_head_ = audit_head_;
  writer_.event_positions_ = event_positions_;
  writer_.open_ = false;
  publish_(next);
  return absl::OkStatus();
}

}  // namespace croft::catalog
