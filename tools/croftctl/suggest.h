#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// Steps from one to the other: a letter more, less, other, or two neighbours swapped.
[[nodiscard]] size_t EditDistance(absl::string_view a, absl::string_view b);

// For a command line that did not parse: names its first word or flag that is not known where it stands, and what
// was meant where something is close. Empty when all are known.
[[nodiscard]] std::string Unknown(const CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace croft::ctl
