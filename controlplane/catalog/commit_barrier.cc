// Holds answers back until the listeners of commits know what they show.

#include "controlplane/catalog/commit_barrier.h"

#include "common/log.h"

namespace croft::catalog {

CommitBarrier::CommitBarrier(Catalog& catalog) : catalog_(catalog), known_(catalog.revision().revision) {}

void CommitBarrier::Begin() { ++begun_; }

void CommitBarrier::End(domain::Revision revision) {
  {
    const MutexLock lock(mutex_);
    known_ = revision.revision;
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
  while (known_ < committed->revision) changed_.Wait(mutex_);
}

}  // namespace croft::catalog
