#include "tests/sim/backup_model.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include <absl/strings/match.h>

#include "agent/tasks/sql_task.h"
#include "agent/tasks/task_step.h"
#include "agent/tasks/tenant_shape.h"
#include "common/errors.h"

namespace croft::sim {
namespace {

using agent::Outcome;
using agent::SqlTask;
using agent::Task;
using agent::TaskContext;

absl::Status NoStore(const std::string& store) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat("store ", store, " is not reached"),
                   {.reason = "STORE_NOT_REACHED"});
}
absl::Status Damaged(const std::string& backup) {
  return MakeError(absl::StatusCode::kDataLoss, absl::StrCat("the archive of ", backup, " was changed"),
                   {.reason = "ARCHIVE_DAMAGED"});
}

// Long work, in pieces, as the shipped tasks stop between chunks.
absl::Status Toil(const BackupTools& tools, TaskContext& context) {
  const int64_t pieces = 1 + tools.world.dice.Roll(4);
  for (int64_t i = 0; i < pieces; ++i) {
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    if (!tools.host.server.up())
      return MakeError(absl::StatusCode::kUnavailable, "the server went",
                       {.reason = "POSTGRES_UNAVAILABLE"});
    tools.world.scheduler.Sleep(tools.world.dice.Between(absl::Milliseconds(5), absl::Seconds(20)));
  }
  return absl::OkStatus();
}

// Errors that look as if they passed: who could tell is the agent, by its cause.
absl::Status TroubleWith(const BackupTools& tools, const std::string& uid) {
  const auto found = tools.world.troubles.find(uid);
  const auto says = [](std::string reason) {
    return MakeError(absl::StatusCode::kUnavailable, "it says so", {.reason = std::move(reason)});
  };
  switch (found == tools.world.troubles.end() ? Trouble::kNone : found->second) {
    case Trouble::kNone: return absl::OkStatus();
    case Trouble::kRefuses: return says("TENANT_REFUSES");
    case Trouble::kInvents: return says(absl::StrCat("TENANT_SAYS_", tools.world.dice.Next()));
    case Trouble::kRunsShort: return says("DISK_FULL");
  }
  return absl::OkStatus();
}

std::string MaintenancePrefix(const Task& task) { return absl::StrCat(task.tenant.owner_role, "_m"); }

// Removes maintenance roles, this run's and those of earlier, cut ones.
absl::Status RemoveMaintenance(const SqlTask& task, const std::string& prefix,
                               const std::string& database) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<agent::RoleState> roles, task.ObserveRoles());
  for (const agent::RoleState& role : roles) {
    if (!absl::StartsWith(role.name, prefix)) continue;
    CROFT_RETURN_IF_ERROR(task.session().Apply(
        {agent::RevokeOnDatabase{database, role.name, {agent::DatabasePrivilege::kConnect}},
         agent::DropRole{role.name}}));
  }
  return absl::OkStatus();
}

agent::BackedUp OutcomeOf(const Archive& archive) {
  return {.size_bytes = static_cast<int64_t>(archive.rows.size()),
          .sha256 = archive.sha256,
          .server_version = "15.20",
          .table_count = 1,
          .row_count = static_cast<int64_t>(archive.rows.size())};
}

