// Reads copies of the catalog and restores the catalog from one.

#include "controlplane/catalog/sqlite/catalog_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/sqlite/backup.h"
#include "common/sqlite/database.h"
#include "common/sqlite/error.h"
#include "common/sqlite/files.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/sqlite/events.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/catalog/sqlite/records.h"
#include "controlplane/catalog/sqlite/schema.h"

namespace croft::catalog {
namespace {

using sqlite::Database;
using sqlite::Statement;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

bool Exists(const std::string& path) {
  struct stat unused;
  return lstat(path.c_str(), &unused) == 0;
}

absl::Status DigestMismatch(const std::string& path, const std::string& found) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat(path, " is not the copy that was made: its SHA-256 is ", found,
                                "; nothing was changed. Use another copy."),
                   {.reason = "DIGEST_MISMATCH", .metadata = {{"file", path}, {"sha256", found}}});
}

absl::Status WriteAll(int file, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return sqlite::MakeFileError(errno, "write it", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Copies the bytes to the new file `to`, durably, and compares their digest on the way.
absl::Status CopyChecked(const std::string& from, const std::string& to, const std::string& sha256) {
  const File source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) return sqlite::MakeFileError(errno, "open it", from);
  const File target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (target.get() < 0) return sqlite::MakeFileError(errno, "create it", to);
  crypto::Sha256Stream digest;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return sqlite::MakeFileError(errno, "read it", from);
    if (got == 0) break;
    const absl::string_view bytes(buffer.data(), static_cast<size_t>(got));
    digest.Update(bytes);
    CROFT_RETURN_IF_ERROR(WriteAll(target.get(), bytes, to));
  }
  if (const std::string found = crypto::Hex(digest.Finish());
      !sha256.empty() && found != absl::AsciiStrToLower(sha256)) {
    return DigestMismatch(from, found);
  }
  if (fsync(target.get()) != 0) return sqlite::MakeFileError(errno, "sync it", to);
  return absl::OkStatus();
}

// The highest numbers that a catalog gave out: 0 where it does not say.
struct GivenOut {
  int64_t epoch = 0;
  int64_t event = 0;  // position
};

// Of the catalog that is in the way, which may be damaged or of an earlier version.
GivenOut GivenOutBy(const std::string& path) {
  if (!Exists(path)) return {};
  const auto database = Database::OpenCopy(path);
  if (!database.ok()) return {};
  const auto read = [&](sqlite::Sql query) {
    Statement statement(**database, query);
    sqlite::Rows rows = statement.Query();
    return rows.Next() ? rows.Get<int64_t>(0) : 0;
  };
  return {read("SELECT epoch FROM meta"), read("SELECT last_event FROM meta")};
}

// What was under way when the copy was made is not known to be under way any more, and to do any of it again could undo
// what came after it. Clean-ups stay: they only remove what was replaced before.
absl::StatusOr<int64_t> EndOperations(Database& database, absl::Time now) {
  CROFT_RETURN_IF_ERROR(
      Statement(
          database,
          "UPDATE operations SET state = 'FAILED', end_time = ?, update_time = ?, version = version + 1, "
          "current_host = '', error_code = ?, error_reason = 'CATALOG_RESTORED', error_message = "
          "'the catalog was restored from a copy that was made while this was under way; what became of it "
          "shows "
          "in croftctl admin check-fleet' "
          "WHERE state IN ('RUNNING', 'UNDOING') AND kind <> 'CLEAN_UP'")
          .Execute(now, now, static_cast<int64_t>(absl::StatusCode::kAborted)));
  const int64_t ended = database.changes();
  CROFT_RETURN_IF_ERROR(database.Execute(
      "UPDATE backups SET state = 'FAILED', version = version + 1 WHERE state IN ('CREATING', 'DELETING');"
      "DELETE FROM credentials WHERE published = 0 AND disable_time IS NULL;"));
  return ended;
}

