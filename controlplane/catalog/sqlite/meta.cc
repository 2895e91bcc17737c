// Reads and writes the catalog's own facts: epoch, revision, counters.

#include "controlplane/catalog/sqlite/meta.h"

#include <algorithm>
#include <fstream>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/sqlite/transaction.h"

namespace croft::catalog {
namespace {

using sqlite::Rows;
using sqlite::Statement;

absl::Status Copied(const std::string& path, absl::string_view difference) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(path, " is a copy of a catalog: it was last used ", difference,
                   ". If the other one will never be started again, start with --take-over; agents then "
                   "refuse the other one."),
      {.reason = "CATALOG_COPIED", .metadata = {{"file", path}}});
}

absl::Status Found(sqlite::Database& database, const AuditHead& empty, const Claim& claim) {
  return Statement(
             database,
             "INSERT INTO meta (singleton, epoch, revision, machine_id, inode, audit_sequence, audit_hash, "
             "uid, last_event, pruned_event) "
             "VALUES (1, 1, 0, ?, ?, ?, ?, lower(hex(randomblob(16))), ?5, ?5)")
      .Execute(claim.machine_id, claim.inode, empty.sequence, empty.hash, FirstEventPosition(claim.now));
}

absl::Status HeadIsGone() {
  return MakeError(absl::StatusCode::kDataLoss, "the catalog is damaged: its head is gone",
                   {.reason = "DATABASE_CORRUPT"});
}

struct Holder {
  std::string machine_id;
  int64_t epoch = 0;  // 0: the catalog is new
  int64_t inode = 0;

  bool IsOfAnotherMachine(const Claim& claim) const { return machine_id != claim.machine_id; }
  bool IsAnother(const Claim& claim) const {
    return epoch != 0 && (IsOfAnotherMachine(claim) || inode != claim.inode);
  }
};

absl::StatusOr<Holder> ReadHolder(sqlite::Database& database) {
  Statement read(database, "SELECT epoch, machine_id, inode FROM meta");
  Rows rows = read.Query();
  Holder holder;
  if (rows.Next()) rows.Read(0, holder.epoch, holder.machine_id, holder.inode);
  CROFT_RETURN_IF_ERROR(rows.status());
  return holder;
}

absl::Status Check(const Holder& holder, const std::string& path, const Claim& claim) {
  if (claim.take_over || !holder.IsAnother(claim)) return absl::OkStatus();
  return Copied(path, holder.IsOfAnotherMachine(claim) ? "on another machine" : "under another file");
}

}  // namespace

MetaReads::MetaReads(sqlite::Database& database)
    : read_(database,
            "SELECT epoch, revision, audit_sequence, audit_hash, tenants, last_event, pruned_event FROM "
            "meta"),
      read_event_log_(database, "SELECT uid, pruned_event, last_event FROM meta") {}

absl::StatusOr<CatalogHead> MetaReads::Read() {
  Rows rows = read_.Query();
  if (!rows.Next()) return rows.status().ok() ? HeadIsGone() : rows.status();
  CatalogHead standing;
  rows.Read(0, standing.revision.epoch, standing.revision.revision, standing.audit_head.sequence,
            standing.audit_head.hash, standing.tenants, standing.last_event, standing.pruned_event);
  return standing;
}

absl::StatusOr<domain::EventLog> MetaReads::ReadEventLog() {
  Rows rows = read_event_log_.Query();
  if (!rows.Next()) return rows.status().ok() ? HeadIsGone() : rows.status();
  domain::EventLog log;
  rows.Read(0, log.uid, log.pruned, log.last);
  return log;
}

MetaWrites::MetaWrites(sqlite::Database& database)
    : put_(database,
           "UPDATE meta SET revision = ?, audit_sequence = ?, audit_hash = ?, tenants = ?, last_event = ?, "
           "pruned_event = ?") {}

absl::Status MetaWrites::Put(const CatalogHead& standing) {
  return put_.Execute(standing.revision.revision, standing.audit_head.sequence, standing.audit_head.hash,
                      standing.tenants, standing.last_event, standing.pruned_event);
}

int64_t FirstEventPosition(absl::Time now) { return absl::ToUnixMicros(now); }

absl::Status ClaimCatalog(sqlite::Database& database, const Claim& claim) {
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  CROFT_ASSIGN_OR_RETURN(const Holder holder, ReadHolder(database));
  if (holder.epoch == 0) {
    CROFT_RETURN_IF_ERROR(Found(database, AuditHead(), claim));
    return transaction.Commit();
  }
  CROFT_RETURN_IF_ERROR(Check(holder, database.path(), claim));
  if (!claim.take_over) return absl::OkStatus();
  const int64_t raised =
      (holder.IsAnother(claim) ? std::max(holder.epoch, absl::ToUnixSeconds(claim.now)) : holder.epoch) + 1;
  CROFT_RETURN_IF_ERROR(Statement(database, "UPDATE meta SET epoch = ?, machine_id = ?, inode = ?")
                            .Execute(raised, claim.machine_id, claim.inode));
  if (holder.IsAnother(claim)) {
    CROFT_RETURN_IF_ERROR(Statement(database, "UPDATE meta SET last_event = max(last_event, ?)")
                              .Execute(FirstEventPosition(claim.now)));
  }
  return transaction.Commit();
}

absl::Status CheckClaim(sqlite::Database& database, const Claim& claim) {
  CROFT_ASSIGN_OR_RETURN(const Holder holder, ReadHolder(database));
  return Check(holder, database.path(), claim);
}

std::string ReadMachineId() {
  std::ifstream file("/etc/machine-id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace croft::catalog
