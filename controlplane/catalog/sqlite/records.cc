// Reads and writes backups, erasures, request ids and audit rows.

#include "controlplane/catalog/sqlite/records.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"
#include "controlplane/catalog/sqlite/table.h"

namespace croft::catalog {
namespace {

using domain::AuditRow;
using domain::Backup;
using domain::LegalHold;
using sqlite::Blob;
using sqlite::Rows;
using sqlite::SqlBuilder;

constexpr Table kBackups(
    Col("tenant", &Backup::tenant), Col("id", &Backup::id), Col("tenant_uid", &Backup::tenant_uid),
    Col("create_time", &Backup::create_time), Col("update_time", &Backup::update_time),
    Col("version", &Backup::version), Col("state", EnumCodec(), &Backup::state),
    Col("origin", EnumCodec(), &Backup::origin), Col("store", &Backup::store),
    Col("size_bytes", &Backup::size_bytes), Col("sha256", &Backup::sha256),
    Col("generation", &Backup::generation), Col("server_version", &Backup::server_version),
    Col("table_count", &Backup::table_count), Col("row_count", &Backup::row_count),
    Col("verify_time", &Backup::verify_time), Col("wrapped_key", BytesCodec(), &Backup::wrapped_key),
    Col("findings", FindingsCodec(), &Backup::findings, &domain::Findings::listed),
    Col("finding_count", &Backup::findings, &domain::Findings::count),
    Col("proof_findings", FindingsCodec(), &Backup::proof_findings, &domain::Findings::listed),
    Col("proof_finding_count", &Backup::proof_findings, &domain::Findings::count),
    Col("given_name", &Backup::given_name), Col("note", &Backup::note),
    Col("hold_time", &Backup::hold, &LegalHold::time),
    Col("hold_caller", &Backup::hold, &LegalHold::caller),
    Col("hold_reason", &Backup::hold, &LegalHold::reason), Col("database_bytes", &Backup::database_bytes),
    Col("restore_duration", &Backup::restore_duration), Col("copies", CopiesCodec(), &Backup::copies));

constexpr absl::string_view kAboveAllIds = "\x7f";

absl::StatusOr<std::vector<Backup>> CollectBackups(Rows rows) {
  std::vector<Backup> backups;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(kBackups.Read(rows, 0, backups.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return backups;
}

SqlBuilder SelectBackups() {
  return SqlBuilder().Append("SELECT ").Append(kBackups.Names()).Append(" FROM backups ");
}

}  // namespace

BackupReads::BackupReads(sqlite::Database& database)
    : find_(database, SelectBackups().Append("WHERE tenant = ? AND id = ?")),
      list_all_(database, SelectBackups().Append(
                              "INDEXED BY backups_by_id WHERE id <= ?1 AND (id < ?1 OR tenant > ?2) "
                              "ORDER BY id DESC, tenant LIMIT ?3")),
      list_of_tenant_(database,
                      SelectBackups().Append("WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?")),
      // A host that is not up may leave one unfinished for as long as it is away.
      count_being_made_(database,
                        "SELECT count(*) FROM (SELECT 1 FROM backups INDEXED BY backups_being_made "
                        "CROSS JOIN tenants ON tenants.id = backups.tenant "
                        "CROSS JOIN hosts ON hosts.id = tenants.host AND hosts.up "
                        "WHERE backups.state = 'CREATING' AND backups.store = ? LIMIT ?)") {}

absl::StatusOr<std::optional<Backup>> BackupReads::Find(absl::string_view tenant, absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(std::vector<Backup> backups, CollectBackups(find_.Query(tenant, id)));
  if (backups.empty()) return std::optional<Backup>();
  return std::optional<Backup>(std::move(backups.front()));
}

absl::StatusOr<std::vector<Backup>> BackupReads::List(absl::string_view tenant, const BackupPosition& after,
                                                      int32_t limit) {
  const int32_t count = std::max(limit, 0);
  const absl::string_view before = after.id.empty() ? kAboveAllIds : absl::string_view(after.id);
  if (tenant.empty()) return CollectBackups(list_all_.Query(before, after.tenant, count));
  return CollectBackups(list_of_tenant_.Query(tenant, before, count));
}

absl::StatusOr<int64_t> BackupReads::CountBeingMade(absl::string_view store, int64_t most) {
  Rows rows = count_being_made_.Query(store, most);
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

BackupWrites::BackupWrites(sqlite::Database& database)
    : put_(database, SqlBuilder()
                         .Append("INSERT OR REPLACE INTO backups (")
                         .Append(kBackups.Names())
                         .Append(") VALUES (")
                         .Append(kBackups.Places())
                         .Append(")")),
      delete_(database, "DELETE FROM backups WHERE tenant = ? AND id = ?") {}

absl::Status BackupWrites::Put(const Backup& backup) {
  return kBackups.Bind(backup, [&](const auto&... columns) { return put_.Execute(columns...); });
}

absl::Status BackupWrites::Delete(absl::string_view tenant, absl::string_view id) {
  return delete_.Execute(tenant, id);
}

namespace {

using domain::Erasure;

constexpr Table kErasures(Col("uid", &Erasure::uid), Col("tenant", &Erasure::tenant),
                          Col("operation", &Erasure::operation), Col("time", &Erasure::time),
                          Col("statement", &Erasure::statement),
                          Col("signature", BytesCodec(), &Erasure::signature));

SqlBuilder SelectErasures() {
  return SqlBuilder().Append("SELECT ").Append(kErasures.Names()).Append(" FROM erasures ");
}

absl::StatusOr<std::optional<Erasure>> FirstErasure(Rows rows) {
  std::optional<Erasure> erasure;
  if (rows.Next()) CROFT_RETURN_IF_ERROR(kErasures.Read(rows, 0, erasure.emplace()));
  if (!rows.status().ok()) return rows.status();
  return erasure;
}

}  // namespace

ErasureReads::ErasureReads(sqlite::Database& database)
    : by_uid_(database, SelectErasures().Append("WHERE uid = ?")),
      newest_of_tenant_(database,
                        SelectErasures().Append("WHERE tenant = ? ORDER BY time DESC, uid LIMIT 1")) {}

absl::StatusOr<std::optional<Erasure>> ErasureReads::Find(absl::string_view uid_or_id) {
  CROFT_ASSIGN_OR_RETURN(std::optional<Erasure> erasure, FirstErasure(by_uid_.Query(uid_or_id)));
  if (erasure) return erasure;
  return FirstErasure(newest_of_tenant_.Query(uid_or_id));
}

ErasureWrites::ErasureWrites(sqlite::Database& database)
    : put_(database, SqlBuilder()
                         .Append("INSERT OR REPLACE INTO erasures (")
                         .Append(kErasures.Names())
                         .Append(") VALUES (")
                         .Append(kErasures.Places())
                         .Append(")")) {}

absl::Status ErasureWrites::Put(const Erasure& erasure) {
  return kErasures.Bind(erasure, [&](const auto&... columns) { return put_.Execute(columns...); });
}

Requests::Requests(sqlite::Database& database)
    : find_(database,
            "SELECT method, payload_hash, answer, time FROM requests WHERE caller = ? AND request_id = ?"),
      before_(database,
              "SELECT caller, request_id, method, payload_hash, answer, time FROM requests WHERE time < ? "
              "ORDER BY time, caller, request_id LIMIT ?"),
      put_(database,
           "INSERT OR REPLACE INTO requests (caller, request_id, method, payload_hash, answer, time) "
           "VALUES (?, ?, ?, ?, ?, ?)"),
      delete_(database, "DELETE FROM requests WHERE caller = ? AND request_id = ?") {}

absl::StatusOr<std::optional<RequestRecord>> Requests::Find(absl::string_view caller,
                                                            absl::string_view request_id) {
  Rows rows = find_.Query(caller, request_id);
  if (!rows.Next()) {
    if (!rows.status().ok()) return rows.status();
    return std::optional<RequestRecord>();
  }
  RequestRecord record{.caller = std::string(caller), .request_id = std::string(request_id)};
  rows.Read(0, record.method, record.payload_hash, record.answer, record.time);
  return std::optional<RequestRecord>(std::move(record));
}

absl::StatusOr<std::vector<RequestRecord>> Requests::Before(absl::Time time, int32_t limit) {
  std::vector<RequestRecord> records;
  Rows rows = before_.Query(time, std::max(limit, 0));
  while (rows.Next()) {
    RequestRecord& one = records.emplace_back();
    rows.Read(0, one.caller, one.request_id, one.method, one.payload_hash, one.answer, one.time);
  }
  if (!rows.status().ok()) return rows.status();
  return records;
}

absl::Status Requests::Put(const RequestRecord& record) {
  return put_.Execute(record.caller, record.request_id, record.method, Blob{record.payload_hash},
                      record.answer, record.time);
}

absl::Status Requests::Delete(absl::string_view caller, absl::string_view request_id) {
  return delete_.Execute(caller, request_id);
}

namespace {

using domain::AuditEvent;

constexpr Table kAudit(Col("sequence", &AuditRow::sequence),
                       Col("time", &AuditRow::event, &AuditEvent::time),
                       Col("caller", &AuditRow::event, &AuditEvent::caller),
                       Col("peer", &AuditRow::event, &AuditEvent::peer),
                       Col("method", &AuditRow::event, &AuditEvent::method),
                       Col("resource", &AuditRow::event, &AuditEvent::resource),
                       Col("result", &AuditRow::event, &AuditEvent::result),
                       Col("request_id", &AuditRow::event, &AuditEvent::request_id),
                       Col("count", &AuditRow::event, &AuditEvent::count),
                       Col("previous_hash", &AuditRow::previous_hash), Col("hash", &AuditRow::hash));

absl::StatusOr<std::vector<AuditRow>> CollectAudit(Rows rows) {
  std::vector<AuditRow> answer;
  while (rows.Next()) {
    CROFT_RETURN_IF_ERROR(kAudit.Read(rows, 0, answer.emplace_back()));
  }
  if (!rows.status().ok()) return rows.status();
  return answer;
}

SqlBuilder SelectAudit() {
  return SqlBuilder().Append("SELECT ").Append(kAudit.Names()).Append(" FROM audit ");
}

}  // namespace

AuditReads::AuditReads(sqlite::Database& database)
    : list_(database, SelectAudit().Append("WHERE sequence > ? ORDER BY sequence LIMIT ?")),
      list_before_(database, SelectAudit().Append("WHERE sequence < ? ORDER BY sequence DESC LIMIT ?")),
      checkpoint_(database, "SELECT sequence, hash, time, cut_time, signature FROM audit_checkpoint") {}

absl::StatusOr<std::vector<AuditRow>> AuditReads::List(int64_t after_sequence, int32_t limit) {
  return CollectAudit(list_.Query(after_sequence, std::max(limit, 0)));
}

absl::StatusOr<std::vector<AuditRow>> AuditReads::ListBefore(int64_t sequence, int32_t limit) {
  return CollectAudit(list_before_.Query(sequence, std::max(limit, 0)));
}

absl::StatusOr<std::optional<domain::AuditCheckpoint>> AuditReads::Checkpoint() {
  Rows rows = checkpoint_.Query();
  if (!rows.Next()) {
    if (!rows.status().ok()) return rows.status();
    return std::optional<domain::AuditCheckpoint>();
  }
  domain::AuditCheckpoint checkpoint;
  rows.Read(0, checkpoint.head.sequence, checkpoint.head.hash, checkpoint.time, checkpoint.cut_time,
            checkpoint.signature);
  return std::optional(std::move(checkpoint));
}

AuditWrites::AuditWrites(sqlite::Database& database)
    : insert_(database, SqlBuilder()
                            .Append("INSERT INTO audit (")
                            .Append(kAudit.Names())
                            .Append(") VALUES (")
                            .Append(kAudit.Places())
                            .Append(")")),
      delete_(database, "DELETE FROM audit WHERE sequence <= ?"),
      put_checkpoint_(database,
                      "INSERT OR REPLACE INTO audit_checkpoint (singleton, sequence, hash, time, cut_time, "
                      "signature) VALUES (1, ?, ?, ?, ?, ?)") {}

absl::Status AuditWrites::Append(const AuditRow& row) {
  return kAudit.Bind(row, [&](const auto&... columns) { return insert_.Execute(columns...); });
}

absl::Status AuditWrites::Cut(const domain::AuditCheckpoint& checkpoint) {
  CROFT_RETURN_IF_ERROR(delete_.Execute(checkpoint.head.sequence));
  return put_checkpoint_.Execute(checkpoint.head.sequence, checkpoint.head.hash, checkpoint.time,
                                 checkpoint.cut_time, Blob{checkpoint.signature});
}

}  // namespace croft::catalog
