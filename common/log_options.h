#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/log.h"

// How the lines of common/log.h are written: as text with key=value fields for people, or as a JSON object with the keys
// `time`, `level` and `message` and one for each field. docs/logs.md has the keys.
namespace croft::log {

enum class Format { kAuto, kText, kJson };

// From now on. The default is kAuto: text where standard error is a terminal, else JSON. Thread-safe.
void SetFormat(Format format);

// Names of all levels and of all formats, as options have them.
[[nodiscard]] std::vector<std::pair<std::string, Level>> Levels();
[[nodiscard]] std::vector<std::pair<std::string, Format>> Formats();

}  // namespace croft::log
