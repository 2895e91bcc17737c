#pragma once

#include <string>
#include <vector>

#include "common/config/options.h"

namespace croft::config {

// One `key = value` of a file.
struct Entry {
  std::string key;
  Kind kind = Kind::kText;  // kText for a text, kNumber, kSwitch or kList as it is written
  std::vector<std::string> values;
  Place key_place;
  Place value_place;
};

struct TomlFile {
  std::vector<Entry> entries;  // in the order of the file
  Problems problems;
};

// Reads a flat TOML file: no tables, values that are texts, whole numbers, true, false or arrays of texts. A file that
// anybody may change, or that belongs to neither root nor this process's user, is refused: it says what the daemon does.
[[nodiscard]] TomlFile ReadTomlFile(const std::string& path);

// The files to read for `path`: itself, then those of its conf.d in the order of their names.
[[nodiscard]] std::vector<std::string> ConfigurationFiles(const std::string& path, Problems& problems);

}  // namespace croft::config
