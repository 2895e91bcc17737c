#pragma once

#include <atomic>
#include <cstdint>

#include "common/sync.h"
#include "controlplane/catalog/catalog.h"

namespace croft::catalog {

// Keeps answers from running ahead of what is told of commits. A commit can be read from the catalog a moment before
// the lookup index and all else that follows commits has it: a caller who was shown that an operation has ended would
// then look its tenant up in vain. Thread-safe.
class CommitBarrier {
 public:
  // `catalog` outlives it. Everything committed so far has been told.
  explicit CommitBarrier(Catalog& catalog);
  CommitBarrier(const CommitBarrier&) = delete;
  CommitBarrier& operator=(const CommitBarrier&) = delete;

  // The one thread that commits calls these: before each commit, and when everybody who follows commits has been told.
  void Begin();
  void Told(domain::Revision revision);

  // Returns when everything that a read of the catalog before this call can have seen has been told. Costs nothing
  // while no commit is under way; waits for no commit that cannot be read yet, however long that takes. Not to be
  // called by those who are told.
  void Await();

 private:
  Catalog& catalog_;
  std::atomic<uint64_t> begun_ = 0;
  std::atomic<uint64_t> ended_ = 0;
  Mutex mutex_;
  CondVar changed_;
  int64_t told_ ABSL_GUARDED_BY(mutex_);  // the newest revision
};

}  // namespace croft::catalog