absl::StatusOr<Outcome> BackUp(const BackupTools& tools, const Task& task, const agent::BackUpWork& work,
                               TaskContext& context) {
  if (!tools.host.Reaches(work.store)) return NoStore(work.store);
  CROFT_ASSIGN_OR_RETURN(const SqlTask begun,
                         SqlTask::Begin(tools.cluster, tools.world.dice, {}, task, context));
  CROFT_ASSIGN_OR_RETURN(const agent::DatabaseState database, begun.NeedDatabase());
  const std::string prefix = MaintenancePrefix(task);
  CROFT_RETURN_IF_ERROR(RemoveMaintenance(begun, prefix, database.name));
  const PlacedArchive key{task.tenant.uid, work.backup, work.store};
  const auto kept = tools.world.archives.find(key);
  if (kept != tools.world.archives.end()) {
    // What an attempt has left that was cut after its manifest was in the store.
    if (kept->second.has_manifest && kept->second.key == work.key) return OutcomeOf(kept->second);
    kept->second.has_manifest = false;
  }
  const std::string role = absl::StrCat(prefix, tools.world.dice.Roll(1'000'000));
  std::vector<agent::Change> opening = {
      agent::CreateRole{
          {.name = role, .can_login = true, .inherits = true, .member_of = {task.tenant.owner_role}}},
      agent::GrantOnDatabase{database.name, role, {agent::DatabasePrivilege::kConnect}}};
  if (work.sealed) opening.push_back(agent::AllowConnections{database.name, true});
  CROFT_RETURN_IF_ERROR(begun.session().Apply(opening));

  const std::optional<agent::ModelDatabase> seen = tools.host.server.Database(database.name);
  if (!seen)
    return MakeError(absl::StatusCode::kUnavailable, "gone meanwhile", {.reason = "POSTGRES_UNAVAILABLE"});
  Archive archive{.rows = seen->rows,
                  .key = work.key,
                  .sha256 = absl::StrCat("sha-", tools.world.dice.Next()),
                  .store = work.store,
                  .generation = task.tenant.generation,
                  .snapshot_time = tools.world.scheduler.Now(),
                  .incomplete = tools.world.dice.Chance(1, 10)};
  absl::Status made = Toil(tools, context);
  if (made.ok()) made = TroubleWith(tools, task.tenant.uid);

  if (work.sealed) {
    const absl::Status closed = begun.session().Apply({agent::AllowConnections{database.name, false}});
    if (made.ok()) made = closed;
  }
  const absl::Status removed = RemoveMaintenance(begun, prefix, database.name);
  if (made.ok()) made = removed;
  CROFT_RETURN_IF_ERROR(made);

  // The archive first; without its manifest it does not exist.
  Archive& stored = tools.world.archives[key];
  stored = archive;
  tools.world.scheduler.Sleep(tools.world.dice.Between(absl::Milliseconds(1), absl::Seconds(1)));
  tools.world.archives[key].has_manifest = true;
  return OutcomeOf(archive);
}

// The archive, when it is there, sound and opens with the key.
absl::StatusOr<Archive> Fetch(const BackupTools& tools, const agent::BackupSource& source) {
  if (!tools.host.Reaches(source.store)) return NoStore(source.store);
  const auto found = tools.world.archives.find({source.uid, source.backup, source.store});
  if (found == tools.world.archives.end() || !found->second.has_manifest) {
    return MakeError(absl::StatusCode::kNotFound, "the store does not hold the backup",
                     {.reason = "BACKUP_MISSING"});
  }
  const Archive& archive = found->second;
  const bool sound = !archive.damaged && archive.key == source.key && archive.sha256 == source.sha256 &&
                     archive.generation == source.generation;
  if (!sound) return Damaged(source.backup);
  return archive;
}

absl::StatusOr<Outcome> Verify(const BackupTools& tools, const Task& task, const agent::VerifyWork& work,
                               TaskContext& context) {
  CROFT_RETURN_IF_ERROR(Fetch(tools, work.source).status());
  CROFT_RETURN_IF_ERROR(Toil(tools, context));
  // Read to the end only now.
  CROFT_ASSIGN_OR_RETURN(const Archive archive, Fetch(tools, work.source));
  const PlacedArchive key{work.source.uid, work.source.backup, work.source.store};
  if (archive.incomplete) {
    tools.world.incomplete_proofs.emplace(task.fencing.operation, task.fencing.step, task.fencing.attempt);
  } else {
    tools.world.archives[key].proven = true;
    tools.world.proofs[key] = archive;
  }
  return agent::Verified{.table_count = 1, .row_count = static_cast<int64_t>(archive.rows.size())};
}

