#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// Steps from one to the other: a letter more, less, other, or two neighbours swapped.
[[nodiscard]] size_t EditDistance(absl::string_view a, absl::string_view b);

// For a command line that did not parse: "did you mean 'create'?" about its first word or flag that is not known
// where it stands; empty where nothing is close.
[[nodiscard]] std::string Suggestion(const CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace croft::ctl
