// Restore: the database of a new generation from a backup, beside whatever is there.
//
// Why this order: roles first, since the archive's grants name them. The database is made as in create, closed to
// everybody, and takes the archive through a login that is the tenant's and nothing more: an archive can hold
// code. It is compared with the manifest by another login that sees every row. Last of all it is tagged as the
// tenant's and closed, in one transaction of the session that held the tenant's lock all the while: by that a whole
// restore is known from half of one. What an earlier attempt has left half done is dropped and made anew; what is
// whole stays, since another agent of this host may have reported it already. The unfence task opens it.

#include "agent/backup/restore.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <absl/strings/str_cat.h>

#include "agent/tasks/backup_job.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

BackupToRead ToRead(const BackupSource& source) {
  return {.identity = {.uid = source.uid, .generation = source.generation, .backup = source.backup},
          .key = source.key,
          .sha256 = source.sha256};
}

absl::Status TidyUp(const BackupJob& job, ClusterSession& session, const Patience& patience) {
  RemoveAbandonedFiles(job.place());
  return RemoveShortLivedLogins(job, session, job.tenant().owner_role, patience);
}

// Logins are made closed, and those that are there stay as they are: the unfence task opens them.
absl::Status MakeRoles(const BackupJob& job, ClusterSession& session, const RestoreWork& work) {
  const TenantObjects& tenant = job.tenant();
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles,
                         session.ObserveRoles(Guests(tenant, work.logins), tenant.owner_role));
  std::vector<Change> changes = GroupChanges(tenant, roles);
  for (const Login& login : work.logins) {
    if (FindRole(roles, login.name) != nullptr) continue;
    Append(changes,
           LoginChanges(tenant, login, {.connections = work.limits.connections, .open = false}, roles));
  }
  return changes.empty() ? absl::OkStatus() : session.Apply(changes);
}

// Drops what an earlier attempt has left; never a database that somebody may enter.
absl::Status RemoveEarlierAttempt(const BackupJob& job, ClusterSession& session) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database,
                         session.ObserveDatabase(job.tenant().database));
  if (!database) return absl::OkStatus();
  const DatabaseTag own{job.tenant().uid, job.tenant().generation};
  const bool open =
      std::any_of(database->grants.begin(), database->grants.end(), [](const DatabaseGrant& grant) {
        return !grant.role.empty() && grant.privilege == DatabasePrivilege::kConnect;
      });
  if ((database->tag && *database->tag != own) || (open && !database->invalid)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the database ", database->name,
                                  " is there and in use; restoring never replaces a database"),
                     {.reason = "DATABASE_IN_PLACE", .metadata = {{"database", database->name}}});
  }
  return session.DropDatabase(database->name);
}

absl::Status MakeDatabase(const BackupJob& job, ClusterSession& session, const RestoreWork& work) {
  const TenantObjects& tenant = job.tenant();
  CROFT_RETURN_IF_ERROR(session.CreateDatabase(tenant.database, work.locale));
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> database,
                         session.ObserveDatabase(tenant.database));
  if (!database) return absl::InternalError("the database that was just made is not there");
  std::vector<Change> changes =
      DatabaseChanges(tenant, work.limits, TenantDefaults(), session.MayLimitTemporaryFiles(), *database);
  std::erase_if(changes, [](const Change& change) { return std::holds_alternative<TagDatabase>(change); });
  Append(changes, DoorChanges(*database, {}));
  changes.push_back(AllowConnections{tenant.database, true});
  CROFT_RETURN_IF_ERROR(session.Apply(changes));
  return session.PrepareSchema(
      tenant.database, {.owner = tenant.owner_role, .reader = tenant.reader_role, .extensions = {}});
}

absl::StatusOr<Done> Restore(const BackupJob& job, const RestoreWork& work, Store& store) {
  const BackupSource& source = work.source;
  const TenantObjects& tenant = job.tenant();
  CROFT_ASSIGN_OR_RETURN(const Manifest manifest, OpenBackup(store, ToRead(source)));
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin());
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, job.patience()));
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> earlier,
                         session->ObserveDatabase(tenant.database));
  if (earlier && IsRestoredWhole(tenant, *earlier)) return Done{"was restored and compared before"};
  CROFT_RETURN_IF_ERROR(RemoveEarlierAttempt(job, *session));
  CROFT_RETURN_IF_ERROR(MakeRoles(job, *session, work));
  CROFT_RETURN_IF_ERROR(MakeDatabase(job, *session, work));
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  CROFT_ASSIGN_OR_RETURN(const ClientPrograms programs, ProgramsFor(job, manifest));
  RestoreTarget target{.owner_role = tenant.owner_role, .reader_role = tenant.reader_role};
  CROFT_ASSIGN_OR_RETURN(target.conninfo, MakeShortLivedLogin(job, *session, tenant.owner_role,
                                                              tenant.database, LoginPurpose::kRestore));
  job.context().Report("checking the archive, then restoring it");
  CROFT_RETURN_IF_ERROR(RestoreArchive(store, manifest, source.key, target, programs, job.place(),
                                       job.tools().random, job.patience()));
  CROFT_ASSIGN_OR_RETURN(const Conninfo reader,
                         MakeShortLivedLogin(job, *session, tenant.owner_role, tenant.database,
                                             LoginPurpose::kReadEverything));
  job.context().Report("comparing what was restored with the manifest");
  CROFT_RETURN_IF_ERROR(CompareWithManifest(reader, manifest, job.patience()));
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, job.patience()));
  CROFT_RETURN_IF_ERROR(session->Apply(WholeRestoreChanges(tenant)));
  return Done{absl::StrCat("restored and compared: ", manifest.content.tables.size(), " tables, ",
                           RowsIn(manifest.content), " rows")};
}

}  // namespace

absl::StatusOr<Outcome> RunRestore(const BackupJob& job, const RestoreWork& work) {
  if (work.source.key.size() != crypto::kKeyBytes) {
    return InvalidField("restore.source.key", "must be 32 bytes");
  }
  CROFT_RETURN_IF_ERROR(CheckDatabaseName(job.tenant().database));
  CROFT_RETURN_IF_ERROR(CheckLogins(job.tenant(), work.logins));
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.source.store));
  absl::StatusOr<Done> outcome = Restore(job, work, *store);
  CROFT_ASSIGN_OR_RETURN(const auto session, job.BeginCleanup());
  const absl::Status tidied = TidyUp(job, *session, CleanupPatience());
  CROFT_RETURN_IF_ERROR(outcome.status());
  CROFT_RETURN_IF_ERROR(tidied);
  return *std::move(outcome);
}

}  // namespace croft::agent
