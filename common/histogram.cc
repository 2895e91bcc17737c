// Counts durations in buckets.

#include "common/histogram.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace croft {

Histogram::Histogram(std::vector<absl::Duration> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::Observe(absl::Duration took) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), took);
  counts_[static_cast<size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_nanoseconds_.fetch_add(absl::ToInt64Nanoseconds(took), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot{.bounds = bounds_};
  snapshot.sum = absl::Nanoseconds(sum_nanoseconds_.load(std::memory_order_relaxed));
  for (const std::atomic<int64_t>& count : counts_) {
    snapshot.counts.push_back(count.load(std::memory_order_relaxed));
  }
  return snapshot;
}

int64_t Histogram::Snapshot::count() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

}  // namespace croft
