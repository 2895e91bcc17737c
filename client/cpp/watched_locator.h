#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "client/cpp/cache.h"
#include "client/cpp/remote.h"
#include "client/cpp/snapshot.h"
#include "croft/locator.h"

namespace croft::client {

// The Locator that asks a control plane: a cache, a thread that keeps it true, and single flights for misses.
class WatchedLocator final : public Locator {
 public:
  WatchedLocator(Options options, std::unique_ptr<Remote> remote, std::optional<SnapshotFile> snapshot);
  ~WatchedLocator() override;

  absl::StatusOr<Located> Locate(std::string_view tenant) override;
  absl::StatusOr<Located> OnConnectionRejected(std::string_view tenant) override;
  void OnChange(std::function<void(const Change&)> callback) override;
  bool WaitUntilReady(std::chrono::steady_clock::time_point deadline) override;

 private:
  using Flight = std::shared_future<absl::StatusOr<Located>>;
  struct Denial {
    absl::Status status;
    TimePoint until;
  };

  absl::StatusOr<Located> FromKnowledge(const Knowledge& knowledge) const;
  bool IsFresh(const Knowledge& knowledge) const;
  // What was denied a moment ago and need not be asked again.
  std::optional<absl::Status> RecentDenial(const std::string& name);
  // Joins the question for `name` that is under way, or asks it.
  absl::StatusOr<Located> Ask(const std::string& name);
  absl::StatusOr<Located> AskRemote(const std::string& name);

  void LoadSnapshot();
  void SaveSnapshot();
  void WatchLoop();
  void Take(const WatchedBatch& batch);
  void TakeChange(const WatchedChange& change);
  void FinishFirstSnapshot();
  void Announce(const std::string& tenant);
  // Sleeps, unless it is time to end.
  void Pause(std::chrono::milliseconds duration);
  bool InForkedChild() const;

  const Options options_;
  const std::unique_ptr<Remote> remote_;
  const std::optional<SnapshotFile> snapshot_;
  const uint64_t fork_generation_;
  Cache cache_;

  // Of the watch thread alone.
  std::optional<Cursor> cursor_;
  TimePoint snapshot_began_;
  TimePoint snapshot_saved_;
  bool snapshot_dirty_ = false;

  // Steady time in nanoseconds when the watch last spoke, 0 while the cache is not whole.
  std::atomic<int64_t> heard_ns_{0};
  // How long an answer holds without word from the control plane.
  std::atomic<int64_t> ttl_ns_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  bool ready_ = false;
  std::map<std::string, Flight> flights_;
  std::map<std::string, Denial> denials_;
  std::function<void(const Change&)> callback_;

  std::thread watcher_;
};

}  // namespace croft::client
