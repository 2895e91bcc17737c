#include "controlplane/fleet/statement_questions.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/fleet/fleet_under_test.h"

namespace croft::fleet {
namespace {

using testing::SizeIs;
using Statements = std::vector<v1::StatementUsage>;

// What is told, when it is.
class Recorder {
 public:
  StatementsCallback Receiver() {
    return [this](absl::StatusOr<Statements> answer) {
      const MutexLock lock(mutex_);
      EXPECT_FALSE(answer_.has_value()) << "told twice";
      answer_ = std::move(answer);
      changed_.NotifyAll();
    };
  }
  absl::StatusOr<Statements> Await() {
    const MutexLock lock(mutex_);
    while (!answer_) changed_.Wait(mutex_);
    return *answer_;
  }
  std::string Reason() { return DetailsOf(Await().status()).reason; }
  bool has_come() {
    const MutexLock lock(mutex_);
    return answer_.has_value();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::StatusOr<Statements>> answer_ ABSL_GUARDED_BY(mutex_);
};

v1::StatementsReport Report(int64_t id, const std::string& text = "SELECT $1") {
  v1::StatementsReport report;
  report.set_id(id);
  report.add_statements()->set_text(text);
  return report;
}

v1::StatementsReport Refusal(const std::string& reason) {
  v1::StatementsReport report;
  report.mutable_error()->set_reason(reason);
  report.mutable_error()->set_message("why");
  return report;
}

TEST(ReadStatementsTest, WhateverAnAgentTellsIsBounded) {
  v1::StatementsReport report;
  for (int i = 0; i < 100; ++i) {
    v1::StatementUsage& one = *report.add_statements();
    one.set_text(std::string(10'000, 'x'));
    one.set_calls(-1);
    one.set_temporary_bytes(INT64_MIN);
    one.mutable_total_time()->set_seconds(INT64_MAX);
    one.mutable_total_time()->set_nanos(-5);
  }
  const auto read = ReadStatements(report);
  ASSERT_TRUE(read.ok());
  ASSERT_THAT(*read, SizeIs(kMostStatements));
  EXPECT_THAT(read->front().text(), SizeIs(500));
  EXPECT_TRUE(read->front().text_cut());
  EXPECT_EQ(read->front().calls(), 0);
  EXPECT_EQ(read->front().temporary_bytes(), 0);
  EXPECT_LT(read->front().total_time().seconds(), int64_t{4'000'000'000});
  EXPECT_EQ(read->front().total_time().nanos(), 0);
}

TEST(ReadStatementsTest, ReasonsThatAreKnownAreKept) {
  for (const char* reason : {"STATEMENTS_NOT_COUNTED", "STATEMENTS_DENIED"}) {
    const absl::Status status = ReadStatements(Refusal(reason)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(DetailsOf(status).reason, reason);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(ReadStatements(Refusal("STATEMENTS_BUSY")).status()));
  const absl::Status other = ReadStatements(Refusal("MADE_UP")).status();
  EXPECT_TRUE(absl::IsUnavailable(other));
  EXPECT_EQ(DetailsOf(other).reason, "STATEMENTS_UNREADABLE");
}

TEST(StatementQuestionsTest, TheirNumberAndTheirTimeAreBounded) {
  StatementQuestions questions;
  const absl::Time now = absl::FromUnixSeconds(1000);
  std::vector<Recorder> waiting(StatementQuestions::kMost);
  for (Recorder& one : waiting) EXPECT_NE(questions.Begin("h1", now, one.Receiver()), 0);
  Recorder refused;
  EXPECT_EQ(questions.Begin("h1", now, refused.Receiver()), 0);
  EXPECT_EQ(refused.Reason(), "OVERLOADED");
  questions.Expire(now + StatementQuestions::kTime - absl::Seconds(1));
  EXPECT_FALSE(waiting.front().has_come());
  questions.Expire(now + StatementQuestions::kTime);
  for (Recorder& one : waiting) EXPECT_TRUE(absl::IsDeadlineExceeded(one.Await().status()));
  Recorder next;
  questions.OnReport("h1", Report(questions.Begin("h1", now, next.Receiver())));
  EXPECT_TRUE(next.Await().ok()) << "there is room again";
}

class StatementsOfAgentsTest : public ::testing::Test {
 protected:
  // An agent that knows the question, unless it is an old one.
  static void Open(AgentSession& agent, bool knows = true) {
    v1::ConnectRequest message;
    v1::Hello& hello = *message.mutable_hello();
    hello.set_agent_version("1.2.3");
    hello.set_instance_id("one");
    hello.add_task_kinds("create");
    *hello.mutable_report() = AgentSession::Report();
    hello.set_knows_statements(knows);
    agent.Send(message);
    EXPECT_TRUE(agent.Next().has_welcome());
  }
  static void Answer(AgentSession& agent, const v1::StatementsReport& report) {
    v1::ConnectRequest message;
    *message.mutable_statements() = report;
    agent.Send(message);
  }

  FleetUnderTest fleet_;
};

TEST_F(StatementsOfAgentsTest, AgentIsAskedAndItsAnswerIsTold) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  Recorder told;
  fleet_.fleet().AskStatements("h1", "t_acme", 5, told.Receiver());
  const v1::ConnectResponse asked = agent.Next();
  ASSERT_TRUE(asked.has_statements()) << asked.ShortDebugString();
  EXPECT_EQ(asked.statements().database(), "t_acme");
  EXPECT_EQ(asked.statements().limit(), 5);
  Answer(agent, Report(asked.statements().id()));
  ASSERT_THAT(*told.Await(), SizeIs(1));
  EXPECT_EQ(told.Await()->front().text(), "SELECT $1");
  Answer(agent, Report(asked.statements().id()));  // once more: nobody waits for it
}

TEST_F(StatementsOfAgentsTest, AnotherHostCannotAnswerForIt) {
  AgentSession h1(fleet_, fleet_.Join("h1")), h2(fleet_, fleet_.Join("h2"));
  Open(h1);
  Open(h2);
  Recorder told, other;
  fleet_.fleet().AskStatements("h1", "t_acme", 5, told.Receiver());
  const int64_t id = h1.Next().statements().id();
  Answer(h2, Report(id, "forged"));
  // What h2 sent has been read when its own answer is there.
  fleet_.fleet().AskStatements("h2", "t_acme", 5, other.Receiver());
  Answer(h2, Report(h2.Next().statements().id()));
  EXPECT_TRUE(other.Await().ok());
  EXPECT_FALSE(told.has_come());
  Answer(h1, Report(id));
  EXPECT_EQ(told.Await()->front().text(), "SELECT $1");
}

TEST_F(StatementsOfAgentsTest, HostThatIsAwayOldOrGoesIsNamed) {
  Recorder away, old, gone;
  fleet_.fleet().AskStatements("h9", "t_acme", 5, away.Receiver());
  EXPECT_EQ(away.Reason(), "HOST_UNREACHABLE");
  {
    AgentSession agent(fleet_, fleet_.Join("h1"));
    Open(agent, false);
    fleet_.fleet().AskStatements("h1", "t_acme", 5, old.Receiver());
    EXPECT_TRUE(absl::IsUnimplemented(old.Await().status()));
  }
  {
    AgentSession agent(fleet_, fleet_.Join("h2"));
    Open(agent);
    fleet_.fleet().AskStatements("h2", "t_acme", 5, gone.Receiver());
    EXPECT_TRUE(agent.Next().has_statements());
  }
  EXPECT_EQ(gone.Reason(), "HOST_UNREACHABLE");
}

}  // namespace
}  // namespace croft::fleet
