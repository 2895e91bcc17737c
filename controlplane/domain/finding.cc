// Sorts, bounds and summarises findings.

#include "controlplane/domain/finding.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/utf8.h"

namespace croft::domain {
namespace {

void Bound(Finding& finding) {
  for (std::string* text : {&finding.reason, &finding.object, &finding.owner, &finding.message,
                            &finding.postgres_message, &finding.remedy}) {
    *text = Presentable(*text, kLongestFindingText);
  }
}

}  // namespace

Findings Bounded(std::vector<Finding> reported, int64_t count) {
  const int64_t all = std::max(count, static_cast<int64_t>(reported.size()));
  std::stable_sort(reported.begin(), reported.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  if (reported.size() > kMostFindings) reported.resize(kMostFindings);
  for (Finding& finding : reported) Bound(finding);
  return {.listed = std::move(reported),
          .count = static_cast<int32_t>(std::min<int64_t>(all, std::numeric_limits<int32_t>::max()))};
}

Findings Together(const Findings& first, const Findings& second) {
  std::vector<Finding> all = first.listed;
  int64_t count = int64_t{first.count} + second.count;
  for (const Finding& finding : second.listed) {
    const bool known = std::any_of(first.listed.begin(), first.listed.end(), [&](const Finding& other) {
      return other.reason == finding.reason && other.object == finding.object &&
             other.severity == finding.severity;
    });
    if (known) {
      --count;
    } else {
      all.push_back(finding);
    }
  }
  return Bounded(std::move(all), count);
}

bool Has(const Findings& findings, FindingSeverity severity) {
  return std::any_of(findings.listed.begin(), findings.listed.end(),
                     [&](const Finding& finding) { return finding.severity == severity; });
}

std::string NamesOf(const Findings& findings, FindingSeverity severity) {
  constexpr size_t kNamed = 3;
  constexpr size_t kLongestName = 160;
  std::vector<std::string> names;
  size_t more = 0;
  for (const Finding& finding : findings.listed) {
    if (finding.severity != severity) continue;
    if (names.size() < kNamed) {
      names.push_back(Presentable(finding.object, kLongestName));
    } else {
      ++more;
    }
  }
  return absl::StrCat(absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

}  // namespace croft::domain
