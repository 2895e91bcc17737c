#include "agent/session/agent_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TaskCountsTest, TasksCountWhileTheyRunAndByHowTheyEnded) {
  TaskCounts counts;
  const TaskKind& create = CreateWork::kKind;
  counts.Began(create);
  counts.Began(create);
  counts.Began(create);
  counts.Ended(create, absl::OkStatus(), absl::Milliseconds(200));
  counts.Ended(create, absl::CancelledError("enough"), absl::Seconds(1));
  std::map<std::string, TaskFigures> read = counts.Read();
  EXPECT_EQ(read.at("create").running, 1);
  EXPECT_EQ(read.at("create").ended.at(TaskOutcome::kSucceeded), 1);
  EXPECT_EQ(read.at("create").ended.at(TaskOutcome::kCancelled), 1);
  EXPECT_EQ(read.at("create").took.count(), 2);
  counts.Ended(create, absl::UnavailableError("no server"), absl::Seconds(1));
  read = counts.Read();
  EXPECT_EQ(read.at("create").running, 0);
  EXPECT_EQ(read.at("create").ended.at(TaskOutcome::kFailed), 1);
  EXPECT_EQ(read.at("verify").running, 0) << "kinds are there from the start";
}

TEST(AgentExpositionTest, SaysWhatIsKnownAndNoMore) {
  AgentFigures figures{.version = "1.2.3", .connected = true, .tasks = TaskCounts().Read()};
  figures.report.set_postgres_up(true);
  figures.report.set_free_bytes(5000);
  const std::string page = Exposition(figures);
  EXPECT_THAT(page, HasSubstr("croft_agent_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("croft_agent_connected 1\n"));
  EXPECT_THAT(page, HasSubstr("croft_agent_postgres_up 1\n"));
  EXPECT_THAT(page, HasSubstr("croft_agent_free_bytes 5000\n"));
  EXPECT_THAT(page, HasSubstr("croft_agent_tasks_ended_total{kind=\"back_up\",outcome=\"FAILED\"} 0\n"));
  figures.report.set_free_bytes_unknown(true);
  EXPECT_THAT(Exposition(figures), Not(HasSubstr("croft_agent_free_bytes")));
}

TEST(FigureAddressTest, OnlyThisMachineMayAsk) {
  EXPECT_TRUE(CheckFigureAddress("127.0.0.1:0").ok());
  EXPECT_TRUE(CheckFigureAddress("[::1]:7445").ok());
  EXPECT_EQ(DetailsOf(CheckFigureAddress("0.0.0.0:7445")).reason, "METRICS_BEYOND_LOOPBACK");
  EXPECT_EQ(DetailsOf(CheckFigureAddress("7445")).reason, "METRICS_ADDRESS_INVALID");
  EXPECT_FALSE(ServeFigures("0.0.0.0:0", [] { return AgentFigures(); }).ok());
}

TEST(FigureAddressTest, ServerStartsOnAFreePort) {
  const auto server = ServeFigures("127.0.0.1:0", [] { return AgentFigures(); });
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE((*server)->loopback());
}

}  // namespace
}  // namespace croft::agent
