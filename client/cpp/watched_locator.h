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

  // A call that may wait for an answer, for which the end of the locator waits.
  class Waiting {
   public:
    explicit Waiting(WatchedLocator& locator);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    WatchedLocator& locator_;
  };

  absl::StatusOr<Located> FromKnowledge(const Knowledge& knowledge) const;
  bool IsFresh(const Knowledge& knowledge) const;
  // What was denied a moment ago and need not be asked again.
  std::optional<absl::Status> RecentDenial(const std::string& name);
  // Asks again for what is known, and answers what is known when nobody can be asked.
  absl::StatusOr<Located> Refresh(const std::string& name, const Knowledge& known);
  // Joins the question for `name` that is under way, or asks it.
  absl::StatusOr<Located> Ask(const std::string& name);
  absl::StatusOr<Located> AskRemote(const std::string& name);
  absl::StatusOr<Located> TakeAnswer(const std::string& name, const Remote::Answer& answer);

  void LoadSnapshot();
  void SaveSnapshot();
  void WatchLoop();
  // An error ends the stream: it comes from a control plane that is behind what is known here.
  absl::Status Take(const WatchedBatch& batch);
  void TakeChange(const WatchedChange& change);
  void FinishFirstSnapshot();
  void Announce(const std::string& tenant);
  // Sleeps, unless it is time to end.
  void Pause(std::chrono::milliseconds duration);
  bool InForkedChild() const;

  const Options options_;
  std::unique_ptr<Remote> remote_;
  const std::optional<SnapshotFile> snapshot_;
  const uint64_t fork_generation_;
  Cache cache_;

  // Of the watch thread alone.
  std::optional<Cursor> cursor_;
  Cursor furthest_;  // that a watch ever came to
  TimePoint snapshot_began_;
  TimePoint snapshot_saved_;
  bool snapshot_dirty_ = false;

  // The highest ever heard of: what an earlier one says is history.
  std::atomic<int64_t> epoch_{0};
  // Steady time in nanoseconds when the watch last spoke, 0 while the cache is not whole.
  std::atomic<int64_t> heard_ns_{0};
  // How long an answer holds without word from the control plane.
  std::atomic<int64_t> ttl_ns_;
  // Steady time in nanoseconds before which nobody is asked again for what is known.
  std::atomic<int64_t> ask_after_ns_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  bool ready_ = false;
  int waiting_ = 0;
  std::map<std::string, Flight> flights_;
  std::map<std::string, Denial> denials_;

  // Held while the callback runs, which may ask.
  std::recursive_mutex announcing_;
  std::function<void(const Change&)> callback_;

  std::thread watcher_;
};

}  // namespace croft::client
