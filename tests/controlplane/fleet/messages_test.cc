#include "controlplane/fleet/messages.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

void AddFinding(v1::Finding::Severity severity, const std::string& object,
                google::protobuf::RepeatedPtrField<v1::Finding>& into) {
  v1::Finding& finding = *into.Add();
  finding.set_severity(severity);
  finding.set_reason("REASON");
  finding.set_object(object);
  finding.set_remedy("ALTER …");
}

engine::TaskError ErrorOf(const v1::TaskResult& result) {
  return std::get<engine::TaskError>(ReadResult("h1", result).outcome);
}

TEST(ResultMessageTest, CauseIsWhatTheAgentSays) {
  v1::TaskResult result;
  result.mutable_error()->set_reason("X");
  result.mutable_error()->set_retryable(true);
  result.mutable_error()->set_cause(v1::TaskError::CAUSE_REFUSAL);
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kRefusal);
  result.mutable_error()->set_cause(v1::TaskError::CAUSE_RESOURCE);
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kResource);
  result.mutable_error()->set_cause(v1::TaskError::CAUSE_OUTAGE);
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kOutage);
}

TEST(ResultMessageTest, AgentThatSaysNoCauseMeansAnOutageByRetryable) {
  v1::TaskResult result;
  result.mutable_error()->set_retryable(true);
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kOutage);
  result.mutable_error()->set_retryable(false);
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kRefusal);
  result.mutable_error()->set_cause(static_cast<v1::TaskError::Cause>(77));
  EXPECT_EQ(ErrorOf(result).cause, engine::Cause::kRefusal);
}

TEST(ResultMessageTest, FindingsComeWithEveryOutcome) {
  v1::TaskResult result;
  AddFinding(v1::Finding::SEVERITY_NOTE, "a", *result.mutable_backed_up()->mutable_findings());
  AddFinding(v1::Finding::SEVERITY_MISSING, "b", *result.mutable_backed_up()->mutable_findings());
  result.mutable_backed_up()->set_finding_count(9);
  const auto made = std::get<engine::BackedUp>(ReadResult("h1", result).outcome);
  ASSERT_THAT(made.findings.listed, SizeIs(2));
  EXPECT_EQ(made.findings.listed.front().object, "b");
  EXPECT_EQ(made.findings.listed.front().severity, domain::FindingSeverity::kMissing);
  EXPECT_EQ(made.findings.listed.front().remedy, "ALTER …");
  EXPECT_EQ(made.findings.count, 9);

  AddFinding(v1::Finding::SEVERITY_DIFFERENT, "c", *result.mutable_verified()->mutable_findings());
  EXPECT_EQ(std::get<engine::Verified>(ReadResult("h1", result).outcome).findings.count, 1);
  AddFinding(v1::Finding::SEVERITY_NOTE, "d", *result.mutable_restored()->mutable_findings());
  EXPECT_EQ(std::get<engine::Restored>(ReadResult("h1", result).outcome).findings.count, 1);
  AddFinding(static_cast<v1::Finding::Severity>(77), "e", *result.mutable_error()->mutable_findings());
  EXPECT_EQ(ErrorOf(result).findings.listed.front().severity, domain::FindingSeverity::kDifferent);
}

TEST(ReportMessageTest, SaysWhatTheAgentLacks) {
  v1::HostReport report;
  report.set_free_bytes_unknown(true);
  report.set_managed(true);
  report.set_max_connections(97);
  v1::MissingRight& missing = *report.add_missing_rights();
  missing.set_right("pg_signal_backend");
  missing.set_consequence("sessions cannot be ended");
  missing.set_remedy("GRANT pg_signal_backend TO croft");
  missing.add_task_kinds("fence");
  const domain::HostReport read = ReadReport(report, {});
  EXPECT_TRUE(read.free_bytes_unknown);
  EXPECT_TRUE(read.managed);
  EXPECT_EQ(read.max_connections, 97);
  EXPECT_THAT(
      read.missing_rights,
      ElementsAre(domain::MissingRight{
          "pg_signal_backend", "sessions cannot be ended", "GRANT pg_signal_backend TO croft", {"fence"}}));
}

std::string ProblemOfClock(absl::Duration ahead, const std::string& problem = "") {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  v1::HostReport report;
  report.mutable_agent_time()->set_seconds(absl::ToUnixSeconds(now + ahead));
  domain::HostReport read;
  read.problem = problem;
  CompareClocks(report, now, read);
  return read.problem;
}

