#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "controlplane/server/writer.h"

namespace croft::server {

// Tells several of a commit, in the order given.
class CommitFanout final : public CommitListener {
 public:
  using Listener = std::function<void(const std::vector<catalog::Change>&, domain::Revision)>;

  explicit CommitFanout(std::vector<Listener> listeners) : listeners_(std::move(listeners)) {}

  void OnCommit(const std::vector<catalog::Change>& changes, domain::Revision revision) override {
    for (const Listener& listener : listeners_) listener(changes, revision);
  }

 private:
  const std::vector<Listener> listeners_;
};

}  // namespace croft::server
