// Back up: one dump of one moment, sealed, in a store.
//
// Why this order: the tenant's wrapped data key lies in the store before the first manifest that needs it, so no
// backup is ever there without what opens it. The manifest of an earlier, cut attempt goes before the archive is
// written anew, and the new one comes last: at every instant a manifest in the store speaks of the archive beside
// it. A fenced database is opened for the dump's own login alone and closed whatever happens; if the agent is
// killed in between, the next attempt closes it, and until then only a login that nobody knows can enter.

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/archive.h"
#include "agent/backup/catalog_facts.h"
#include "agent/backup/dump.h"
#include "agent/backup/failure.h"
#include "agent/backup/manifest.h"
#include "agent/backup/replay_plan.h"
#include "agent/backup/row_counter.h"
#include "agent/backup/skipped_rows.h"
#include "agent/postgres/largest_database.h"
#include "agent/tasks/backup_job.h"
#include "agent/tasks/extensions_back.h"
#include "agent/tasks/proto_parts.h"
#include "agent/tasks/restoring.h"
#include "agent/tasks/server_probe.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

ArchiveIdentity IdentityOf(const BackupJob& job, const BackUpWork& work) {
  return {.uid = job.tenant().uid, .generation = job.tenant().generation, .backup = work.backup};
}

BackedUp OutcomeOf(const Manifest& manifest) {
  return {.size_bytes = manifest.archive.size_bytes,
          .sha256 = manifest.archive.sha256,
          .server_version = manifest.facts.server_version,
          .table_count = manifest.table_count,
          .row_count = manifest.row_count,
          .findings = manifest.findings,
          .database_bytes = manifest.facts.database_bytes};
}

// What an attempt has left that was cut after its manifest was in the store.
std::optional<Manifest> FindFinished(Store& store, const ArchiveIdentity& identity,
                                     const std::string& key) {
  const auto json = ReadObject(store, ManifestObject(identity.uid, identity.backup), kMaxManifestBytes);
  if (!json.ok()) return std::nullopt;
  absl::StatusOr<Manifest> manifest = DecodeManifest(*json, key);
  if (!manifest.ok() || manifest->identity != identity) return std::nullopt;
  const auto archive = store.Get(ArchiveObject(identity.uid, identity.backup));
  if (!archive.ok() || (*archive)->size_bytes() != manifest->archive.size_bytes) return std::nullopt;
  return *std::move(manifest);
}

absl::StatusOr<DatabaseState> FindDatabase(const BackupJob& job, ClusterSession& session, bool sealed) {
  const std::string name = sealed ? SealedName(job.tenant().database) : job.tenant().database;
  CROFT_ASSIGN_OR_RETURN(std::optional<DatabaseState> database, session.ObserveDatabase(name));
  if (!database || database->invalid) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("there is no usable database ", name, " on this server"),
                     {.reason = "DATABASE_MISSING", .metadata = {{"database", name}}});
  }
  if (database->tag && database->tag->uid != job.tenant().uid) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the database ", name, " belongs to another tenant"),
                     {.reason = "WRONG_DATABASE", .metadata = {{"database", name}}});
  }
  return *std::move(database);
}

// Leaves nothing of this task's, or of one that was cut, on the server.
absl::Status TidyUp(const BackupJob& job, ClusterSession& session, bool sealed, const Timeout& timeout) {
  RemoveAbandonedFiles(job.place());
  CROFT_RETURN_IF_ERROR(RemoveShortLivedLogins(job, session, job.tenant().owner_role, timeout));
  if (!sealed) return absl::OkStatus();
  const std::string name = SealedName(job.tenant().database);
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database, session.ObserveDatabase(name));
  if (!database || !database->allows_connections) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(session.Apply({AllowConnections{name, false}}));
  return EndAllSessions(session, {.database = name}, timeout);
}

// The tenant's other roles that own something in the database, its readers' too: it is the owner's, and a dump by the
// owner's rights must see it.
absl::StatusOr<std::vector<std::string>> OthersThatOwn(const BackupJob& job, ClusterSession& session,
                                                       const std::string& database) {
  const TenantObjects& tenant = job.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, session.ObserveRoles({}, tenant.owner_role));
  std::vector<std::string> others;
  for (const RoleState& role : roles) {
    if (role.name == tenant.owner_role) continue;
    CROFT_ASSIGN_OR_RETURN(const bool owns, session.LeavesTraces(database, role.name));
    if (owns) others.push_back(role.name);
  }
  return others;
}

absl::Status ReassignToOwner(const BackupJob& job, const Conninfo& conninfo,
                             const std::vector<std::string>& others) {
  if (others.empty()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         Connection::Open(conninfo, Trust::kPrivileged, job.timeout()));
  connection.SetTimeout(job.timeout());
  // As long as pg_dump waits for a table: the tenant may hold locks of its own.
  CROFT_RETURN_IF_ERROR(connection.Execute("SET lock_timeout = '10s'"));
  for (const std::string& other : others) {
    CROFT_RETURN_IF_ERROR(
        connection.Execute({"REASSIGN OWNED BY %I TO %I", {other, job.tenant().owner_role}}));
  }
  return absl::OkStatus();
}

