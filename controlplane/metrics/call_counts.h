#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/histogram.h"
#include "controlplane/metrics/figures.h"

namespace croft::metrics {

// Calls by method and code, and how long unary ones took. Methods are added before calls come; from then on it is
// thread-safe, and counting never waits.
class CallCounts {
 public:
  class Method {
   public:
    Method(std::string name, bool unary, bool counts);

    void Ended(absl::StatusCode code, absl::Duration took);
    void StreamOpened();
    void StreamEnded(absl::StatusCode code);

   private:
    friend class CallCounts;
    static constexpr size_t kCodes = 17;

    void Count(absl::StatusCode code);
    CallFigures Read() const;

    const std::string name_;
    const bool unary_;
    const bool counts_;
    std::array<std::atomic<int64_t>, kCodes> ended_{};
    std::atomic<int64_t> open_ = 0;
    Histogram took_;
  };

  // `counts`: whether anybody reads this; otherwise counting does nothing.
  explicit CallCounts(bool counts = true) : counts_(counts) {}

  // `name` is such as "LookupService/Lookup". The answer lives as long as this.
  Method& Add(std::string name, bool unary) {
    return methods_.emplace_back(std::move(name), unary, counts_);
  }

  // Methods that were called.
  std::vector<CallFigures> Read() const;

 private:
  const bool counts_;
  std::deque<Method> methods_;
};

}  // namespace croft::metrics
