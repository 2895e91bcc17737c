#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "controlplane/catalog/commit_barrier.h"
#include "controlplane/server/writer.h"

namespace croft::server {

// Notifies several listeners of each commit, in order, and then lets answers that know of it go.
class CommitFanout final : public CommitListener {
 public:
  using Listener = std::function<void(const std::vector<catalog::Change>&, domain::Revision)>;

  // `barrier` outlives it.
  CommitFanout(catalog::CommitBarrier& barrier, std::vector<Listener> listeners)
      : barrier_(barrier), listeners_(std::move(listeners)) {}

  void OnCommitBegins() override { barrier_.Begin(); }
  void OnCommit(const std::vector<catalog::Change>& changes, domain::Revision revision) override {
    for (const Listener& listener : listeners_) listener(changes, revision);
    barrier_.End(revision);
  }

 private:
  catalog::CommitBarrier& barrier_;
  const std::vector<Listener> listeners_;
};

}  // namespace croft::server
