#include "common/log.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace croft::log {
namespace {

spdlog::logger& Logger() {
  static spdlog::logger& logger = *[] {
    auto* made = new spdlog::logger("croft", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

bool NeedsQuotes(absl::string_view value) {
  return value.empty() || value.find_first_of(" \"=\\\n\t\r") != absl::string_view::npos;
}

void Write(spdlog::level::level_enum level, absl::string_view message, Fields fields) {
  if (!Logger().should_log(level)) return;
  std::string line(message);
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", key, "=");
    if (NeedsQuotes(value)) {
      absl::StrAppend(&line, "\"", absl::Utf8SafeCEscape(value), "\"");
    } else {
      absl::StrAppend(&line, value);
    }
  }
  Logger().log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

std::string Text(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

void SetLevel(Level level) {
  switch (level) {
    case Level::kDebug: Logger().set_level(spdlog::level::debug); return;
    case Level::kInfo: Logger().set_level(spdlog::level::info); return;
    case Level::kWarning: Logger().set_level(spdlog::level::warn); return;
    case Level::kError: Logger().set_level(spdlog::level::err); return;
  }
}

void Debug(absl::string_view message, Fields fields) { Write(spdlog::level::debug, message, fields); }
void Info(absl::string_view message, Fields fields) { Write(spdlog::level::info, message, fields); }
void Warning(absl::string_view message, Fields fields) { Write(spdlog::level::warn, message, fields); }
void Error(absl::string_view message, Fields fields) { Write(spdlog::level::err, message, fields); }

}  // namespace croft::log
