#pragma once

#include <string>
#include <vector>

namespace croft::agent {

// In the order of gravity. finding.proto says what each part means.
enum class Severity { kNote, kMissing, kDifferent };

struct Finding {
  Severity severity = Severity::kNote;
  std::string reason;
  std::string object;
  std::string owner;
  std::string message;
  std::string postgres_message;
  std::string remedy;

  friend bool operator==(const Finding&, const Finding&) = default;
};

// At most so many travel and are stored; the rest is counted.
inline constexpr size_t kMostFindings = 100;

}  // namespace croft::agent
