#include "common/log.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "common/errors.h"
#include "common/log_options.h"
#include "common/work_scope.h"

namespace croft::log {
namespace {

TEST(Log, ErrorsAreWrittenWithCodeAndMessageAndNoDetails) {
  EXPECT_EQ(Text(InvalidField("name", "must not be empty")), "INVALID_ARGUMENT: name: must not be empty");
  EXPECT_EQ(Text(absl::OkStatus()), "OK");
}

// What `write` puts on standard error.
std::string Written(void (*write)()) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, JsonLinesAreObjectsWithStableKeys) {
  SetFormat(Format::kJson);
  const auto line = nlohmann::json::parse(Written([] {
    Warning("a host is away", {{"host", "h\n1"}, {"seconds", "3"}});
  }));
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "a host is away");
  EXPECT_EQ(line["host"], "h\n1");
  EXPECT_EQ(line["time"].get<std::string>().size(), sizeof("2026-01-31T00:00:00.000Z") - 1);
}

TEST(Log, BytesThatAreNoTextDoNotCostTheLine) {
  SetFormat(Format::kJson);
  const auto line = nlohmann::json::parse(Written([] { Info("file", {{"path", "a\xff"}}); }));
  EXPECT_EQ(line["path"], "a\uFFFD");
}

TEST(Log, TextLinesQuoteWhatIsNoPlainWord) {
  SetFormat(Format::kText);
  EXPECT_THAT(Written([] {
                Info("ready", {{"address", "a:1"}, {"why", "x \"y\"\n"}});
              }),
              testing::EndsWith(" info ready address=a:1 why=\"x \\\"y\\\"\\n\"\n"));
}

TEST(Log, NotOnATerminalLinesAreJson) {
  SetFormat(Format::kAuto);
  EXPECT_TRUE(nlohmann::json::accept(Written([] { Error("gone"); })));
}

TEST(Log, LinesCarryTheIdsOfTheWorkOfTheirThread) {
  SetFormat(Format::kJson);
  const WorkScope work({.operation = "op-1", .trace_id = "4bf9"});
  const auto line = nlohmann::json::parse(Written([] { Info("task done", {{"task", "create"}}); }));
  EXPECT_EQ(line["operation"], "op-1");
  EXPECT_EQ(line["trace_id"], "4bf9");
  EXPECT_FALSE(line.contains("request_id"));
  EXPECT_EQ(nlohmann::json::parse(Written([] {
              Info("x", {{"operation", "op-2"}});
            }))["operation"],
            "op-2");
}

// Standard error is a file that can take no more than a limit, as on a disk that is full.
class LimitedLog : public testing::Test {
 protected:
  LimitedLog() : file_(std::tmpfile()), kept_(dup(STDERR_FILENO)) {
    SetFormat(Format::kJson);
    getrlimit(RLIMIT_FSIZE, &limit_);
    dup2(fileno(file_), STDERR_FILENO);
    signal(SIGXFSZ, SIG_IGN);
  }
  ~LimitedLog() override {
    Limit(limit_.rlim_cur);
    dup2(kept_, STDERR_FILENO);
    close(kept_);
    std::fclose(file_);
    signal(SIGXFSZ, SIG_DFL);
  }
  void Limit(rlim_t bytes) {
    const rlimit limit = {bytes, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<std::string> Lines() {
    std::string text(4096, '\0');
    text.resize(pread(fileno(file_), text.data(), text.size(), 0));
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  std::FILE* const file_;
  const int kept_;
  rlimit limit_ = {};
};

TEST_F(LimitedLog, LinesThatDoNotFitAreCountedAndTheNextOnesAreWhole) {
  Limit(20);
  Info("cut in its middle");
  Info("not written");
  Limit(limit_.rlim_cur);
  Info("there is room");
  Info("and still");
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].size(), 20u);
  const auto lost = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(lost["message"], "lines of the log were lost");
  EXPECT_EQ(lost["lines"], "2");
  EXPECT_EQ(lost["error"], std::strerror(EFBIG));
  EXPECT_EQ(nlohmann::json::parse(lines[2])["message"], "there is room");
  EXPECT_EQ(nlohmann::json::parse(lines[3])["message"], "and still");
}

}  // namespace
}  // namespace croft::log
