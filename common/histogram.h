#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <absl/time/time.h>

namespace croft {

// Counts durations by upper bounds. Thread-safe. Observe never waits: it is two relaxed additions, so that it can
// stand in the path of a lookup.
class Histogram {
 public:
  // `bounds` rise and are not empty. A duration counts for the first bound that it does not exceed.
  explicit Histogram(std::vector<absl::Duration> bounds);

  void Observe(absl::Duration took);

  struct Snapshot {
    std::vector<absl::Duration> bounds;
    std::vector<int64_t> counts;  // one for each bound, and a last one for what exceeds all of them
    absl::Duration sum;

    int64_t count() const;
  };
  // Not one moment: observations that run meanwhile may be in a count and not yet in the sum.
  Snapshot Read() const;

 private:
  const std::vector<absl::Duration> bounds_;
  std::vector<std::atomic<int64_t>> counts_;
  std::atomic<int64_t> sum_nanoseconds_ = 0;
};

}  // namespace croft
