#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/usage/usage.h"
#include "controlplane/usage/usage_file.h"

namespace croft::usage {

// Keeps what agents tell of usage, in a file of its own and with a thread of its own, and answers from it. Nothing else
// waits for it, and none of its troubles stops the process: what cannot be written is dropped and said so once; a file
// that is damaged, or is none of ours, is set aside as PATH.set-aside and begun anew. Thread-safe.
class UsageKeeper {
 public:
  struct Limits {
    absl::Duration keep = absl::Hours(24 * 30);
    // Of the file: beyond it the oldest hours go, and databases that are not known are not taken in.
    int64_t most_bytes = int64_t{4} << 30;
    // Of the disk: below it nothing is written, since the catalog may need what is left.
    int64_t least_free_bytes = int64_t{256} << 20;
    // Reports that wait; more are dropped. An agent tells all again within the hour.
    size_t most_waiting = 500'000;
    // Between two commits.
    absl::Duration pace = absl::Seconds(1);
    // After a failure, until the file is tried again.
    absl::Duration retry = absl::Seconds(30);
  };

  // `clock` outlives it.
  UsageKeeper(std::string path, const Clock& clock);
  UsageKeeper(std::string path, const Clock& clock, Limits limits);
  // Stops.
  ~UsageKeeper();
  UsageKeeper(const UsageKeeper&) = delete;
  UsageKeeper& operator=(const UsageKeeper&) = delete;

  // Opens the file in its own thread.
  void Start();
  // Writes what waits.
  void Stop();

  // Never waits for the disk.
  void Note(const std::string& host, std::vector<Report> reports);

  // Those of UsageReader. UNAVAILABLE, USAGE_UNAVAILABLE, while the file cannot be read.
  absl::StatusOr<std::optional<Usage>> Find(const std::string& uid, const std::string& host);
  absl::StatusOr<std::vector<Hour>> Hours(int64_t id, absl::Time since);
  absl::StatusOr<std::vector<Ranked>> List(Order order, const Position& after, int32_t limit);

 private:
  void Run();
  // Nothing when it is to stop and nothing waits.
  std::optional<std::vector<UsageWriter::HostReports>> NextBatch();
  void Write(const std::vector<UsageWriter::HostReports>& batch);
  absl::Status TryToWrite(const std::vector<UsageWriter::HostReports>& batch);
  absl::Status Open();
  absl::Status OpenOrSetAside();
  void SetAside(const absl::Status& why);
  absl::Status CheckDisk() const;
  absl::Status Prune();
  void Close();
  void NoteOutcome(const absl::Status& status);

  template <typename Answer>
  absl::StatusOr<Answer> Read(const std::function<absl::StatusOr<Answer>(UsageReader&)>& read);

  const std::string path_;
  const Clock& clock_;
  const Limits limits_;

  // Of the thread.
  std::unique_ptr<UsageWriter> writer_;
  absl::Time try_again_ = absl::InfinitePast();
  absl::Time pruned_ = absl::InfinitePast();
  bool failing_ = false;
  bool full_ = false;

  Mutex read_mutex_;
  std::unique_ptr<UsageReader> reader_ ABSL_GUARDED_BY(read_mutex_);

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool dropping_ ABSL_GUARDED_BY(mutex_) = false;
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // reports
  std::deque<UsageWriter::HostReports> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::usage
