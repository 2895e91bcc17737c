// Writes structured log lines as JSON or text.

#include "common/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/log_options.h"
#include "common/work_scope.h"

namespace croft::log {
namespace {

std::atomic<bool> json{isatty(STDERR_FILENO) == 0};

spdlog::logger& Logger() {
  static spdlog::logger& logger = *[] {
    auto* made = new spdlog::logger("croft", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

absl::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "";
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::off;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

bool NeedsQuotes(absl::string_view value) {
  return value.empty() || value.find_first_of(" \"=\\\n\t\r") != absl::string_view::npos;
}

bool Has(Fields fields, absl::string_view key) {
  return std::any_of(fields.begin(), fields.end(), [&](const Field& field) { return field.first == key; });
}

// `fields`, and the ids of the work that this thread does, where they are not among them.
std::vector<Field> WithWork(Fields fields) {
  const Work& work = CurrentWork();
  std::vector<Field> all(fields);
  for (const auto& [key, value] : {Field("operation", work.operation), Field("request_id", work.request_id),
                                   Field("trace_id", work.trace_id)}) {
    if (!value.empty() && !Has(fields, key)) all.emplace_back(key, value);
  }
  return all;
}

std::string TextLine(Level level, absl::string_view message, const std::vector<Field>& fields) {
  std::string line = absl::StrCat(TimeText(absl::Now()), " ", NameOf(level), " ", message);
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", key, "=");
    if (NeedsQuotes(value)) {
      absl::StrAppend(&line, "\"", absl::Utf8SafeCEscape(value), "\"");
    } else {
      absl::StrAppend(&line, value);
    }
  }
  return line;
}

std::string JsonLine(Level level, absl::string_view message, const std::vector<Field>& fields) {
  nlohmann::ordered_json line = {{"time", TimeText(absl::Now())},
                                 {"level", std::string(NameOf(level))},
                                 {"message", std::string(message)}};
  for (const auto& [key, value] : fields) line[std::string(key)] = value;
  // Bytes that are no UTF-8, such as of a file's name, must not cost the line.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void Write(Level level, absl::string_view message, Fields fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  const std::vector<Field> all = WithWork(fields);
  const std::string line = json ? JsonLine(level, message, all) : TextLine(level, message, all);
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

std::string Text(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

void SetLevel(Level level) { Logger().set_level(ToSpdlog(level)); }

bool Writes(Level level) { return Logger().should_log(ToSpdlog(level)); }

void SetFormat(Format format) {
  json = format == Format::kJson || (format == Format::kAuto && isatty(STDERR_FILENO) == 0);
}

std::vector<std::pair<std::string, Level>> Levels() {
  std::vector<std::pair<std::string, Level>> levels;
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    levels.emplace_back(NameOf(level), level);
  }
  return levels;
}

std::vector<std::pair<std::string, Format>> Formats() {
  return {{"auto", Format::kAuto}, {"text", Format::kText}, {"json", Format::kJson}};
}

void Debug(absl::string_view message, Fields fields) { Write(Level::kDebug, message, fields); }
void Info(absl::string_view message, Fields fields) { Write(Level::kInfo, message, fields); }
void Warning(absl::string_view message, Fields fields) { Write(Level::kWarning, message, fields); }
void Error(absl::string_view message, Fields fields) { Write(Level::kError, message, fields); }

}  // namespace croft::log
