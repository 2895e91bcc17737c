#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/fleet/fleet_under_test.h"

namespace croft::fleet {
namespace {

using server::ReasonOf;

class SessionTest : public ::testing::Test {
 protected:
  bool IsUp(const std::string& host) { return fleet_.Host(host).up; }

  FleetUnderTest fleet_;
};

TEST_F(SessionTest, HelloBringsTheHostUpWithItsReport) {
  const Identity identity = fleet_.Join("h1");
  AgentSession agent(fleet_, identity);
  agent.Hello({"create"});
  const v1::ConnectResponse first = agent.Next();
  EXPECT_EQ(first.welcome().epoch(), fleet_.catalog().revision().epoch);
  EXPECT_EQ(first.welcome().heartbeat_interval().seconds(), 5);
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  const domain::HostReport report = fleet_.Host("h1").report;
  EXPECT_EQ(report.agent_version, "1.2.3");
  EXPECT_EQ(report.postgres_version, "15.20");
  EXPECT_THAT(report.task_kinds, ::testing::ElementsAre("create"));
  EXPECT_TRUE(fleet_.fleet().LastHeard("h1").has_value());
}

TEST_F(SessionTest, AnythingBeforeHelloEndsIt) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Heartbeat(AgentSession::Report());
  const grpc::Status status = agent.Finish();
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "HELLO_EXPECTED");
  EXPECT_FALSE(IsUp("h1"));
}

TEST_F(SessionTest, SecondHelloEndsIt) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Open();
  agent.Hello();
  EXPECT_EQ(ReasonOf(agent.Finish()), "HELLO_EXPECTED");
}

TEST_F(SessionTest, WhoIsNoAgentGetsNoSession) {
  const access::TlsFiles tls(fleet_.plane().state().tls);
  grpc::ClientContext context;
  const auto stub = v1::AgentService::NewStub(fleet_.plane().AsNobody());
  const auto stream = stub->Connect(&context);
  v1::ConnectResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(SessionTest, SecondSessionOfAHostEndsTheFirstAndTheHostStaysUp) {
  const Identity identity = fleet_.Join("h1");
  AgentSession first(fleet_, identity);
  first.Open();
  AgentSession second(fleet_, identity);
  second.Open();
  second.Heartbeat(AgentSession::Report());
  const grpc::Status status = first.Finish();
  EXPECT_EQ(status.error_code(), grpc::ABORTED);
  EXPECT_EQ(ReasonOf(status), "SESSION_SUPERSEDED");
  // Events are decided in order: had the first session's end been told, it would show by now.
  fleet_.Call(engine::CordonHost{.host = "h1"});
  EXPECT_TRUE(IsUp("h1"));
}

TEST_F(SessionTest, HelloThatCameTooLateDoesNotEndTheAgentThatLives) {
  const Identity identity = fleet_.Join("h1");
  AgentSession living(fleet_, identity);
  living.Open();
  {
    AgentSession late(fleet_, identity);
    late.Open();
  }
  const grpc::Status status = living.Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE) << "its agent connects again";
  AgentSession again(fleet_, identity);
  again.Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
}

