// Splits lists of patterns of tables.

#include "tools/croftctl/table_patterns.h"

#include <utility>

namespace croft::ctl {

std::vector<std::string> SplitPatterns(const std::vector<std::string>& values) {
  std::vector<std::string> patterns;
  for (const std::string& value : values) {
    bool quoted = false;
    std::string pattern;
    for (const char c : value) {
      quoted = quoted != (c == '"');
      if (c != ',' || quoted) {
        pattern += c;
      } else {
        patterns.push_back(std::exchange(pattern, ""));
      }
    }
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

}  // namespace croft::ctl
