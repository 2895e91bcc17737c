// Keeps answers from running ahead of what is told of commits.

#include "controlplane/catalog/commit_barrier.h"

#include "common/log.h"

namespace croft::catalog {

CommitBarrier::CommitBarrier(Catalog& catalog) : catalog_(catalog), told_(catalog.revision().revision) {}

void CommitBarrier::Begin() { ++begun_; }

void CommitBarrier::Told(domain::Revision revision) {
  {
    const MutexLock lock(mutex_);
    told_ = revision.revision;
    ended_ = begun_.load();
  }
  changed_.NotifyAll();
}

void CommitBarrier::Await() {
  if (ended_ == begun_) return;
  const absl::StatusOr<domain::Revision> committed = catalog_.CommittedRevision();
  if (!committed.ok()) {
    log::Error("the revision of the catalog cannot be read", {{"error", log::Text(committed.status())}});
    return;
  }
  const MutexLock lock(mutex_);
  while (told_ < committed->revision) changed_.Wait(mutex_);
}

}  // namespace croft::catalog
