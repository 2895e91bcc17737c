// Writes structured log lines as JSON or text.

#include "common/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include "common/log_options.h"
#include "common/sync.h"
#include "common/work_scope.h"

namespace croft::log {
namespace {

std::atomic<bool> json{isatty(STDERR_FILENO) == 0};

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

std::string Line(Level level, absl::string_view message, const std::vector<Field>& fields) {
  return json ? JsonLine(level, message, fields) : TextLine(level, message, fields);
}

// Standard error may be a file on a disk that is full. A line that does not fit is lost and the daemon goes on; once there
// is room again, a line says how many are missing, and starts on a line of its own.
class StandardError final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    const MutexLock lock(mutex_);
    if (lost_ > 0 && Put(Line(Level::kWarning, "lines of the log were lost",
                              {{"lines", absl::StrCat(lost_)}, {"error", std::strerror(error_)}}))) {
      lost_ = 0;
    }
    if (!Put(std::string(message.payload.data(), message.payload.size()))) ++lost_;
  }
  void flush() override {}
  // Lines come as they are written.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  // Whether all of it was written.
  bool Put(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string text = absl::StrCat(cut_ ? "\n" : "", line, "\n");
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t written = write(STDERR_FILENO, text.data() + done, text.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        error_ = errno;
        break;
      }
      done += static_cast<size_t>(written);
    }
    if (done > 0) cut_ = text[done - 1] != '\n';
    return done == text.size();
  }

  Mutex mutex_;
  int64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
  int error_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;  // the last line ends in its middle
};

spdlog::logger& Logger() {
  static spdlog::logger& logger = *new spdlog::logger("croft", std::make_shared<StandardError>());
  return logger;
}

void Write(Level level, absl::string_view message, Fields fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  const std::string line = Line(level, message, WithWork(fields));
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