// Of the tenants that nobody has to show first (domain::ScheduleOf). The others get theirs when they are confirmed.
absl::Status PutSchedules(Database& database) {
  return database.Execute(
      "DELETE FROM schedules WHERE kind IN ('EXPIRE', 'PURGE');"
      "INSERT INTO schedules (kind, resource, next_time, refusals, refusal_reason, refusal_message) "
      "SELECT CASE WHEN state IN ('RETIRED', 'FAILED') THEN 'PURGE' ELSE 'EXPIRE' END, 'tenants/' || id, "
      "CASE WHEN state = 'RETIRED' THEN purge_time ELSE expire_time END, 0, '', '' FROM tenants "
      "WHERE NOT unconfirmed AND NOT delete_protection AND current_operation = '' "
      "AND state IN ('READY', 'SUSPENDED', 'RETIRED', 'FAILED') "
      "AND CASE WHEN state = 'RETIRED' THEN purge_time ELSE expire_time END IS NOT NULL;");
}

absl::Status Unconfirm(Database& database, absl::Time now) {
  const int64_t floor = absl::ToUnixSeconds(now);
  // One that was being made is looked for like any other; where it is not found, check-fleet says so.
  CROFT_RETURN_IF_ERROR(
      Statement(database,
                "UPDATE tenants SET operation_order = max(operation_order, ?) + 1, "
                "last_generation = max(last_generation, ?) + 1, version = version + 1, update_time = ?, "
                "current_operation = CASE WHEN state = 'PURGED' THEN current_operation ELSE '' END, "
                "unconfirmed = state NOT IN ('PURGED', 'FAILED') AND host <> '', "
                "state = CASE WHEN state = 'CREATING' THEN 'READY' ELSE state END")
          .Execute(floor, floor, now));
  CROFT_RETURN_IF_ERROR(PutSchedules(database));
  return Statement(database,
                   "UPDATE hosts SET up = 0, awaited = 0, unconfirmed = certificate_fingerprint <> '' AND "
                   "missing = 0, "
                   "version = version + 1, update_time = ?")
      .Execute(now);
}

absl::Status NoteInAudit(Database& database, CatalogHead& standing, const RestoreOptions& options) {
  const domain::AuditRow row = ChainAudit(standing.audit_head, {.time = options.now,
                                                                .caller = "local",
                                                                .peer = "local",
                                                                .method = options.audited_as,
                                                                .resource = "catalog",
                                                                .result = "OK"});
  standing.audit_head = {row.sequence, row.hash};
  return AuditWrites(database).Append(row);
}

// What came after the copy was made is no part of this catalog's history: whoever follows the events looks anew. `known` is
// the highest position that is known besides its own.
absl::Status TellOfRestore(Database& database, CatalogHead& standing, const RestoredCatalog& restored,
                           int64_t known, absl::Time now) {
  standing.last_event = std::max({standing.last_event, known, FirstEventPosition(now)}) + 1;
  return EventWrites(database).Append(
      standing.last_event,
      {.time = now,
       .type = "croft.catalog.restored",
       .subject = "catalog",
       .data = {{"epoch", absl::StrCat(restored.epoch)},
                {"copied_revision", absl::StrCat(restored.copied.epoch, ".", restored.copied.revision)}}});
}

absl::StatusOr<int64_t> Count(Database& database, sqlite::Sql query) {
  Statement statement(database, query);
  sqlite::Rows rows = statement.Query();
  if (!rows.Next()) return rows.status();
  return rows.Get<int64_t>(0);
}

