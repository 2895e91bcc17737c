#pragma once

#include <CLI/CLI.hpp>

namespace croft::ctl {

// Puts examples under the help of each noun and verb of the tree.
void AddExamples(CLI::App& root);

}  // namespace croft::ctl
