// Implements Catalog over one SQLite file.

#include "controlplane/catalog/sqlite/sqlite_catalog.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <sys/stat.h>

#include "common/errors.h"
#include "common/log.h"
#include "common/sqlite/backup.h"
#include "common/sqlite/database.h"
#include "common/sqlite/error.h"
#include "common/sqlite/transaction.h"
#include "controlplane/catalog/sqlite/catalog_lock.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/catalog/sqlite/reader_pool.h"
#include "controlplane/catalog/sqlite/schema.h"
#include "controlplane/catalog/sqlite/tenant_scan.h"
#include "controlplane/catalog/sqlite/writer.h"

namespace croft::catalog {
namespace {

constexpr int32_t kWriterCacheKibibytes = 64 * 1024;

absl::StatusOr<CatalogLock> TakeLock(absl::string_view path, const SqliteCatalogOptions& options) {
  if (options.take_over) return CatalogLock::TakeOver(LockPath(path), options.take_over_timeout);
  return CatalogLock::Acquire(LockPath(path));
}

// What a restore that was cut has left in the catalog's place may be nothing, or the old file without its newest changes.
absl::Status CheckNotBeingRestored(absl::string_view path) {
  struct stat unused;
  if (lstat(IncomingPath(path).c_str(), &unused) != 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("a restore of ", path, " was cut off; run croftd restore-catalog again"),
                   {.reason = "RESTORE_CUT", .metadata = {{"file", std::string(path)}}});
}

// By stat alone: opening and closing the file would drop SQLite's locks.
absl::StatusOr<int64_t> InodeOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return sqlite::MakeFileError(errno, "look at it", path);
  return static_cast<int64_t>(info.st_ino);
}

// All tenants are read at every start, page by page and in two places at once, which a disk is slow to answer. Told
// before, it reads the file in one go. Before SQLite opens the file: closing it here would drop SQLite's locks.
void AskToReadAhead(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return;
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_WILLNEED);
  close(file);
}

// What one goes back to the version before with. It takes the place of an older one, which the file still at its schema makes
// worthless: a start that ends between the two does this again.
absl::Status KeepCopy(sqlite::Database& database) {
  const std::string copy = BeforeUpgradePath(database.path());
  log::Info("upgrading the catalog; a copy is kept first", {{"file", database.path()}, {"path", copy}});
  if (unlink(copy.c_str()) != 0 && errno != ENOENT) return sqlite::MakeFileError(errno, "remove it", copy);
  return sqlite::BackUpTo(database, copy);
}

// Says of a catalog that is too new how to go back, where the upgrade's copy is there.
absl::Status WithWayBack(const absl::Status& status, absl::string_view path) {
  struct stat unused;
  const std::string copy = BeforeUpgradePath(path);
  ErrorDetails details = DetailsOf(status);
  if (details.reason != "DATABASE_NEWER" || stat(copy.c_str(), &unused) != 0) return status;
  return MakeError(status.code(),
                   absl::StrCat(status.message(), " Or go back to the copy that the upgrade kept: croftd ",
                                "restore-catalog ", copy),
                   std::move(details));
}

}  // namespace

struct SqliteCatalog::Components {
  Components(CatalogLock held, std::unique_ptr<Writer> made, std::string file, int32_t reader_count)
      : lock(std::move(held)),
        path(std::move(file)),
        epoch(made->published().revision.epoch),
        revision(made->published().revision.revision),
        tenants(made->published().tenants),
        writer(std::move(made)),
        readers(path, reader_count) {}

  // Released last.
  CatalogLock lock;
  const std::string path;
  const int64_t epoch;
  std::atomic<int64_t> revision;
  std::atomic<int64_t> tenants;
  // Closed after the readers, so that closing it can bring the WAL home.
  std::unique_ptr<Writer> writer;
  ReaderPool readers;
};

absl::StatusOr<std::unique_ptr<SqliteCatalog>> SqliteCatalog::Open(absl::string_view path,
                                                                   const SqliteCatalogOptions& options) {
  CROFT_ASSIGN_OR_RETURN(CatalogLock lock, TakeLock(path, options));
  CROFT_RETURN_IF_ERROR(CheckNotBeingRestored(path));
  AskToReadAhead(std::string(path));
  Claim claim{.machine_id = options.machine_id.has_value() ? *options.machine_id : ReadMachineId(),
              .take_over = options.take_over,
              .now = options.now};
  const auto before_upgrade = [&claim](sqlite::Database& old) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(claim.inode, InodeOf(old.path()));
    CROFT_RETURN_IF_ERROR(CheckClaim(old, claim));
    return KeepCopy(old);
  };
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database = sqlite::Database::Open(
      path, kSchema, {.cache_kibibytes = kWriterCacheKibibytes, .before_upgrade = before_upgrade});
  if (!database.ok()) return WithWayBack(database.status(), path);
  std::string absolute = (*database)->path();
  CROFT_ASSIGN_OR_RETURN(claim.inode, InodeOf(absolute));
  CROFT_RETURN_IF_ERROR(ClaimCatalog(**database, claim));
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<Writer> writer, Writer::Make(*std::move(database)));
  return std::unique_ptr<SqliteCatalog>(new SqliteCatalog(std::make_unique<Components>(
      std::move(lock), std::move(writer), std::move(absolute), options.readers)));
}