// Makes the file `path` a catalog to go on with. `known` are the highest numbers that are known besides its own.
absl::StatusOr<RestoredCatalog> Prepare(const std::string& path, const GivenOut& known,
                                        const RestoreOptions& options) {
  CROFT_RETURN_IF_ERROR(sqlite::CheckIntegrityOfFile(path));
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database,
                         Database::Open(path, kSchema, {.create = false}));
  RestoredCatalog restored;
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0) return sqlite::MakeFileError(errno, "look at it", path);
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database));
  CROFT_ASSIGN_OR_RETURN(CatalogHead standing, MetaReads(*database).Read());
  restored.copied = standing.revision;
  restored.epoch = std::max({standing.revision.epoch, known.epoch, absl::ToUnixSeconds(options.now)}) + 1;
  CROFT_ASSIGN_OR_RETURN(restored.operations, EndOperations(*database, options.now));
  CROFT_RETURN_IF_ERROR(Unconfirm(*database, options.now));
  CROFT_ASSIGN_OR_RETURN(restored.tenants,
                         Count(*database, "SELECT count(*) FROM tenants WHERE state <> 'PURGED'"));
  CROFT_ASSIGN_OR_RETURN(restored.hosts, Count(*database, "SELECT count(*) FROM hosts WHERE unconfirmed"));
  CROFT_RETURN_IF_ERROR(NoteInAudit(*database, standing, options));
  CROFT_RETURN_IF_ERROR(TellOfRestore(*database, standing, restored, known.event, options.now));
  ++standing.revision.revision;
  CROFT_RETURN_IF_ERROR(MetaWrites(*database).Put(standing));
  CROFT_RETURN_IF_ERROR(
      Statement(*database, "UPDATE meta SET epoch = ?, machine_id = ?, inode = ?")
          .Execute(restored.epoch, options.machine_id, static_cast<int64_t>(facts.st_ino)));
  CROFT_RETURN_IF_ERROR(transaction.Commit());
  return restored;
}

void Discard(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) unlink(absl::StrCat(path, suffix).c_str());
}

// Under a name that says when, with what SQLite keeps beside it. A log that outlived its catalog goes too: SQLite would
// write it into the one that takes its place. Empty where there was no catalog.
absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now) {
  const bool was_there = Exists(path);
  const std::string aside =
      absl::StrCat(path, ".before-", absl::FormatTime("%Y%m%dt%H%M%Sz", now, absl::UTCTimeZone()));
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string from = absl::StrCat(path, suffix);
    if (rename(from.c_str(), absl::StrCat(aside, suffix).c_str()) != 0 && errno != ENOENT)
      return sqlite::MakeFileError(errno, "rename it", from);
  }
  return was_there ? aside : "";
}

}  // namespace

absl::StatusOr<domain::Revision> RevisionOfCopy(absl::string_view path) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Database> copy, Database::OpenCopy(path));
  CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, MetaReads(*copy).Read());
  return standing.revision;
}

absl::StatusOr<CatalogLock> LockCatalog(absl::string_view path) {
  return CatalogLock::Acquire(LockPath(path));
}

absl::StatusOr<RestoredCatalog> RestoreCatalog(absl::string_view path, const RestoreOptions& options) {
  CROFT_ASSIGN_OR_RETURN(const CatalogLock lock, LockCatalog(path));
  return RestoreCatalog(lock, path, options);
}

absl::StatusOr<RestoredCatalog> RestoreCatalog(const CatalogLock&, absl::string_view path,
                                               const RestoreOptions& options) {
  const std::string catalog(path);
  const std::string incoming = IncomingPath(catalog);
  Discard(incoming);
  absl::StatusOr<RestoredCatalog> restored = [&]() -> absl::StatusOr<RestoredCatalog> {
    CROFT_RETURN_IF_ERROR(CopyChecked(options.copy, incoming, options.sha256));
    GivenOut known = GivenOutBy(catalog);
    known.epoch = std::max(known.epoch, options.epoch);
    return Prepare(incoming, known, options);
  }();
  if (!restored.ok()) {
    Discard(incoming);
    return Annotate(restored.status(), absl::StrCat("cannot restore ", options.copy));
  }
  // The copy's own -wal is empty and gone: closing it brought it home.
  CROFT_ASSIGN_OR_RETURN(restored->set_aside, SetAside(catalog, options.now));
  if (rename(incoming.c_str(), catalog.c_str()) != 0)
    return sqlite::MakeFileError(errno, "rename it", incoming);
  CROFT_RETURN_IF_ERROR(sqlite::SyncFolderOf(catalog));
  return restored;
}

}  // namespace croft::catalog
