#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/sync.h"
#include "controlplane/fleet/exports.h"

namespace croft::handlers {

// Hosts whose agents say what a test has them say. Thread-safe.
class ScriptedExports final : public fleet::ExportSource {
 public:
  // What agents were sent.
  struct Sent {
    std::string host;
    v1::ConnectResponse message;
  };
  std::vector<Sent> sent() {
    const MutexLock lock(mutex_);
    return sent_;
  }
  void Say(const std::string& host, const v1::ExportPart& part) { exports_.OnPart(host, part); }
  void Lose(const std::string& host, const absl::Status& why) { exports_.Fail(host, why); }

  std::unique_ptr<fleet::ExportStream> Export(const std::string& host, const v1::BackupSource& source,
                                              std::function<void()> wake) override {
    return exports_.Begin(host, source, std::move(wake));
  }

 private:
  Mutex mutex_;
  std::vector<Sent> sent_ ABSL_GUARDED_BY(mutex_);
  fleet::Exports exports_{[this](const std::string& host, const v1::ConnectResponse& message) {
    const MutexLock lock(mutex_);
    sent_.push_back({host, message});
  }};
};

}  // namespace croft::handlers
