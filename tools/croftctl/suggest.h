#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/string_view.h>

// Suggestions for unknown words.
namespace croft::ctl {

// The noun or verb below `app` that goes by this name or alias; null when there is none.
[[nodiscard]] const CLI::App* FindVerb(const CLI::App& app, const std::string& word);

// For a command line that did not parse: names its first word or flag that is not known where it stands, and what
// was meant where something is close, or what to use instead of a usual word that is too dangerous to guess. Empty when all are known.
[[nodiscard]] std::string Unknown(const CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace croft::ctl
