#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

// What a backup, its proof or a restore says about single objects of a tenant's database.
namespace croft::domain {

// In the order of gravity. proto/croft/v1/finding.proto says what each means.
enum class FindingSeverity { kNote, kMissing, kDifferent };

constexpr absl::string_view NameOf(FindingSeverity value) {
  switch (value) {
    case FindingSeverity::kNote: return "NOTE";
    case FindingSeverity::kMissing: return "MISSING";
    case FindingSeverity::kDifferent: return "DIFFERENT";
  }
  return "";
}

struct Finding {
  FindingSeverity severity = FindingSeverity::kNote;
  std::string reason;
  std::string object;
  std::string owner;
  std::string message;
  std::string postgres_message;
  std::string remedy;

  friend bool operator==(const Finding&, const Finding&) = default;
};

// At most so many are kept of one backup or operation; the rest is counted.
inline constexpr size_t kMostFindings = 100;
// Bytes of a text of a finding; more is cut off.
inline constexpr size_t kLongestFindingText = 4096;

// The gravest first; of equals in the order in which they were found.
struct Findings {
  std::vector<Finding> listed;
  int32_t count = 0;  // of all, listed or not

  friend bool operator==(const Findings&, const Findings&) = default;
};

// Sorts and bounds what somebody reported. `count` is what they say there are; less than they list is put right. Texts
// come out as UTF-8 of at most kLongestFindingText bytes.
[[nodiscard]] Findings Bounded(std::vector<Finding> reported, int64_t count);

// Both, bounded; what both say of one object for one reason, once.
[[nodiscard]] Findings Together(const Findings& first, const Findings& second);

// Whether one that is listed is of this severity.
[[nodiscard]] bool Has(const Findings& findings, FindingSeverity severity);

// Names the first objects, for an error's message: `TABLE "public"."a", VIEW "public"."b" and 3 more`. Those of
// `severity` alone. Empty when there is none.
[[nodiscard]] std::string NamesOf(const Findings& findings, FindingSeverity severity);

}  // namespace croft::domain
