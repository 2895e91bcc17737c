#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

// Structured lines on standard error: time, level, a constant message, then key=value fields. Never a secret,
// never the text of a tenant's SQL. Thread-safe.
namespace croft::log {

using Field = std::pair<absl::string_view, std::string>;
using Fields = std::initializer_list<Field>;

// The value of a field that holds an error: code and message, without the details, which are for programs.
[[nodiscard]] std::string Text(const absl::Status& status);

enum class Level { kDebug, kInfo, kWarning, kError };

// Lines below `level` are dropped from now on. The default is kInfo.
void SetLevel(Level level);
// Whether a line of `level` is written: for lines that cost something to make.
[[nodiscard]] bool Writes(Level level);

void Debug(absl::string_view message, Fields fields = {});
void Info(absl::string_view message, Fields fields = {});
void Warning(absl::string_view message, Fields fields = {});
void Error(absl::string_view message, Fields fields = {});

}  // namespace croft::log