TEST_F(SessionTest, ARevokedIdentityLosesBothOfItsSessions) {
  const Identity identity = fleet_.Join("h1");
  AgentSession first(fleet_, identity);
  first.Open();
  AgentSession second(fleet_, identity);
  second.Open();
  fleet_.Join("h1");
  EXPECT_EQ(first.Finish().error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(second.Finish().error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(SessionTest, EndOfTheSessionTakesTheHostAway) {
  const Identity identity = fleet_.Join("h1");
  {
    AgentSession agent(fleet_, identity);
    agent.Open();
    fleet_.WaitUntil([&] { return IsUp("h1"); });
  }
  fleet_.WaitUntil([&] { return !IsUp("h1"); });
}

TEST_F(SessionTest, TaskGoesOutAndItsResultIsRecordedAndAcknowledged) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  const std::string operation = fleet_.BeginCreate("acme");
  const v1::Task task = agent.NextTask();
  EXPECT_EQ(task.fencing().operation(), operation);
  EXPECT_EQ(task.tenant().generation(), 1);
  EXPECT_EQ(task.create().logins_size(), 2);
  EXPECT_EQ(task.create().limits().connections(), 50);
  EXPECT_FALSE(task.create().logins(0).verifier().empty());
  agent.Done(task);
  const v1::ConnectResponse answer = agent.Next();
  EXPECT_EQ(answer.recorded().fencing().operation(), operation);
  EXPECT_EQ((*fleet_.catalog().GetTenant("acme"))->state, domain::TenantState::kReady);
}

TEST_F(SessionTest, TaskThatWasNotAnsweredComesAgainInTheNextSession) {
  const Identity identity = fleet_.Join("h1");
  auto first = std::make_unique<AgentSession>(fleet_, identity);
  first->Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  fleet_.BeginCreate("acme");
  v1::Task task = first->NextTask();
  first.reset();
  AgentSession second(fleet_, identity);
  second.Open();
  v1::Task again = second.NextTask();
  // What is stored is cut to microseconds.
  for (v1::Task* one : {&task, &again}) one->mutable_deadline()->clear_nanos();
  EXPECT_EQ(again.SerializeAsString(), task.SerializeAsString());
}

TEST_F(SessionTest, KindThatTheAgentDoesNotKnowIsNotSentAndFailsTheOperation) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Hello({"create", "drop", "unfence"});
  EXPECT_TRUE(agent.Next().has_welcome());
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  fleet_.BeginCreate("acme");
  agent.Done(agent.NextTask());
  EXPECT_TRUE(agent.Next().has_recorded());
  fleet_.Call(engine::SuspendTenant{.operation = "op-suspend", .tenant = "acme"});
  // The fence is not sent, and what it might have done is taken back.
  EXPECT_TRUE(agent.Next().has_recorded());
  const v1::Task undo = agent.NextTask();
  EXPECT_TRUE(undo.has_unfence());
  EXPECT_EQ(undo.unfence().logins_size(), 2);
  agent.Done(undo);
  fleet_.WaitUntil([&] { return domain::Ended(**fleet_.catalog().GetOperation("op-suspend")); });
  const auto operation = *fleet_.catalog().GetOperation("op-suspend");
  ASSERT_TRUE(operation->error);
  EXPECT_EQ(operation->error->reason, "UNIMPLEMENTED");
}

TEST_F(SessionTest, AgentThatHasSeenANewerEpochIsNotServed) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Hello({"create"}, fleet_.catalog().revision().epoch + 1);
  EXPECT_EQ(ReasonOf(agent.Finish()), "EPOCH_STALE");
}

TEST_F(SessionTest, HeartbeatIsRecordedOnlyWhenItSaysSomethingNew) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  const int64_t version = fleet_.Host("h1").version;
  v1::HostReport report = AgentSession::Report();
  report.set_free_bytes(report.free_bytes() - 1);
  agent.Heartbeat(report);
  report.set_timeline(7);
  agent.Heartbeat(report);
  fleet_.WaitUntil([&] { return fleet_.Host("h1").report.timeline == 7; });
  EXPECT_EQ(fleet_.Host("h1").version, version + 1);
}

TEST_F(SessionTest, HostThatIsRemovedLosesItsSession) {
  const Identity identity = fleet_.Join("h1");
  AgentSession agent(fleet_, identity);
  agent.Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  fleet_.Call(engine::RemoveHost{.host = "h1"});
  EXPECT_EQ(agent.Finish().error_code(), grpc::UNAUTHENTICATED);
  AgentSession again(fleet_, identity);
  EXPECT_EQ(again.Finish().error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(SessionTest, ControlPlaneThatEndsEndsSessionsAndLosesNoHost) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  agent.Open();
  fleet_.WaitUntil([&] { return IsUp("h1"); });
  fleet_.Stop();
  EXPECT_EQ(agent.Finish().error_code(), grpc::UNAVAILABLE);
  EXPECT_TRUE(IsUp("h1"));
}

TEST(SilenceTest, SilentHostIsAwayAndItsSessionEnds) {
  FleetUnderTest fleet({.silence = absl::Milliseconds(1500)});
  AgentSession agent(fleet, fleet.Join("h1"));
  agent.Open();
  const grpc::Status status = agent.Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SESSION_SILENT");
  fleet.WaitUntil([&] { return !fleet.Host("h1").up; });
}

TEST(SilenceTest, SessionThatNeverSaysHelloEnds) {
  FleetUnderTest fleet({.silence = absl::Milliseconds(1500)});
  AgentSession agent(fleet, fleet.Join("h1"));
  EXPECT_EQ(ReasonOf(agent.Finish()), "SESSION_SILENT");
}

}  // namespace
}  // namespace croft::fleet
