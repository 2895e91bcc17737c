// Keeps the ids of the work that a thread does.

#include "common/work_scope.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

namespace croft {
namespace {

thread_local Work current;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

WorkScope::WorkScope(Work work) : before_(std::exchange(current, std::move(work))) {}

WorkScope::~WorkScope() { current = std::move(before_); }

const Work& CurrentWork() { return current; }

std::string TraceIdOf(const std::string& traceparent) {
  constexpr size_t kTraceIdLength = 32;
  const std::vector<absl::string_view> parts = absl::StrSplit(traceparent, '-');
  const bool looks_right = parts.size() >= 4 && parts[0].size() == 2 && parts[0] != "ff" &&
                           parts[1].size() == kTraceIdLength && parts[2].size() == 16 &&
                           parts[3].size() == 2 && IsLowerHex(parts[0]) && IsLowerHex(parts[1]) &&
                           IsLowerHex(parts[2]) && IsLowerHex(parts[3]) &&
                           parts[1].find_first_not_of('0') != absl::string_view::npos;
  return looks_right ? std::string(parts[1]) : "";
}

}  // namespace croft