SqliteCatalog::SqliteCatalog(std::unique_ptr<Components> components) : components_(std::move(components)) {}

SqliteCatalog::~SqliteCatalog() = default;

absl::StatusOr<std::unique_ptr<Transaction>> SqliteCatalog::Begin() {
  return SqliteTransaction::Begin(*components_->writer,
                                  [components = components_.get()](const Writer::Published& published) {
                                    components->tenants.store(published.tenants);
                                    components->revision.store(published.revision.revision);
                                  });
}

domain::Revision SqliteCatalog::revision() const {
  return {components_->epoch, components_->revision.load()};
}

// All that `ask` reads is one state of the catalog.
template <typename Ask>
auto SqliteCatalog::Read(Ask ask) -> decltype(ask(std::declval<Reader&>())) {
  CROFT_ASSIGN_OR_RETURN(const ReaderPool::Lease reader, components_->readers.Borrow());
  CROFT_ASSIGN_OR_RETURN(const sqlite::Transaction state,
                         sqlite::Transaction::BeginRead(*reader->database));
  return ask(*reader);
}

absl::StatusOr<std::optional<domain::Tenant>> SqliteCatalog::GetTenant(absl::string_view id) {
  return Read([&](Reader& reader) { return reader.tenants.Find(id); });
}

absl::StatusOr<std::optional<domain::Tenant>> SqliteCatalog::GetTenantByUid(absl::string_view uid) {
  return Read([&](Reader& reader) { return reader.tenants.FindByUid(uid); });
}

absl::StatusOr<TenantPage> SqliteCatalog::ListTenants(const TenantQuery& query) {
  return Read([&](Reader& reader) { return reader.tenants.List(query); });
}

absl::StatusOr<std::optional<domain::Host>> SqliteCatalog::GetHost(absl::string_view id) {
  return Read([&](Reader& reader) { return reader.hosts.Find(id); });
}

absl::StatusOr<std::vector<domain::Host>> SqliteCatalog::ListHosts() {
  return Read([&](Reader& reader) { return reader.hosts.List(); });
}

absl::StatusOr<std::optional<domain::User>> SqliteCatalog::GetUser(absl::string_view id) {
  return Read([&](Reader& reader) { return reader.users.Find(id); });
}

absl::StatusOr<std::vector<domain::User>> SqliteCatalog::ListUsers() {
  return Read([&](Reader& reader) { return reader.users.List(); });
}

absl::StatusOr<std::optional<domain::Operation>> SqliteCatalog::GetOperation(absl::string_view id) {
  return Read([&](Reader& reader) { return reader.operations.Find(id); });
}

absl::StatusOr<OperationPage> SqliteCatalog::ListOperations(const OperationQuery& query) {
  return Read([&](Reader& reader) { return reader.operations.List(query); });
}

absl::StatusOr<std::optional<domain::Backup>> SqliteCatalog::GetBackup(absl::string_view tenant,
                                                                       absl::string_view id) {
  return Read([&](Reader& reader) { return reader.backups.Find(tenant, id); });
}

absl::StatusOr<std::vector<domain::Backup>> SqliteCatalog::ListBackups(absl::string_view tenant,
                                                                       const BackupPosition& after,
                                                                       int32_t limit) {
  return Read([&](Reader& reader) { return reader.backups.List(tenant, after, limit); });
}

absl::StatusOr<domain::Revision> SqliteCatalog::ForEachTenant(
    const std::function<void(const domain::Tenant&)>& visit) {
  return Read([&](Reader& reader) -> absl::StatusOr<domain::Revision> {
    CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, reader.meta.Read());
    CROFT_RETURN_IF_ERROR(ScanTenants(*reader.database, visit));
    return standing.revision;
  });
}

absl::StatusOr<domain::Revision> SqliteCatalog::ReadPlacements(
    const std::function<domain::Tenant&()>& place) {
  CROFT_ASSIGN_OR_RETURN(const ReaderPool::Lease reader, components_->readers.Borrow());
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> beside,
                         sqlite::Database::OpenReader(components_->path, {}));
  MetaReads beside_meta(*beside);
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const sqlite::Transaction state,
                           sqlite::Transaction::BeginRead(*reader->database));
    CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, reader->meta.Read());
    CROFT_ASSIGN_OR_RETURN(const sqlite::Transaction beside_state, sqlite::Transaction::BeginRead(*beside));
    CROFT_ASSIGN_OR_RETURN(const CatalogHead beside_standing, beside_meta.Read());
    // Else there was a commit between the two.
    if (standing.revision != beside_standing.revision) continue;
    CROFT_RETURN_IF_ERROR(ScanPlacements(*reader->database, *beside, place));
    return standing.revision;
  }
}