// Counts what passes, and says what of it will not restore.
class Counter final : public RowCounter {
 public:
  explicit Counter(const TenantObjects& tenant)
      : roles_{.old_owner = tenant.owner_role,
               .old_reader = tenant.reader_role,
               .new_owner = tenant.owner_role,
               .new_reader = tenant.reader_role} {}

  const std::vector<Finding>& findings() const { return findings_; }
  // Whether the dump has the definition of a table and no rows of it.
  bool IsWithoutRows(const QualifiedName& table) const {
    return defined_.count(table) > 0 && with_rows_.count(table) == 0;
  }

  absl::Status OnToc(const Toc& toc) override {
    findings_ = PlanReplay(toc, roles_, {}).findings;
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind == "TABLE") defined_.insert({entry.schema, entry.tag});
      if (entry.kind == "TABLE DATA") with_rows_.insert({entry.schema, entry.tag});
    }
    return absl::OkStatus();
  }

 private:
  const ReplayRoles roles_;
  std::vector<Finding> findings_;
  std::set<QualifiedName> defined_;
  std::set<QualifiedName> with_rows_;
};

void Append(std::vector<Finding>& findings, const std::vector<Finding>& more) {
  findings.insert(findings.end(), more.begin(), more.end());
}

// What the catalogs say before the dump, and what the dump is to leave out. Returns whose rows.
absl::StatusOr<std::vector<SkippedTable>> AskCatalogs(const BackupJob& job, const BackUpWork& work,
                                                      Manifest& manifest, DumpSource& source) {
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         Connection::Open(source.conninfo, Trust::kPrivileged, job.timeout()));
  connection.SetTimeout(job.timeout());
  // The size of a table that the tenant keeps locked is not told.
  CROFT_RETURN_IF_ERROR(connection.Execute("SET lock_timeout = '10s'"));
  const TenantRoles roles{.owner = manifest.owner_role, .reader = manifest.reader_role};
  CROFT_ASSIGN_OR_RETURN(manifest.facts, ReadCatalogFacts(connection, roles));
  if (const std::string& data = job.access().data_directory; !data.empty()) {
    NoteDatabase(data, manifest.facts.table_count);
  }
  CROFT_RETURN_IF_ERROR(CheckLocks(connection, manifest.facts.table_count));
  CROFT_ASSIGN_OR_RETURN(NotDumped not_dumped, FindNotDumped(connection, roles));
  manifest.not_dumped = std::move(not_dumped.findings);
  CROFT_ASSIGN_OR_RETURN(manifest.findings, FindNotes(connection));
  CROFT_ASSIGN_OR_RETURN(const auto extensions, PlanExtensions(job, manifest.facts.extensions));
  for (const auto& [name, plan] : extensions) {
    if (!plan.finding.reason.empty()) manifest.findings.push_back(plan.finding);
  }
  source.excluded_tables = std::move(not_dumped.patterns);
  source.without_large_objects = not_dumped.large_objects;
  CROFT_ASSIGN_OR_RETURN(SkippedRows skipped, FindSkippedRows(connection, work.skip_rows, roles));
  for (const SkippedTable& table : skipped.tables)
    source.tables_without_rows.push_back(Quoted(table.table));
  Append(manifest.findings, skipped.notes);
  return std::move(skipped.tables);
}

// By the dump itself: a table can have been dropped since the catalogs were asked.
void NoteSkipped(std::vector<SkippedTable> skipped, const Counter& counter, Manifest& manifest) {
  std::erase_if(skipped, [&](const SkippedTable& table) { return !counter.IsWithoutRows(table.table); });
  for (const SkippedTable& table : skipped) manifest.without_rows.push_back(table.table);
  Append(manifest.findings, NotesOnSkipped(skipped));
}

// A dump that failed while a table was locked against it: seen in the catalogs, since a tenant could write any message.
absl::Status ExplainLocks(const Conninfo& conninfo, const absl::Status& failed) {
  if (DetailsOf(failed).reason != "DUMP_FAILED") return failed;
  const Timeout timeout = BackupJob::CleanupTimeout(failed);
  absl::StatusOr<Connection> connection = Connection::Open(conninfo, Trust::kPrivileged, timeout);
  if (!connection.ok()) return failed;
  connection->SetTimeout(timeout);
  const auto locked = connection->Rows<std::string, std::string>(
      "SELECT n.nspname::text, c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
      "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.granted AND l.mode = 'AccessExclusiveLock' "
      "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
      "AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' ORDER BY 1, 2 LIMIT 1");
  if (!locked.ok() || locked->empty()) return failed;
  const auto& [schema, table] = locked->front();
  return WithCause(
      MakeError(
          absl::StatusCode::kUnavailable,
          absl::StrCat("table ", schema, ".", table, " stayed locked for ten seconds; ", failed.message()),
          {.reason = "TABLE_LOCKED", .metadata = {{"table", table}, {"schema", schema}}}),
      Cause::kRefusal);
}

