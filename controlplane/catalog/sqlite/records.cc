#include "controlplane/catalog/sqlite/records.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using domain::AuditRow;
using domain::Backup;
using sqlite::Blob;
using sqlite::Rows;
using sqlite::Sql;
using sqlite::SqlBuilder;

constexpr Sql kBackupColumns =
    "tenant, id, tenant_uid, create_time, update_time, version, state, origin, store, size_bytes, sha256, "
    "generation, "
    "server_version, table_count, row_count, verify_time, wrapped_key, findings, finding_count, "
    "proof_findings, proof_finding_count";

constexpr absl::string_view kAboveAllIds = "\x7f";

absl::Status ReadBackup(const Rows& rows, Backup& backup) {
  std::string state, origin, findings, proof_findings;
  rows.Read(0, backup.tenant, backup.id, backup.tenant_uid, backup.create_time, backup.update_time,
            backup.version, state, origin, backup.store, backup.size_bytes, backup.sha256,
            backup.generation, backup.server_version, backup.table_count, backup.row_count,
            backup.verify_time, backup.wrapped_key, findings, backup.findings.count, proof_findings,
            backup.proof_findings.count);
  CROFT_RETURN_IF_ERROR(DecodeFindings(proof_findings, backup.proof_findings.listed));
  CROFT_RETURN_IF_ERROR(DecodeFindings(findings, backup.findings.listed));
  CROFT_RETURN_IF_ERROR(DecodeEnum(state, backup.state));
  return DecodeEnum(origin, backup.origin);
}

absl::StatusOr<std::vector<Backup>> CollectBackups(Rows rows) {
  std::vector<Backup> backups;
  while (rows.Next()) CROFT_RETURN_IF_ERROR(ReadBackup(rows, backups.emplace_back()));
  if (!rows.status().ok()) return rows.status();
  return backups;
}

SqlBuilder SelectBackups() {
  return SqlBuilder().Append("SELECT ").Append(kBackupColumns).Append(" FROM backups ");
}

}  // namespace

BackupReads::BackupReads(sqlite::Database& database)
    : find_(database, SelectBackups().Append("WHERE tenant = ? AND id = ?")),
      list_all_(database, SelectBackups().Append(
                              "INDEXED BY backups_by_id WHERE id <= ?1 AND (id < ?1 OR tenant > ?2) "
                              "ORDER BY id DESC, tenant LIMIT ?3")),
      list_of_tenant_(database,
                      SelectBackups().Append("WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?")) {}

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

BackupWrites::BackupWrites(sqlite::Database& database)
    : put_(database,
           SqlBuilder()
               .Append("INSERT OR REPLACE INTO backups (")
               .Append(kBackupColumns)
               .Append(") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      delete_(database, "DELETE FROM backups WHERE tenant = ? AND id = ?") {}

absl::Status BackupWrites::Put(const Backup& backup) {
  return put_.Execute(backup.tenant, backup.id, backup.tenant_uid, backup.create_time, backup.update_time,
                      backup.version, EncodeEnum(backup.state), EncodeEnum(backup.origin), backup.store,
                      backup.size_bytes, backup.sha256, backup.generation, backup.server_version,
                      backup.table_count, backup.row_count, backup.verify_time, Blob{backup.wrapped_key},
                      EncodeFindings(backup.findings.listed), backup.findings.count,
                      EncodeFindings(backup.proof_findings.listed), backup.proof_findings.count);
}

absl::Status BackupWrites::Delete(absl::string_view tenant, absl::string_view id) {
  return delete_.Execute(tenant, id);
}

Requests::Requests(sqlite::Database& database)
    : find_(database,
            "SELECT method, payload_hash, answer, time FROM requests WHERE caller = ? AND request_id = ?"),
      put_(database,
           "INSERT OR REPLACE INTO requests (caller, request_id, method, payload_hash, answer, time) "
           "VALUES (?, ?, ?, ?, ?, ?)"),
      // Two for each one that comes: what is over is gone in the end, and no request pays for a day's work.
      prune_(database,
             "DELETE FROM requests WHERE (caller, request_id) IN "
             "(SELECT caller, request_id FROM requests WHERE time < ? ORDER BY time LIMIT 2)") {}

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

absl::Status Requests::Put(const RequestRecord& record) {
  CROFT_RETURN_IF_ERROR(put_.Execute(record.caller, record.request_id, record.method,
                                     Blob{record.payload_hash}, record.answer, record.time));
  return prune_.Execute(record.time - kRequestLife);
}

namespace {

constexpr Sql kAuditColumns =
    "sequence, time, caller, peer, method, resource, result, request_id, count, previous_hash, hash";

absl::StatusOr<std::vector<AuditRow>> CollectAudit(Rows rows) {
  std::vector<AuditRow> answer;
  while (rows.Next()) {
    AuditRow& row = answer.emplace_back();
    domain::AuditEvent& event = row.event;
    rows.Read(0, row.sequence, event.time, event.caller, event.peer, event.method, event.resource,
              event.result, event.request_id, event.count, row.previous_hash, row.hash);
  }
  if (!rows.status().ok()) return rows.status();
  return answer;
}

SqlBuilder SelectAudit() {
  return SqlBuilder().Append("SELECT ").Append(kAuditColumns).Append(" FROM audit ");
}

}  // namespace

AuditReads::AuditReads(sqlite::Database& database)
    : list_(database, SelectAudit().Append("WHERE sequence > ? ORDER BY sequence LIMIT ?")),
      list_before_(database, SelectAudit().Append("WHERE sequence < ? ORDER BY sequence DESC LIMIT ?")) {}

absl::StatusOr<std::vector<AuditRow>> AuditReads::List(int64_t after_sequence, int32_t limit) {
  return CollectAudit(list_.Query(after_sequence, std::max(limit, 0)));
}

absl::StatusOr<std::vector<AuditRow>> AuditReads::ListBefore(int64_t sequence, int32_t limit) {
  return CollectAudit(list_before_.Query(sequence, std::max(limit, 0)));
}

AuditWrites::AuditWrites(sqlite::Database& database)
    : insert_(database, SqlBuilder()
                            .Append("INSERT INTO audit (")
                            .Append(kAuditColumns)
                            .Append(") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {}

absl::Status AuditWrites::Append(const AuditRow& row) {
  const domain::AuditEvent& event = row.event;
  return insert_.Execute(row.sequence, event.time, event.caller, event.peer, event.method, event.resource,
                         event.result, event.request_id, event.count, row.previous_hash, row.hash);
}

}  // namespace croft::catalog
