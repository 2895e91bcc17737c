#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/access/principal.h"

// Limits the calls of each identity.
namespace croft::server {

struct LimitOptions {
  double calls_per_second = 5000;  // of one identity, in the long run
  double burst = 10'000;           // calls that it may make at once
  size_t streams = 2000;           // that it may hold open
  // Of one address, for calls that show no identity or a wrong one.
  double strangers_per_second = 200;
  double strangers_burst = 1000;
  size_t most_callers = 10'000;  // that are told apart
};

// How many calls each identity may make. The administrator is not limited, so that somebody can get in whatever
// the others do. Thread-safe; its memory is bounded.
class CallLimits {
 public:
  // `clock` outlives it.
  CallLimits(const LimitOptions& options, const Clock& clock)
      : clock_(clock), most_callers_(options.most_callers), options_(options) {}

  // Calls from now on are counted by `options`; `most_callers` stays.
  void Change(const LimitOptions& options);

  // RESOURCE_EXHAUSTED, RATE_LIMITED, with the time after which one call more is allowed.
  absl::Status Take(const access::Principal& principal);
  // `peer` as gRPC writes it, such as `ipv4:10.0.0.1:4242`.
  absl::Status TakeOfStranger(absl::string_view peer);

  // Streams that the principal may hold open.
  size_t MostStreams(const access::Principal& principal) const;

 private:
  struct Bucket {
    double calls = 0;
    absl::Time filled;
  };

  LimitOptions options() const;
  absl::Status Take(const std::string& key, double rate, double burst);
  // Buckets that are full again say nothing. Where none is, all who are new share one.
  std::string MakeRoom(const std::string& key, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const size_t most_callers_;
  mutable Mutex mutex_;
  LimitOptions options_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// `peer` without its port.
[[nodiscard]] absl::string_view AddressOf(absl::string_view peer);

}  // namespace croft::server
