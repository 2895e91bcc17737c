#pragma once

#include <atomic>
#include <cstdint>

#include "common/sync.h"
#include "controlplane/catalog/catalog.h"

namespace croft::catalog {

// Holds answers back until the listeners of commits know what they show. A commit can be read from the catalog a moment
// before the lookup index and the other listeners have it: a caller who was shown that an operation has ended would then
// look its tenant up in vain. Thread-safe.
class CommitBarrier {
 public:
  // `catalog` outlives it. The listeners know everything committed so far.
  explicit CommitBarrier(Catalog& catalog);
  CommitBarrier(const CommitBarrier&) = delete;
  CommitBarrier& operator=(const CommitBarrier&) = delete;

  // The one thread that commits calls these: before each commit, and when all its listeners have returned.
  void Begin();
  void End(domain::Revision revision);

  // Returns when the listeners know everything that a read of the catalog before this call can have seen. Costs nothing
  // while no commit is under way, and never waits for a commit that cannot be read yet. Listeners must not call it.
  void Await();

 private:
  Catalog& catalog_;
  std::atomic<uint64_t> begun_ = 0;
  std::atomic<uint64_t> ended_ = 0;
  Mutex mutex_;
  CondVar changed_;
  int64_t known_ ABSL_GUARDED_BY(mutex_);  // to all listeners: the newest revision
};

}  // namespace croft::catalog
