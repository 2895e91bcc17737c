#include "agent/tasks/backup_tasks.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/manifest.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

absl::StatusOr<Store*> FindStore(const BackupTools& tools, absl::string_view id) {
  for (const std::unique_ptr<Store>& store : tools.stores) {
    if (store->id() == id) return store.get();
  }
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("this agent does not reach the backup store ", id, "; name it with --store"),
      {.reason = "STORE_NOT_REACHED", .metadata = {{"store", std::string(id)}}});
}

// The manifest goes first: what is left of a backup that was deleted by half is none.
absl::Status DeleteOne(Store& store, absl::string_view uid, absl::string_view backup) {
  CROFT_RETURN_IF_ERROR(store.Delete(ManifestObject(uid, backup)));
  return store.Delete(ArchiveObject(uid, backup));
}

absl::StatusOr<Outcome> DeleteBackups(const BackupTools& tools, const Task& task,
                                      const DeleteBackupWork& work, TaskContext& context) {
  CROFT_ASSIGN_OR_RETURN(Store* const store, FindStore(tools, work.store));
  if (work.all) {
    CROFT_RETURN_IF_ERROR(store->DeleteAll(task.tenant.uid));
    return Done{"all backups and the wrapped data key are gone"};
  }
  for (const std::string& backup : work.backups) {
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    CROFT_RETURN_IF_ERROR(DeleteOne(*store, task.tenant.uid, backup));
  }
  return Done{absl::StrCat("backups deleted: ", work.backups.size())};
}

}  // namespace

void RegisterBackupTasks(TaskRunner& runner, BackupTools tools) {
  runner.Register<DeleteBackupWork>(
      [tools](const Task& task, const DeleteBackupWork& work, TaskContext& context) {
        return DeleteBackups(tools, task, work, context);
      });
}

}  // namespace croft::agent
