// Registers the tasks that make, restore, verify and delete backups.

#include "agent/tasks/backup_tasks.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/backup/manifest.h"
#include "agent/tasks/backup_job.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

// The manifest goes first: what is left of a backup that was deleted by half is none.
absl::Status DeleteOne(Store& store, absl::string_view uid, absl::string_view backup) {
  CROFT_RETURN_IF_ERROR(store.Delete(ManifestObject(uid, backup)));
  return store.Delete(ArchiveObject(uid, backup));
}

absl::StatusOr<Outcome> RunDeleteBackup(const BackupJob& job, const DeleteBackupWork& work) {
  CROFT_ASSIGN_OR_RETURN(Store* const store, job.FindStore(work.store));
  if (work.all) {
    CROFT_RETURN_IF_ERROR(store->DeleteAll(job.tenant().uid));
    return Done{"all backups and the wrapped data key are gone"};
  }
  for (const std::string& backup : work.backups) {
    CROFT_RETURN_IF_ERROR(job.context().KeepGoing());
    CROFT_RETURN_IF_ERROR(DeleteOne(*store, job.tenant().uid, backup));
  }
  return Done{absl::StrCat("backups deleted: ", work.backups.size())};
}

template <typename W>
TaskRunner::Handler<W> As(const BackupTools& tools,
                          absl::StatusOr<Outcome> (*run)(const BackupJob&, const W&)) {
  return [tools, run](const Task& task, const W& work, TaskContext& context) {
    return run(BackupJob(tools, task, context), work);
  };
}

}  // namespace

void RegisterBackupTasks(TaskRunner& runner, BackupTools tools) {
  runner.Register<BackUpWork>(As(tools, RunBackUp));
  runner.Register<VerifyWork>(As(tools, RunVerify));
  runner.Register<RestoreWork>(As(tools, RunRestore));
  runner.Register<DeleteBackupWork>(As(tools, RunDeleteBackup));
}

}  // namespace croft::agent
