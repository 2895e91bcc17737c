// Delete backup: removes backups of a tenant from a store, or all that the store holds of the tenant.

#include <absl/strings/str_cat.h>

#include "agent/backup/manifest.h"
#include "agent/tasks/backup_job.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

// The manifest goes first: what is left of a backup that was deleted by half is none.
absl::Status DeleteOne(Store& store, absl::string_view uid, absl::string_view backup) {
  CROFT_RETURN_IF_ERROR(store.Delete(ManifestObject(uid, backup)));
  return store.Delete(ArchiveObject(uid, backup));
}

}  // namespace

DeleteBackupWork DeleteBackupWork::FromProto(const v1::Task& task) {
  const v1::DeleteBackupWork& work = task.delete_backup();
  return {
      .store = work.store(), .backups = {work.backups().begin(), work.backups().end()}, .all = work.all()};
}

absl::StatusOr<Outcome> Run(const BackupJob& job, const DeleteBackupWork& work) {
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

}  // namespace croft::agent
