#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/clock.h>

#include "common/sync.h"
#include "controlplane/engine/engine.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/keyring/key_store.h"

namespace croft::handlers {

// Agents that do at once, and well, whatever they are sent, unless a test holds them back or has them fail.
// Reports come from a thread of its own, as they do from real ones.
class ScriptedFleet final : public engine::EffectExecutor {
 public:
  ScriptedFleet(engine::EventQueue& event_queue, keyring::KeyStore& keys)
      : event_queue_(event_queue), keys_(keys), thread_([this] { Run(); }) {}
  ~ScriptedFleet() override {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }

  // Tasks of this kind are taken but not worked on until Release.
  void Hold(domain::TaskKind kind) {
    const MutexLock lock(mutex_);
    held_.insert(kind);
  }
  void Release() {
    const MutexLock lock(mutex_);
    held_.clear();
    changed_.NotifyAll();
  }
  // The next task of this kind fails for good.
  void FailNext(domain::TaskKind kind) {
    const MutexLock lock(mutex_);
    failing_ = kind;
  }
  // Tasks that were sent, in order.
  std::vector<engine::SendTask> sent() {
    const MutexLock lock(mutex_);
    return sent_;
  }

  void Send(const engine::SendTask& task) override {
    const MutexLock lock(mutex_);
    sent_.push_back(task);
    waiting_.push_back(task);
    changed_.NotifyAll();
  }
  void Cancel(const engine::CancelTask&) override {}
  void Acknowledge(const engine::AcknowledgeTask&) override {}
  void Compare(const engine::CompareInventory&) override {}
  void Erase(const engine::EraseKey& erase) override {
    EXPECT_TRUE(keys_.Destroy(erase.uid).ok());
    event_queue_.Post(engine::KeyErased{erase.fencing, engine::RecordOf(erase, absl::Now())});
  }
  void End(const engine::EndSession&) override {}

 private:
  void Run() {
    for (;;) {
      std::optional<engine::TaskReport> report;
      {
        const MutexLock lock(mutex_);
        while (!ending_ &&
               (waiting_.empty() || held_.count(domain::KindOf(waiting_.front().step.task)) > 0)) {
          changed_.Wait(mutex_);
        }
        if (ending_) return;
        report = ReportOn(waiting_.front());
        waiting_.pop_front();
      }
      event_queue_.Post(*std::move(report));
    }
  }

  engine::TaskReport ReportOn(const engine::SendTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    engine::TaskReport report{
        .host = task.host, .fencing = task.fencing, .outcome = engine::TaskDone{"done"}};
    if (failing_ == domain::KindOf(task.step.task)) {
      failing_.reset();
      report.outcome = engine::TaskError{.reason = "DISK_FULL", .message = "no room on the disk"};
    } else if (std::holds_alternative<domain::BackUpTask>(task.step.task)) {
      report.outcome =
          engine::BackedUp{.size_bytes = 17, .sha256 = std::string(64, 'a'), .server_version = "15.20"};
    } else if (std::holds_alternative<domain::VerifyTask>(task.step.task)) {
      report.outcome = engine::Verified{};
    }
    return report;
  }

  engine::EventQueue& event_queue_;
  keyring::KeyStore& keys_;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<domain::TaskKind> held_ ABSL_GUARDED_BY(mutex_);
  std::optional<domain::TaskKind> failing_ ABSL_GUARDED_BY(mutex_);
  std::deque<engine::SendTask> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<engine::SendTask> sent_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::handlers
