#include "common/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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

}  // namespace
}  // namespace croft::log
