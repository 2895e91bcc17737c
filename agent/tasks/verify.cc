// Verify: a backup is proven by restoring it, whole, into a scratch database and comparing.
//
// Why this order: scratch databases of earlier attempts go first, so that a host never collects them. The role
// names of the backup are made where they are missing, since the archive's grants name them; they own nothing
// once the scratch database is dropped, which happens whatever the result.

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/restore.h"
#include "agent/tasks/backup_job.h"
#include "agent/tasks/proto_parts.h"
#include "agent/tasks/restoring.h"
#include "agent/tasks/server_probe.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

constexpr size_t kTailLetters = 4;

// `v_<uid>_`, which no tenant's database begins with.
std::string ScratchPrefix(const BackupJob& job) { return absl::StrCat("v_", job.tenant().uid, "_"); }

std::string ScratchName(const BackupJob& job, absl::string_view backup) {
  const size_t tail = backup.size() > kTailLetters ? backup.size() - kTailLetters : 0;
  return absl::StrCat(ScratchPrefix(job), backup.substr(tail));
}

absl::Status DropScratch(const BackupJob& job, ClusterSession& session, const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(Connection maintenance, job.OpenMaintenance(timeout));
  const auto rows = maintenance.Rows<std::string>(Bind(
      "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)", {ScratchPrefix(job)}));
  CROFT_RETURN_IF_ERROR(rows.status());
  for (const auto& [name] : *rows) CROFT_RETURN_IF_ERROR(session.DropDatabase(name));
  return absl::OkStatus();
}

// Whether anything of the tenant's own lies on this server, for which its roles must stay.
absl::StatusOr<bool> LivesHere(const BackupJob& job, ClusterSession& session, const BackupSource& source,
                               const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles, session.ObserveRoles({}, source.owner_role));
  for (const RoleState& role : roles) {
    if (role.name != source.reader_role && role.name != source.owner_role) return true;
  }
  CROFT_ASSIGN_OR_RETURN(Connection maintenance, job.OpenMaintenance(timeout));
  return maintenance.Value<bool>(
      Bind("SELECT EXISTS (SELECT FROM pg_database d WHERE starts_with("
           "coalesce(shobj_description(d.oid, 'pg_database'), ''), 'croft uid=' || $1 || ' '))",
           {job.tenant().uid}));
}

absl::Status TidyUp(const BackupJob& job, ClusterSession& session, const BackupSource& source,
                    const Timeout& timeout) {
  RemoveAbandonedFiles(job.place());
  CROFT_RETURN_IF_ERROR(RemoveShortLivedLogins(job, session, source.owner_role, timeout));
  CROFT_RETURN_IF_ERROR(DropScratch(job, session, timeout));
  CROFT_ASSIGN_OR_RETURN(const bool lives_here, LivesHere(job, session, source, timeout));
  if (lives_here) return absl::OkStatus();
  for (const std::string& role : {source.reader_role, source.owner_role}) {
    const absl::Status dropped = session.Apply({DropRole{role}});
    const std::string reason = DetailsOf(dropped).reason;
    if (!dropped.ok() && reason != "NOT_THERE" && reason != "STILL_REFERENCED") return dropped;
  }
  return absl::OkStatus();
}

absl::Status MakeRoles(ClusterSession& session, const BackupSource& source) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<RoleState> roles,
                         session.ObserveRoles({source.owner_role, source.reader_role}, ""));
  std::vector<Change> changes;
  for (const std::string& name : {source.owner_role, source.reader_role}) {
    const bool there =
        std::any_of(roles.begin(), roles.end(), [&](const RoleState& role) { return role.name == name; });
    if (!there) changes.push_back(CreateRole{{.name = name}});
  }
  return changes.empty() ? absl::OkStatus() : session.Apply(changes);
}

absl::Status MakeScratch(ClusterSession& session, const BackupSource& source, const std::string& name,
                         const std::string& locale) {
  absl::Status made = session.CreateDatabase(name, locale);
  // A locale that this host does not have changes the order of text, not what is there.
  if (absl::IsInvalidArgument(made)) made = session.CreateDatabase(name, "");
  CROFT_RETURN_IF_ERROR(made);
  CROFT_RETURN_IF_ERROR(session.Apply(
      {RevokePublic{name},
       GrantOnDatabase{
           name, source.owner_role, {DatabasePrivilege::kCreate, DatabasePrivilege::kTemporary}},
       AllowConnections{name, true}}));
  return session.PrepareSchema(
      name, {.owner = source.owner_role, .reader = source.reader_role, .extensions = {}});
}

absl::StatusOr<Verified> Verify(const BackupJob& job, const BackupSource& source, Store& store) {
  CROFT_ASSIGN_OR_RETURN(
      const Manifest manifest,
      OpenBackup(store,
                 {.identity = {.uid = source.uid, .generation = source.generation, .backup = source.backup},
                  .key = source.key,
                  .sha256 = source.sha256}));
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin());
  CROFT_RETURN_IF_ERROR(TidyUp(job, *session, source, job.timeout()));
  CROFT_RETURN_IF_ERROR(CheckRoom(job, manifest.facts.database_bytes));
  CROFT_RETURN_IF_ERROR(MakeRoles(*session, source));
  const std::string scratch = ScratchName(job, source.backup);
  CROFT_RETURN_IF_ERROR(MakeScratch(*session, source, scratch, manifest.facts.locale.collate));
  CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
  job.context().Report("checking the archive, then restoring it into a scratch database");
  const RestoreInto into{.database = scratch,
                         .roles = {.old_owner = manifest.owner_role,
                                   .old_reader = manifest.reader_role,
                                   .new_owner = source.owner_role,
                                   .new_reader = source.reader_role}};
  Verified verified{.table_count = manifest.table_count, .row_count = manifest.row_count};
  CROFT_ASSIGN_OR_RETURN(verified.findings, FillAndProve(job, *session, store, manifest, source.key, into));
  return verified;
}

}  // namespace

VerifyWork VerifyWork::FromProto(const v1::Task& task) {
  return {.source = agent::FromProto(task.verify().source())};
}

absl::StatusOr<Outcome> Run(const BackupJob& job, const VerifyWork& work) {
  if (work.source.key.size() != crypto::kKeyBytes)
    return InvalidField("verify.source.key", "must be 32 bytes");
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.source.store));
  absl::StatusOr<Verified> outcome = Verify(job, work.source, *store);
  const Timeout timeout = BackupJob::CleanupTimeout(outcome.status());
  CROFT_ASSIGN_OR_RETURN(const auto session, job.Begin(timeout));
  const absl::Status tidied = TidyUp(job, *session, work.source, timeout);
  CROFT_RETURN_IF_ERROR(outcome.status());
  CROFT_RETURN_IF_ERROR(tidied);
  return *std::move(outcome);
}

}  // namespace croft::agent
