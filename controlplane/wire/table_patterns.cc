// Checks patterns of tables in requests.

#include "controlplane/wire/table_patterns.h"

#include <set>

#include <absl/strings/str_cat.h>

#include "common/table_pattern.h"

namespace croft::wire {

std::vector<std::string> ParseTablePatterns(const google::protobuf::RepeatedPtrField<std::string>& patterns,
                                            absl::string_view field, Violations& violations) {
  if (static_cast<size_t>(patterns.size()) > kMostTablePatterns) {
    violations.Add(field, absl::StrCat("must be at most ", kMostTablePatterns, " patterns"));
    return {};
  }
  std::set<absl::string_view> seen;
  for (int i = 0; i < patterns.size(); ++i) {
    const std::string at = absl::StrCat(field, "[", i, "]");
    violations.Take(ParseTablePattern(patterns[i], at));
    if (!seen.insert(patterns[i]).second) violations.Add(at, "is there twice");
  }
  return {patterns.begin(), patterns.end()};
}

}  // namespace croft::wire