absl::StatusOr<std::vector<agent::Change>> RolesToMake(const SqlTask& task,
                                                       const agent::RestoreWork& work) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<agent::RoleState> roles, task.ObserveRoles(work.logins));
  std::vector<agent::Change> changes = agent::GroupChanges(task.tenant(), roles);
  for (const agent::Login& login : work.logins) {
    // One that is there may be at work on the generation before this one.
    if (agent::FindRole(roles, login.name) != nullptr) continue;
    agent::Append(changes,
                  agent::LoginChanges(task.tenant(), login,
                                      {.connections = work.limits.connections, .open = false}, roles));
  }
  return changes;
}

// What an earlier, cut restore left is no good; a database that was let out of hand is none of ours to drop.
absl::Status MakeAnew(const SqlTask& task, const agent::RestoreWork& work,
                      const std::optional<agent::DatabaseState>& old) {
  if (old && (task.IsSealed(*old) || agent::MayConnect(*old, task.tenant().owner_role))) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "the database is there and was opened before",
                     {.reason = "DATABASE_OPEN"});
  }
  if (old) CROFT_RETURN_IF_ERROR(task.session().DropDatabase(old->name));
  const absl::Status made = task.session().CreateDatabase(task.tenant().database, work.locale);
  // Somebody's that was under way; what follows makes it the tenant's.
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  CROFT_ASSIGN_OR_RETURN(const std::optional<agent::DatabaseState> fresh, task.ObserveDatabase());
  if (!fresh)
    return MakeError(absl::StatusCode::kUnavailable, "still being made",
                     {.reason = "POSTGRES_UNAVAILABLE"});
  std::vector<agent::Change> changes =
      agent::DatabaseChanges(task.tenant(), work.limits, task.defaults(), true, *fresh);
  std::erase_if(changes, [](const agent::Change& change) {
    return std::holds_alternative<agent::TagDatabase>(change);
  });
  agent::Append(changes, agent::DoorChanges(*fresh, {}));
  changes.push_back(agent::AllowConnections{fresh->name, true});
  CROFT_RETURN_IF_ERROR(task.session().Apply(changes));
  return task.session().PrepareSchema(
      task.tenant().database, {.owner = task.tenant().owner_role, .reader = task.tenant().reader_role});
}

absl::StatusOr<Outcome> Restore(const BackupTools& tools, const Task& task, const agent::RestoreWork& work,
                                TaskContext& context) {
  CROFT_ASSIGN_OR_RETURN(const Archive archive, Fetch(tools, work.source));
  if (archive.incomplete) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "an object does not restore",
                     {.reason = "BACKUP_INCOMPLETE"});
  }
  CROFT_ASSIGN_OR_RETURN(const SqlTask begun,
                         SqlTask::Begin(tools.cluster, tools.world.dice, {}, task, context));
  CROFT_RETURN_IF_ERROR(agent::RunSteps(
      {begun.Applying("make the roles", [&] { return RolesToMake(begun, work); })}, context));
  CROFT_ASSIGN_OR_RETURN(const std::optional<agent::DatabaseState> old, begun.ObserveDatabase());
  if (old && !begun.IsSealed(*old) && agent::IsRestoredWhole(task.tenant, *old)) {
    return agent::Done{"was restored and compared before"};
  }
  CROFT_RETURN_IF_ERROR(MakeAnew(begun, work, old));
  CROFT_RETURN_IF_ERROR(Toil(tools, context));
  CROFT_ASSIGN_OR_RETURN(const agent::DatabaseState database, begun.NeedDatabase());
  CROFT_RETURN_IF_ERROR(tools.host.server.SetRows(database.name, archive.rows));
  tools.world.bases[{task.tenant.uid, task.tenant.generation}] = archive.rows;
  CROFT_RETURN_IF_ERROR(context.KeepGoing());
  CROFT_RETURN_IF_ERROR(begun.session().Apply(agent::WholeRestoreChanges(task.tenant)));
  return agent::Done{"restored and compared"};
}

