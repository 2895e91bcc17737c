#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

// Finds the word that a misspelt one was meant to be.
namespace croft {

// Steps from one word to the other: a letter more, less, other, or two neighbours swapped.
[[nodiscard]] size_t EditDistance(absl::string_view a, absl::string_view b);

// The candidate that `word` most likely stands for: one that begins with it, or one of whose letters at most a third are
// wrong. Empty when none is close.
[[nodiscard]] std::string Closest(absl::string_view word, const std::vector<std::string>& candidates);

// "; did you mean 'CANDIDATE'?", or empty when none is close.
[[nodiscard]] std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace croft
