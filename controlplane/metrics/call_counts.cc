// Counts calls by method and code.

#include "controlplane/metrics/call_counts.h"

namespace croft::metrics {
namespace {

// A lookup takes tens of microseconds; a call that waits for the writer takes milliseconds.
std::vector<absl::Duration> Bounds() {
  return {
      absl::Microseconds(50),  absl::Microseconds(100),  absl::Microseconds(250),  absl::Microseconds(500),
      absl::Milliseconds(1),   absl::Microseconds(2500), absl::Milliseconds(5),    absl::Milliseconds(10),
      absl::Milliseconds(25),  absl::Milliseconds(50),   absl::Milliseconds(100),  absl::Milliseconds(250),
      absl::Milliseconds(500), absl::Seconds(1),         absl::Milliseconds(2500), absl::Seconds(10)};
}

}  // namespace

CallCounts::Method::Method(std::string name, bool unary, bool counts)
    : name_(std::move(name)), unary_(unary), counts_(counts), took_(Bounds()) {}

void CallCounts::Method::Count(absl::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  ended_[index < kCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown)].fetch_add(
      1, std::memory_order_relaxed);
}

void CallCounts::Method::Ended(absl::StatusCode code, absl::Duration took) {
  if (!counts_) return;
  Count(code);
  took_.Observe(took);
}

void CallCounts::Method::StreamOpened() {
  if (counts_) open_.fetch_add(1, std::memory_order_relaxed);
}

void CallCounts::Method::StreamEnded(absl::StatusCode code) {
  if (!counts_) return;
  open_.fetch_sub(1, std::memory_order_relaxed);
  Count(code);
}

CallFigures CallCounts::Method::Read() const {
  CallFigures figures{.method = name_, .open = open_.load(std::memory_order_relaxed)};
  for (size_t code = 0; code < kCodes; ++code) {
    const int64_t count = ended_[code].load(std::memory_order_relaxed);
    if (count > 0) figures.ended[static_cast<absl::StatusCode>(code)] = count;
  }
  if (unary_ && !figures.ended.empty()) figures.took = took_.Read();
  return figures;
}

std::vector<CallFigures> CallCounts::Read() const {
  std::vector<CallFigures> all;
  for (const Method& method : methods_) {
    CallFigures figures = method.Read();
    if (!figures.ended.empty() || figures.open > 0) all.push_back(std::move(figures));
  }
  return all;
}

}  // namespace croft::metrics
