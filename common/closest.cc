// Finds the word of a list that is most like a misspelt one.

#include "common/closest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace croft {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before_last;
  std::vector<size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    std::vector<size_t> row(b.size() + 1, i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

std::string Closest(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const bool begins = word.size() >= 3 && absl::StartsWith(candidate, word);
    const size_t own = begins ? 1 : EditDistance(word, candidate);
    if (own < distance) {
      best = candidate;
      distance = own;
    }
  }
  return best;
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = Closest(word, candidates);
  return best.empty() ? "" : absl::StrCat("; did you mean '", best, "'?");
}

}  // namespace croft