absl::StatusOr<int64_t> SqliteCatalog::CountTenants() { return components_->tenants.load(); }

absl::StatusOr<int64_t> SqliteCatalog::CountRunningOperations() {
  return Read([&](Reader& reader) { return reader.operations.CountRunning(); });
}

absl::StatusOr<int64_t> SqliteCatalog::CountUnconfirmedTenants() {
  return Read([&](Reader& reader) { return reader.tenants.CountUnconfirmed(); });
}

absl::StatusOr<std::vector<domain::Tenant>> SqliteCatalog::ListStorageLimited(absl::string_view after_id,
                                                                              int32_t limit) {
  return Read([&](Reader& reader) { return reader.tenants.ListStorageLimited(after_id, limit); });
}

absl::StatusOr<std::vector<domain::Schedule>> SqliteCatalog::DueSchedules(absl::Time now, int32_t limit) {
  return Read([&](Reader& reader) { return reader.schedules.Due(now, limit); });
}

absl::StatusOr<std::vector<domain::Schedule>> SqliteCatalog::RefusedSchedules(int32_t refusals,
                                                                              int32_t limit) {
  return Read([&](Reader& reader) { return reader.schedules.Refused(refusals, limit); });
}

absl::StatusOr<std::optional<domain::Schedule>> SqliteCatalog::GetSchedule(const domain::ScheduleKey& key) {
  return Read([&](Reader& reader) { return reader.schedules.Find(key); });
}

absl::StatusOr<std::optional<domain::Erasure>> SqliteCatalog::GetErasure(absl::string_view uid_or_id) {
  return Read([&](Reader& reader) { return reader.erasures.Find(uid_or_id); });
}

absl::StatusOr<std::vector<domain::BackupPolicy>> SqliteCatalog::ListBackupPolicies() {
  return Read([](Reader& reader) { return reader.backup_policies.List(); });
}

absl::StatusOr<std::vector<domain::AuditRow>> SqliteCatalog::ListAudit(int64_t after_sequence,
                                                                       int32_t limit) {
  return Read([&](Reader& reader) { return reader.audit.List(after_sequence, limit); });
}

absl::StatusOr<std::vector<domain::AuditRow>> SqliteCatalog::ListAuditBefore(int64_t sequence,
                                                                             int32_t limit) {
  return Read([&](Reader& reader) { return reader.audit.ListBefore(sequence, limit); });
}

absl::StatusOr<domain::Revision> SqliteCatalog::CommittedRevision() {
  return Read([&](Reader& reader) -> absl::StatusOr<domain::Revision> {
    CROFT_ASSIGN_OR_RETURN(const CatalogHead standing, reader.meta.Read());
    return standing.revision;
  });
}

absl::StatusOr<AuditHead> SqliteCatalog::RecordedAuditHead() {
  return Read([&](Reader& reader) -> absl::StatusOr<AuditHead> {
    CROFT_ASSIGN_OR_RETURN(CatalogHead standing, reader.meta.Read());
    return std::move(standing.audit_head);
  });
}

absl::StatusOr<std::optional<domain::AuditCheckpoint>> SqliteCatalog::GetAuditCheckpoint() {
  return Read([](Reader& reader) { return reader.audit.Checkpoint(); });
}

absl::StatusOr<EventPage> SqliteCatalog::ListEvents(const EventQuery& query) {
  return Read([&](Reader& reader) -> absl::StatusOr<EventPage> {
    EventPage page;
    CROFT_ASSIGN_OR_RETURN(page.events, reader.events.List(query));
    CROFT_ASSIGN_OR_RETURN(page.log, reader.meta.ReadEventLog());
    return page;
  });
}

absl::StatusOr<domain::EventLog> SqliteCatalog::GetEventLog() {
  return Read([](Reader& reader) { return reader.meta.ReadEventLog(); });
}

absl::StatusOr<int64_t> SqliteCatalog::PositionBefore(absl::Time time) {
  return Read([&](Reader& reader) -> absl::StatusOr<int64_t> {
    CROFT_ASSIGN_OR_RETURN(const std::optional<int64_t> first, reader.events.FirstSince(time));
    if (first) return *first - 1;
    CROFT_ASSIGN_OR_RETURN(const domain::EventLog log, reader.meta.ReadEventLog());
    return log.last;
  });
}

absl::Status SqliteCatalog::BackUpTo(absl::string_view path) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> reader,
                         sqlite::Database::OpenReader(components_->path, {}));
  return sqlite::BackUpTo(*reader, path);
}

}  // namespace croft::catalog
