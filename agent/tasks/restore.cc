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
#include <optional>
#include <utility>
#include <variant>

#include <absl/strings/str_cat.h>

#include "agent/backup/failure.h"
#include "agent/tasks/backup_job.h"
#include "agent/tasks/proto_parts.h"
#include "agent/tasks/restoring.h"
#include "agent/tasks/server_probe.h"
#include "agent/tasks/sql_task.h"
#include "agent/tasks/tenant_shape.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

BackupToRead ToRead(const BackupSource& source) {
  return {.identity = {.uid = source.uid, .generation = source.generation, .backup = source.backup},
          .key = source.key,
          .sha256 = source.sha256};
}

absl::Status TidyUp(const BackupJob& job, ClusterSession& session, const Timeout& timeout) {
  RemoveAbandonedFiles(job.place());
  return RemoveShortLivedLogins(job, session, job.tenant().owner_role, timeout);
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

// The first few of what `severity` says, by name.
std::string NamesOf(const std::vector<Finding>& findings, Severity severity) {
  constexpr size_t kMost = 5;
  std::string names;
  size_t count = 0;
  for (const Finding& finding : findings) {
    if (finding.severity != severity) continue;
    if (++count <= kMost) absl::StrAppend(&names, count > 1 ? ", " : "", finding.object);
  }
  return count > kMost ? absl::StrCat(names, " and ", count - kMost, " more") : names;
}

// What is wrong with a part says nothing for sure of the backup it is from: a reason of its own keeps it from being
// called damaged or incomplete for that.
absl::Status Accept(const std::vector<Finding>& findings, const RestoreWork& work, bool is_part) {
  if (Has(findings, Severity::kDifferent)) {
    return WithFindings(
        MakeError(absl::StatusCode::kDataLoss,
                  absl::StrCat("what was restored is not what was backed up: ",
                               NamesOf(findings, Severity::kDifferent), "; use another backup"),
                  {.reason = is_part ? "PART_DIFFERS" : "CONTENT_DIFFERS"}),
        findings);
  }
  if (work.allow_incomplete || !Has(findings, Severity::kMissing)) return absl::OkStatus();
  return WithFindings(
      MakeError(absl::StatusCode::kFailedPrecondition,
                absl::StrCat("the backup does not restore whole: ", NamesOf(findings, Severity::kMissing),
                             "; use --allow-incomplete to restore the rest"),
                {.reason = is_part ? "PART_INCOMPLETE" : "BACKUP_INCOMPLETE"}),
      findings);
}

// About what the rows take on disk, with indexes; no more than the whole database took.
int64_t DiskBytes(const PartOfArchive& chosen, const Manifest& manifest) {
  constexpr int64_t kBytesBesideARow = 64;
  return std::min(2 * chosen.row_bytes + kBytesBesideARow * chosen.row_count,
                  manifest.facts.database_bytes);
}

// All of the backup, or what `only` chooses of it.
absl::StatusOr<Restored> Restore(const BackupJob& job, const RestoreWork& work,
                                 const std::vector<std::string>& only, Store& store) {
  const BackupSource& source = work.source;
  const TenantObjects& tenant = job.tenant();
  CROFT_ASSIGN_OR_RETURN(const Manifest manifest, OpenBackup(store, ToRead(source)));
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin());
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, job.timeout()));
  CROFT_ASSIGN_OR_RETURN(const std::optional<DatabaseState> earlier,
                         session->ObserveDatabase(tenant.database));
  Restored restored{.table_count = manifest.table_count, .row_count = manifest.row_count};
  int64_t database_bytes = manifest.facts.database_bytes;
  std::optional<Part> part;
  if (!only.empty()) {
    job.context().Report("checking the archive");
    CROFT_ASSIGN_OR_RETURN(PartOfArchive chosen,
                           ChooseFromArchive(store, manifest, source.key, only, job.timeout()));
    restored = {.table_count = chosen.table_count, .row_count = chosen.row_count};
    database_bytes = DiskBytes(chosen, manifest);
    part = std::move(chosen.part);
  }
  if (earlier && IsRestoredWhole(tenant, *earlier)) return restored;
  CROFT_RETURN_IF_ERROR(RemoveEarlierAttempt(job, *session));
  CROFT_RETURN_IF_ERROR(CheckRoom(job, database_bytes));
  CROFT_RETURN_IF_ERROR(MakeRoles(job, *session, work));
  CROFT_RETURN_IF_ERROR(MakeDatabase(job, *session, work));
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  job.context().Report("checking the archive, then restoring it");
  const RestoreInto into{.database = tenant.database,
                         .roles = {.old_owner = manifest.owner_role,
                                   .old_reader = manifest.reader_role,
                                   .new_owner = tenant.owner_role,
                                   .new_reader = tenant.reader_role},
                         .logins = work.logins,
                         .analyze = true,
                         .part = std::move(part)};
  CROFT_ASSIGN_OR_RETURN(restored.findings, FillAndProve(job, *session, store, manifest, source.key, into));
  CROFT_RETURN_IF_ERROR(Accept(restored.findings, work, into.part.has_value()));
  // The backup may be of a database that was closed for growth; whether this one is to be, the next look at it decides.
  CROFT_RETURN_IF_ERROR(session->LimitGrowth(tenant.database, tenant.owner_role, /*closed=*/false));
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, job.timeout()));
  CROFT_RETURN_IF_ERROR(session->Apply(WholeRestoreChanges(tenant)));
  return restored;
}

absl::StatusOr<Outcome> RunRestore(const BackupJob& job, const RestoreWork& work,
                                   const std::vector<std::string>& only) {
  if (work.source.key.size() != crypto::kKeyBytes) {
    return InvalidField("restore.source.key", "must be 32 bytes");
  }
  CROFT_RETURN_IF_ERROR(CheckDatabaseName(job.tenant().database));
  CROFT_RETURN_IF_ERROR(CheckLogins(job.tenant(), work.logins));
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.source.store));
  absl::StatusOr<Restored> outcome = Restore(job, work, only, *store);
  const Timeout timeout = BackupJob::CleanupTimeout(outcome.status());
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin(timeout));
  const absl::Status tidied = TidyUp(job, *session, timeout);
  CROFT_RETURN_IF_ERROR(outcome.status());
  CROFT_RETURN_IF_ERROR(tidied);
  return *std::move(outcome);
}

RestoreWork WorkFrom(const v1::RestoreWork& work) {
  return {.source = FromProto(work.source()),
          .limits = FromProto(work.limits()),
          .logins = FromProto(work.logins()),
          .locale = work.locale(),
          .allow_incomplete = work.allow_incomplete()};
}

}  // namespace

RestoreWork RestoreWork::FromProto(const v1::Task& task) { return WorkFrom(task.restore()); }

absl::StatusOr<Outcome> Run(const BackupJob& job, const RestoreWork& work) {
  return RunRestore(job, work, {});
}

RestorePartWork RestorePartWork::FromProto(const v1::Task& task) {
  const v1::RestorePartWork& work = task.restore_part();
  return {.restore = WorkFrom(work.restore()), .only = {work.only().begin(), work.only().end()}};
}

absl::StatusOr<Outcome> Run(const BackupJob& job, const RestorePartWork& work) {
  if (work.only.empty()) return InvalidField("restore_part.only", "must not be empty");
  return RunRestore(job, work.restore, work.only);
}

}  // namespace croft::agent