absl::StatusOr<Outcome> Delete(const BackupTools& tools, const Task& task,
                               const agent::DeleteBackupWork& work, TaskContext& context) {
  if (!tools.host.Reaches(work.store)) return NoStore(work.store);
  auto& archives = tools.world.archives;
  const auto remove = [&](const std::string& backup) {
    const auto found = archives.find({task.tenant.uid, backup, work.store});
    if (found == archives.end()) return;
    found->second.has_manifest = false;
    tools.world.scheduler.Sleep(tools.world.dice.Between(absl::Milliseconds(1), absl::Milliseconds(50)));
    archives.erase({task.tenant.uid, backup, work.store});
  };
  std::vector<std::string> backups = work.backups;
  if (work.all) {
    backups.clear();
    for (const auto& [key, archive] : archives) {
      if (std::get<0>(key) == task.tenant.uid && archive.store == work.store)
        backups.push_back(std::get<1>(key));
    }
  }
  for (const std::string& backup : backups) {
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    remove(backup);
  }
  return agent::Done{"deleted"};
}

// The archive that is to be copied, when it is whole and the one that was made.
absl::StatusOr<Archive> Original(const BackupTools& tools, const Task& task,
                                 const agent::CopyBackupWork& work) {
  const auto found = tools.world.archives.find({task.tenant.uid, work.backup, work.from_store});
  if (found == tools.world.archives.end() || !found->second.has_manifest)
    return MakeError(absl::StatusCode::kNotFound, "nothing to copy", {.reason = "OBJECT_NOT_FOUND"});
  if (found->second.damaged || found->second.sha256 != work.sha256)
    return MakeError(absl::StatusCode::kDataLoss, "not what was backed up", {.reason = "COPY_DAMAGED"});
  return found->second;
}

absl::StatusOr<Outcome> Copy(const BackupTools& tools, const Task& task, const agent::CopyBackupWork& work,
                             TaskContext& context) {
  if (!tools.host.Reaches(work.from_store)) return NoStore(work.from_store);
  if (!tools.host.Reaches(work.to_store)) return NoStore(work.to_store);
  const PlacedArchive key{task.tenant.uid, work.backup, work.to_store};
  const auto there = tools.world.archives.find(key);
  if (there != tools.world.archives.end()) {
    const Archive& copy = there->second;
    if (copy.has_manifest && !copy.damaged && copy.sha256 == work.sha256)
      return agent::Done{"was copied before"};
    there->second.has_manifest = false;
  }
  CROFT_RETURN_IF_ERROR(Original(tools, task, work).status());
  CROFT_RETURN_IF_ERROR(Toil(tools, context));
  // Read to the end only now.
  CROFT_ASSIGN_OR_RETURN(Archive copy, Original(tools, task, work));
  copy.store = work.to_store;
  copy.has_manifest = copy.proven = false;
  tools.world.archives[key] = std::move(copy);
  tools.world.scheduler.Sleep(tools.world.dice.Between(absl::Milliseconds(1), absl::Seconds(1)));
  tools.world.archives[key].has_manifest = true;
  tools.world.tally.Work("archives copied");
  return agent::Done{"copied"};
}

// `run` bound to `tools`, which may be asked for as long as the runner lives.
template <typename W>
void Add(agent::TaskRunner& runner, const BackupTools& tools,
         absl::StatusOr<Outcome> (*run)(const BackupTools&, const Task&, const W&, TaskContext&)) {
  runner.Register<W>([tools, run](const Task& task, const W& work, TaskContext& context) {
    return run(tools, task, work, context);
  });
}

}  // namespace

void RegisterModelledBackups(agent::TaskRunner& runner, BackupTools tools) {
  Add<agent::BackUpWork>(runner, tools, BackUp);
  Add<agent::VerifyWork>(runner, tools, Verify);
  Add<agent::RestoreWork>(runner, tools, Restore);
  Add<agent::DeleteBackupWork>(runner, tools, Delete);
  Add<agent::CopyBackupWork>(runner, tools, Copy);
}

}  // namespace croft::sim
