#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/sync.h"
#include "controlplane/domain/errors.h"
#include "controlplane/fleet/inventories.h"

namespace croft::handlers {

// Agents that answer with what a test has laid out, at once; those of which it says nothing are gone.
class ScriptedInventories final : public fleet::InventorySource {
 public:
  void Lay(domain::Inventory inventory) {
    const MutexLock lock(mutex_);
    std::string host = inventory.host;
    laid_[std::move(host)] = std::move(inventory);
  }
  // Never responds.
  void Mute(const std::string& host) {
    const MutexLock lock(mutex_);
    mute_.push_back(host);
  }
  // Those that were asked and heard nothing are told that the host is gone.
  void AnswerMute() {
    std::vector<fleet::InventoryCallback> waiting;
    {
      const MutexLock lock(mutex_);
      waiting.swap(waiting_);
      mute_.clear();
    }
    for (const fleet::InventoryCallback& told : waiting) told(domain::HostUnreachable("mute"));
  }
  // Called whenever a host is asked, before it answers.
  void WhenAsked(std::function<void()> hook) {
    const MutexLock lock(mutex_);
    when_asked_ = std::move(hook);
  }
  int asked_times(const std::string& host) {
    const MutexLock lock(mutex_);
    return asked_times_[host];
  }
  // Which stores each host was asked to look into, last.
  std::map<std::string, std::vector<std::string>> asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }

  void AskInventory(const std::string& host, const fleet::InventoryAsk& ask,
                    fleet::InventoryCallback told) override {
    absl::StatusOr<domain::Inventory> answer = domain::HostUnreachable(host);
    if (const auto hook = when_asked()) hook();
    {
      const MutexLock lock(mutex_);
      asked_[host] = ask.stores;
      ++asked_times_[host];
      for (const std::string& mute : mute_) {
        if (mute != host) continue;
        waiting_.push_back(std::move(told));
        return;
      }
      if (const auto found = laid_.find(host); found != laid_.end()) answer = found->second;
    }
    if (answer.ok() && ask.on_stored) {
      ask.on_stored(std::exchange(answer->backups, {}), std::exchange(answer->keys, {}));
    }
    told(std::move(answer));
  }

 private:
  std::function<void()> when_asked() {
    const MutexLock lock(mutex_);
    return when_asked_;
  }

  Mutex mutex_;
  std::function<void()> when_asked_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, domain::Inventory> laid_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> mute_ ABSL_GUARDED_BY(mutex_);
  std::vector<fleet::InventoryCallback> waiting_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> asked_times_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::handlers