absl::StatusOr<Manifest> DumpInto(const BackupJob& job, const BackUpWork& work, Store& store,
                                  const Conninfo& conninfo) {
  const TenantObjects& tenant = job.tenant();
  Manifest manifest{.identity = IdentityOf(job, work),
                    .database = tenant.database,
                    .owner_role = tenant.owner_role,
                    .reader_role = tenant.reader_role,
                    .create_time = job.tools().clock.Now(),
                    .wrapped_key = work.wrapped_key};
  DumpSource source{.conninfo = conninfo, .max_duration = work.max_duration};
  CROFT_ASSIGN_OR_RETURN(std::vector<SkippedTable> skipped, AskCatalogs(job, work, manifest, source));
  CROFT_ASSIGN_OR_RETURN(const ClientPrograms programs,
                         job.tools().programs.For(static_cast<int>(manifest.facts.server_major)));
  CROFT_ASSIGN_OR_RETURN(const auto object, store.Put(ArchiveObject(tenant.uid, work.backup), 0));
  ArchiveWriter archive(*object, work.key, manifest.identity);
  Counter counter(tenant);
  const absl::Status dumped = Dump(
      source, programs, job.place(), job.tools().random,
      [&](absl::string_view data) { return archive.Append(data); }, counter, job.timeout());
  if (!dumped.ok()) return ExplainLocks(conninfo, dumped);
  CROFT_ASSIGN_OR_RETURN(manifest.archive, archive.Finish());
  CROFT_RETURN_IF_ERROR(object->Commit());
  manifest.table_count = counter.tables();
  manifest.row_count = counter.rows();
  NoteSkipped(std::move(skipped), counter, manifest);
  Append(manifest.findings, manifest.not_dumped);
  Append(manifest.findings, counter.findings());
  SortFindings(manifest.findings);
  return manifest;
}

absl::StatusOr<BackedUp> Make(const BackupJob& job, const BackUpWork& work, Store& store) {
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin());
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, work.sealed, job.timeout()));
  if (const auto finished = FindFinished(store, IdentityOf(job, work), work.key))
    return OutcomeOf(*finished);
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, FindDatabase(job, *session, work.sealed));
  CROFT_RETURN_IF_ERROR(store.Delete(ManifestObject(job.tenant().uid, work.backup)));
  if (!work.wrapped_data_key.empty()) {
    CROFT_RETURN_IF_ERROR(WriteObject(store, KeyObject(job.tenant().uid), work.wrapped_data_key));
  }
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> others,
                         OthersThatOwn(job, *session, database.name));
  std::vector<std::string> also_in = others;
  if (const std::string& reader = job.tenant().reader_role;
      std::find(others.begin(), others.end(), reader) == others.end()) {
    also_in.push_back(reader);
  }
  CROFT_ASSIGN_OR_RETURN(const Conninfo conninfo,
                         MakeShortLivedLogin(job, *session, job.tenant().owner_role, database.name,
                                             LoginPurpose::kReadEverything, also_in));
  if (work.sealed) CROFT_RETURN_IF_ERROR(session->Apply({AllowConnections{database.name, true}}));
  CROFT_RETURN_IF_ERROR(Blamed(job, *session, ReassignToOwner(job, conninfo, others)));
  job.context().Report("dumping, compressing and sealing");
  const absl::StatusOr<Manifest> manifest = DumpInto(job, work, store, conninfo);
  CROFT_RETURN_IF_ERROR(Blamed(job, *session, manifest.status()));
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  CROFT_RETURN_IF_ERROR(WriteObject(store, ManifestObject(job.tenant().uid, work.backup),
                                    EncodeManifest(*manifest, work.key)));
  return OutcomeOf(*manifest);
}

}  // namespace

BackUpWork BackUpWork::FromProto(const v1::Task& task) {
  const v1::BackUpWork& proto = task.back_up();
  BackUpWork work{.backup = proto.backup(),
                  .store = proto.store(),
                  .key = proto.key(),
                  .wrapped_key = proto.wrapped_key(),
                  .wrapped_data_key = proto.wrapped_data_key(),
                  .sealed = proto.sealed(),
                  .skip_rows = {proto.skip_rows().begin(), proto.skip_rows().end()}};
  if (proto.has_max_duration()) work.max_duration = agent::FromProto(proto.max_duration());
  return work;
}

absl::StatusOr<Outcome> Run(const BackupJob& job, const BackUpWork& work) {
  if (work.key.size() != crypto::kKeyBytes) return InvalidField("back_up.key", "must be 32 bytes");
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.store));
  absl::StatusOr<BackedUp> outcome = Make(job, work, *store);
  // Also when the task was stopped or has run out of time.
  const Timeout timeout = BackupJob::CleanupTimeout(outcome.status());
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin(timeout));
  const absl::Status tidied = TidyUp(job, *session, work.sealed, timeout);
  CROFT_RETURN_IF_ERROR(outcome.status());
  CROFT_RETURN_IF_ERROR(tidied);
  return *std::move(outcome);
}

}  // namespace croft::agent
