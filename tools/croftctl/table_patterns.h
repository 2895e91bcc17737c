#pragma once

#include <string>
#include <vector>

namespace croft::ctl {

// The patterns of tables in `values`, each of which holds one or more, separated by commas outside of double quotes.
[[nodiscard]] std::vector<std::string> SplitPatterns(const std::vector<std::string>& values);

}  // namespace croft::ctl
