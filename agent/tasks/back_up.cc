// Back up: one dump of one moment, sealed, in a store.
//
// Why this order: the tenant's wrapped data key lies in the store before the first manifest that needs it, so no
// backup is ever there without what opens it. The manifest of an earlier, cut attempt goes before the archive is
// written anew, and the new one comes last: at every instant a manifest in the store speaks of the archive beside
// it. A fenced database is opened for the dump's own login alone and closed whatever happens; if the agent is
// killed in between, the next attempt closes it, and until then only a login that nobody knows can enter.

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/archive.h"
#include "agent/backup/dump.h"
#include "agent/backup/manifest.h"
#include "agent/tasks/backup_job.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

ArchiveIdentity IdentityOf(const BackupJob& job, const BackUpWork& work) {
  return {.uid = job.tenant().uid, .generation = job.tenant().generation, .backup = work.backup};
}

BackedUp OutcomeOf(const Manifest& manifest) {
  return {.size_bytes = manifest.archive.size_bytes,
          .sha256 = manifest.archive.sha256,
          .server_version = manifest.server_version,
          .table_count = static_cast<int64_t>(manifest.content.tables.size()),
          .row_count = RowsIn(manifest.content)};
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
absl::Status TidyUp(const BackupJob& job, ClusterSession& session, bool sealed, const Patience& patience) {
  RemoveAbandonedFiles(job.place());
  CROFT_RETURN_IF_ERROR(RemoveShortLivedLogins(job, session, job.tenant().owner_role, patience));
  if (!sealed) return absl::OkStatus();
  const std::string name = SealedName(job.tenant().database);
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database, session.ObserveDatabase(name));
  if (!database || !database->allows_connections) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(session.Apply({AllowConnections{name, false}}));
  return EndAllSessions(session, {.database = name}, patience);
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
                         Connection::Open(conninfo, Trust::kPrivileged, job.patience()));
  connection.SetPatience(job.patience());
  // As long as pg_dump waits for a table: the tenant may hold locks of its own.
  CROFT_RETURN_IF_ERROR(connection.Execute("SET lock_timeout = '10s'"));
  for (const std::string& other : others) {
    CROFT_RETURN_IF_ERROR(
        connection.Execute({"REASSIGN OWNED BY %I TO %I", {other, job.tenant().owner_role}}));
  }
  return absl::OkStatus();
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
  CROFT_ASSIGN_OR_RETURN(const ServerFacts server, job.tools().cluster.Identify(job.patience()));
  CROFT_ASSIGN_OR_RETURN(const ClientPrograms programs, job.tools().programs.For(server.version / 10000));
  CROFT_ASSIGN_OR_RETURN(const auto object, store.Put(ArchiveObject(tenant.uid, work.backup), 0));
  ArchiveWriter archive(*object, work.key, manifest.identity);
  CROFT_ASSIGN_OR_RETURN(
      DumpFacts facts,
      Dump(
          {.conninfo = conninfo, .owner_role = tenant.owner_role, .reader_role = tenant.reader_role},
          programs, job.place(), job.tools().random,
          [&](absl::string_view data) { return archive.Append(data); }, job.patience()));
  CROFT_ASSIGN_OR_RETURN(manifest.archive, archive.Finish());
  CROFT_RETURN_IF_ERROR(object->Commit());
  manifest.server_version = std::move(facts.server_version);
  manifest.server_major = facts.server_major;
  manifest.locale = std::move(facts.locale);
  manifest.content = std::move(facts.content);
  manifest.extensions = std::move(facts.extensions);
  manifest.all_tables_publications = std::move(facts.all_tables_publications);
  manifest.foreign_roles = std::move(facts.foreign_roles);
  manifest.foreign_policies = std::move(facts.foreign_policies);
  return manifest;
}

absl::StatusOr<BackedUp> Make(const BackupJob& job, const BackUpWork& work, Store& store) {
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin());
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, work.sealed, job.patience()));
  if (const auto finished = FindFinished(store, IdentityOf(job, work), work.key))
    return OutcomeOf(*finished);
  CROFT_ASSIGN_OR_RETURN(const DatabaseState database, FindDatabase(job, *session, work.sealed));
  CROFT_RETURN_IF_ERROR(store.Delete(ManifestObject(job.tenant().uid, work.backup)));
  if (!work.wrapped_data_key.empty()) {
    CROFT_RETURN_IF_ERROR(WriteObject(store, KeyObject(job.tenant().uid), work.wrapped_data_key));
  }
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> others,
                         OthersThatOwn(job, *session, database.name));
  CROFT_ASSIGN_OR_RETURN(const Conninfo conninfo,
                         MakeShortLivedLogin(job, *session, job.tenant().owner_role, database.name,
                                             LoginPurpose::kReadEverything, others));
  if (work.sealed) CROFT_RETURN_IF_ERROR(session->Apply({AllowConnections{database.name, true}}));
  CROFT_RETURN_IF_ERROR(ReassignToOwner(job, conninfo, others));
  job.context().Report("dumping, compressing and sealing");
  CROFT_ASSIGN_OR_RETURN(const Manifest manifest, DumpInto(job, work, store, conninfo));
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  CROFT_RETURN_IF_ERROR(WriteObject(store, ManifestObject(job.tenant().uid, work.backup),
                                    EncodeManifest(manifest, work.key)));
  return OutcomeOf(manifest);
}

}  // namespace

absl::StatusOr<Outcome> RunBackUp(const BackupJob& job, const BackUpWork& work) {
  if (work.key.size() != crypto::kKeyBytes) return InvalidField("back_up.key", "must be 32 bytes");
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.store));
  absl::StatusOr<BackedUp> outcome = Make(job, work, *store);
  // Also when the task was stopped or has run out of time.
  CROFT_ASSIGN_OR_RETURN(const auto session, job.BeginCleanup());
  const absl::Status tidied = TidyUp(job, *session, work.sealed, CleanupPatience());
  CROFT_RETURN_IF_ERROR(outcome.status());
  CROFT_RETURN_IF_ERROR(tidied);
  return *std::move(outcome);
}

}  // namespace croft::agent