TEST(ReportMessageTest, ClockThatIsOffIsAProblemOfTheHost) {
  EXPECT_THAT(ProblemOfClock(absl::Hours(1)), HasSubstr("its clock is 1h ahead of the control plane's"));
  EXPECT_THAT(ProblemOfClock(-absl::Minutes(61)),
              HasSubstr("its clock is 1h1m behind the control plane's"));
  EXPECT_EQ(ProblemOfClock(absl::Seconds(29)), "");
  EXPECT_EQ(ProblemOfClock(-absl::Seconds(29)), "");
  EXPECT_EQ(ProblemOfClock(absl::Minutes(5)), ProblemOfClock(absl::Minutes(5) + absl::Seconds(3)));
}

TEST(ReportMessageTest, ClockThatIsOffHidesNoOtherProblem) {
  EXPECT_THAT(ProblemOfClock(absl::Hours(1), "no pg_dump"), StartsWith("no pg_dump; its clock is "));
}

TEST(ReportMessageTest, AgentThatSaysNoTimeHasNoProblemOfIt) {
  domain::HostReport read;
  CompareClocks(v1::HostReport(), absl::Now(), read);
  EXPECT_EQ(read.problem, "");
}

TEST(InventoryMessageTest, SaysWhatWasChangedBehindCroftsBack) {
  v1::Inventory part;
  part.add_databases()->set_owner("somebody");
  part.mutable_databases(0)->add_missing_grants("CONNECT to t_acme_a");
  part.add_roles()->set_overprivileged(true);
  part.mutable_roles(0)->add_held_by("t_globex_g1");
  domain::Inventory read;
  ReadInventory(part, read);
  EXPECT_EQ(read.databases.front().owner, "somebody");
  EXPECT_THAT(read.databases.front().missing_grants, ElementsAre("CONNECT to t_acme_a"));
  EXPECT_TRUE(read.roles.front().overprivileged);
  EXPECT_THAT(read.roles.front().held_by, ElementsAre("t_globex_g1"));
}

TEST(UsageMessageTest, DatabasesAreReadWithAllTheirFigures) {
  v1::UsageReport message;
  v1::UsageReport::Database& database = *message.add_databases();
  database.set_uid("aaaabbbbccccdddd");
  database.set_generation(2);
  database.set_connections(3);
  database.set_size_bytes(4);
  database.mutable_size_time()->set_seconds(5);
  database.set_commits(6);
  database.set_rollbacks(7);
  database.set_blocks_read(8);
  database.set_blocks_hit(9);
  database.set_rows_returned(10);
  database.set_rows_fetched(11);
  database.set_rows_inserted(12);
  database.set_rows_updated(13);
  database.set_rows_deleted(14);
  database.set_deadlocks(15);
  database.set_temporary_bytes(16);
  const std::vector<usage::Report> read = ReadUsage(message);
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].uid, "aaaabbbbccccdddd");
  EXPECT_EQ(read[0].generation, 2);
  EXPECT_EQ(read[0].connections, 3);
  EXPECT_EQ(read[0].size_bytes, 4);
  EXPECT_EQ(read[0].size_time, absl::FromUnixSeconds(5));
  EXPECT_EQ(read[0].counters, (usage::Counts{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
}

// A hostile agent's.
TEST(UsageMessageTest, WhatNoServerCountsIsCutAndWhatIsNobodysLeftOut) {
  v1::UsageReport message;
  for (const std::string uid :
       {"", "short", "AAAABBBBCCCCDDDD", "aaaabbbbcccc\0ddd", "aaaabbbbccccddddd"}) {
    message.add_databases()->set_uid(uid);
  }
  v1::UsageReport::Database& database = *message.add_databases();
  database.set_uid("aaaabbbbccccdddd");
  database.set_connections(-1);
  database.set_size_bytes(-5);
  database.mutable_size_time()->set_seconds(INT64_MIN);
  database.set_commits(INT64_MIN);
  database.set_rollbacks(INT64_MAX);
  const std::vector<usage::Report> read = ReadUsage(message);
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].connections, 0);
  EXPECT_EQ(read[0].size_bytes, 0);
  EXPECT_EQ(read[0].counters.commits, 0);
  EXPECT_LT(read[0].counters.rollbacks, INT64_MAX);
}

}  // namespace
}  // namespace croft::fleet
