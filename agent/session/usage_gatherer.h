#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "agent/postgres/timeout.h"
#include "agent/postgres/usage_reader.h"
#include "agent/session/usage_ledger.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// `samples` as messages of at most `kDatabasesAReport` databases, looked at at `now`. Empty for no samples. Pure.
constexpr size_t kDatabasesAReport = 1000;
[[nodiscard]] std::vector<v1::UsageReport> UsageReports(const std::vector<UsageSample>& samples,
                                                        absl::Time now);

// Looks at what tenants' databases use as often as the control plane asks, and tells it what changed. Each round takes
// one query for all databases, and measures the sizes of as many as the time for that allows: kShare of the round, saved
// up to kMostSaved. What one large database takes beyond that is taken from the rounds that follow. Thread-safe.
class UsageGatherer {
 public:
  static constexpr double kShare = 0.005;
  static constexpr absl::Duration kMostSaved = absl::Seconds(2);
  static constexpr size_t kMeasuredAtOnce = 16;

  struct Source {
    // See UsageReader.
    std::function<absl::StatusOr<std::vector<DatabaseUsage>>(const Timeout&)> read_all;
    std::function<absl::StatusOr<std::map<int64_t, std::optional<int64_t>>>(const std::vector<int64_t>&,
                                                                            const Timeout&)>
        read_sizes;
  };
  using Send = std::function<void(v1::UsageReport)>;

  // Begins to look when Ask() says so. `send` is called on a thread of its own.
  UsageGatherer(Source source, Send send);
  // Stops.
  ~UsageGatherer();

  // A session began whose control plane wants to be told every `interval`, from now on and of everything first; with a
  // zero interval it does not, and nothing is looked at.
  void Ask(absl::Duration interval);
  void Stop();

 private:
  void Run();
  // False when it is to stop.
  bool AwaitTurn();
  void Look(absl::Duration interval);
  absl::Status LookOnce();
  absl::Status Measure();
  void NoteDenied(size_t denied);
  Timeout TimeLimit() const;

  const Source source_;
  const Send send_;

  // Of the thread.
  UsageLedger ledger_;
  absl::Duration saved_ = kMostSaved;
  bool failing_ = false;
  bool denied_ = false;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool begins_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::thread thread_;
};

}  // namespace croft::agent
