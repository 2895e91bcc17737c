#include "controlplane/fleet/exports.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/fleet/fleet_under_test.h"

namespace croft::fleet {
namespace {

using ::testing::SizeIs;

class ExportsTest : public ::testing::Test {
 protected:
  std::unique_ptr<ExportStream> Begin(const std::string& host = "h1") {
    v1::BackupSource source;
    source.set_backup("b1");
    return exports_.Begin(host, source, [this] { ++woken_; });
  }
  static v1::ExportPart Facts(int64_t id) {
    v1::ExportPart part;
    part.set_id(id);
    part.mutable_archive()->set_sha256("ab");
    return part;
  }
  static v1::ExportPart Data(int64_t id, std::string data) {
    v1::ExportPart part;
    part.set_id(id);
    part.set_data(std::move(data));
    return part;
  }
  static v1::ExportPart End(int64_t id) {
    v1::ExportPart part;
    part.set_id(id);
    part.set_end(true);
    return part;
  }
  static std::string ReasonOf(ExportStream& stream) {
    const ExportPull pulled = stream.Next();
    const auto* end = std::get_if<EndOfExport>(&pulled);
    return end == nullptr ? "it goes on" : DetailsOf(end->status).reason;
  }

  std::vector<std::pair<std::string, v1::ConnectResponse>> sent_;
  int woken_ = 0;
  Exports exports_{[this](const std::string& host, const v1::ConnectResponse& message) {
    sent_.emplace_back(host, message);
  }};
};

TEST_F(ExportsTest, AsksTheHostAndGivesWhatItSendsInItsOrder) {
  const auto stream = Begin();
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].first, "h1");
  const v1::ExportQuery& query = sent_[0].second.export_query();
  EXPECT_EQ(query.source().backup(), "b1");
  EXPECT_EQ(query.parts(), Exports::kWindow);
  EXPECT_TRUE(std::holds_alternative<NoPartYet>(stream->Next()));
  exports_.OnPart("h1", Facts(query.id()));
  exports_.OnPart("h1", Data(query.id(), "one"));
  exports_.OnPart("h1", Data(query.id(), "two"));
  exports_.OnPart("h1", End(query.id()));
  EXPECT_EQ(woken_, 4);
  EXPECT_EQ(std::get<v1::ArchiveFacts>(stream->Next()).sha256(), "ab");
  EXPECT_EQ(std::get<std::string>(stream->Next()), "one");
  EXPECT_EQ(std::get<std::string>(stream->Next()), "two");
  EXPECT_TRUE(std::get<EndOfExport>(stream->Next()).status.ok());
}

TEST_F(ExportsTest, GrantsAPartForEachThatIsTaken) {
  const auto stream = Begin();
  const int64_t id = sent_[0].second.export_query().id();
  exports_.OnPart("h1", Facts(id));
  exports_.OnPart("h1", Data(id, "one"));
  stream->Next();
  EXPECT_THAT(sent_, SizeIs(1)) << "facts are no data";
  stream->Next();
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[1].second.export_control().id(), id);
  EXPECT_EQ(sent_[1].second.export_control().parts(), 1);
}

TEST_F(ExportsTest, AnAgentThatSendsMoreThanItWasGrantedEndsIt) {
  const auto stream = Begin();
  exports_.OnPart("h1", Facts(1));
  for (int i = 0; i <= Exports::kWindow; ++i) exports_.OnPart("h1", Data(1, "x"));
  EXPECT_EQ(ReasonOf(*stream), "EXPORT_MALFORMED");
}

TEST_F(ExportsTest, PartsOutOfOrderEmptyOnesAndLargeOnesEndIt) {
  const std::vector<std::vector<v1::ExportPart>> wrong = {
      {Data(0, "x")},
      {End(0)},
      {Facts(0), Facts(0)},
      {Facts(0), Data(0, "")},
      {Facts(0), Data(0, std::string(Exports::kLargestPart + 1, 'x'))},
      {v1::ExportPart()},
  };
  for (const auto& parts : wrong) {
    const auto stream = Begin();
    for (v1::ExportPart part : parts) {
      part.set_id(sent_.back().second.export_query().id());
      exports_.OnPart("h1", part);
    }
    EXPECT_EQ(ReasonOf(*stream), "EXPORT_MALFORMED");
  }
}

TEST_F(ExportsTest, OneThatIsGivenUpHasTheAgentStopAndOneThatEndedHasNot) {
  Begin().reset();
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_TRUE(sent_[1].second.export_control().stop());
  auto whole = Begin();
  exports_.OnPart("h1", Facts(2));
  exports_.OnPart("h1", End(2));
  whole->Next();
  whole->Next();
  whole.reset();
  EXPECT_THAT(sent_, SizeIs(3));
}

TEST_F(ExportsTest, ALostHostEndsItsOwnWithWhatItHadSent) {
  const auto lost = Begin("h1");
  const auto other = Begin("h2");
  exports_.OnPart("h1", Facts(1));
  exports_.Fail("h1", MakeError(absl::StatusCode::kUnavailable, "away", {.reason = "HOST_UNREACHABLE"}));
  EXPECT_EQ(ReasonOf(*lost), "HOST_UNREACHABLE");
  EXPECT_TRUE(std::holds_alternative<NoPartYet>(other->Next()));
}

TEST_F(ExportsTest, NoHostSpeaksForAnother) {
  const auto stream = Begin("h1");
  exports_.OnPart("h2", Facts(1));
  EXPECT_TRUE(std::holds_alternative<NoPartYet>(stream->Next()));
}

TEST_F(ExportsTest, AgentsErrorIsTheEnd) {
  const auto fails = [this](const std::string& reason) {
    const auto stream = Begin();
    v1::ExportPart part;
    part.set_id(sent_.back().second.export_query().id());
    part.mutable_error()->set_reason(reason);
    exports_.OnPart("h1", part);
    return std::get<EndOfExport>(stream->Next()).status;
  };
  EXPECT_TRUE(absl::IsResourceExhausted(fails("EXPORT_BUSY")));
  EXPECT_TRUE(absl::IsDataLoss(fails("ARCHIVE_DAMAGED")));
  EXPECT_TRUE(absl::IsFailedPrecondition(fails("STORE_UNREACHABLE")));
  EXPECT_EQ(DetailsOf(fails("")).reason, "EXPORT_FAILED");
}

TEST_F(ExportsTest, TooManyAreRefused) {
  std::vector<std::unique_ptr<ExportStream>> streams;
  for (size_t i = 0; i < Exports::kMost; ++i) streams.push_back(Begin());
  EXPECT_EQ(ReasonOf(*Begin()), "OVERLOADED");
  streams.pop_back();
  EXPECT_TRUE(std::holds_alternative<NoPartYet>(Begin()->Next()));
}

TEST_F(ExportsTest, FactsAreBoundedAndWellFormed) {
  v1::ArchiveFacts facts;
  facts.set_size_bytes(-1);
  facts.set_encoding("UTF\xff");
  for (int i = 0; i < 20'000; ++i) facts.add_parameters()->set_value(std::string(5000, 'x'));
  const v1::ArchiveFacts read = ReadFacts(facts);
  EXPECT_EQ(read.size_bytes(), 0);
  EXPECT_EQ(read.encoding(), "UTF?");
  EXPECT_LT(read.ByteSizeLong(), 3u << 20);
}

// Over sessions of agents.
class ExportsOfAgentsTest : public ::testing::Test {
 protected:
  // An agent that knows exports, unless it is an old one.
  static void Open(AgentSession& agent, bool knows = true) {
    v1::ConnectRequest message;
    v1::Hello& hello = *message.mutable_hello();
    hello.set_agent_version("1.2.3");
    hello.set_instance_id("one");
    *hello.mutable_report() = AgentSession::Report();
    hello.set_knows_exports(knows);
    agent.Send(message);
    EXPECT_TRUE(agent.Next().has_welcome());
  }
  std::unique_ptr<ExportStream> Export(const std::string& host) {
    v1::BackupSource source;
    source.set_backup("b1");
    return fleet_.fleet().Export(host, source, [] {});
  }
  // The next that is there.
  static ExportPull Await(ExportStream& stream) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    for (;;) {
      ExportPull pulled = stream.Next();
      if (!std::holds_alternative<NoPartYet>(pulled) || absl::Now() > deadline) return pulled;
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  static absl::Status EndOf(ExportStream& stream) {
    const ExportPull pulled = Await(stream);
    const auto* end = std::get_if<EndOfExport>(&pulled);
    return end == nullptr ? absl::InternalError("it goes on") : end->status;
  }

  FleetUnderTest fleet_;
};

TEST_F(ExportsOfAgentsTest, AgentIsAskedAnsweredAndToldToStop) {
  AgentSession agent(fleet_, fleet_.Join("h1"));
  Open(agent);
  auto stream = Export("h1");
  const v1::ConnectResponse asked = agent.Next();
  EXPECT_EQ(asked.export_query().source().backup(), "b1");
  v1::ConnectRequest answer;
  answer.mutable_export_part()->set_id(asked.export_query().id());
  answer.mutable_export_part()->mutable_archive()->set_sha256("ab");
  agent.Send(answer);
  EXPECT_TRUE(std::holds_alternative<v1::ArchiveFacts>(Await(*stream)));
  stream.reset();
  EXPECT_TRUE(agent.Next().export_control().stop());
}

TEST_F(ExportsOfAgentsTest, HostThatIsAwayOldOrGoesIsNamed) {
  EXPECT_EQ(DetailsOf(EndOf(*Export("h9"))).reason, "HOST_UNREACHABLE");
  {
    AgentSession agent(fleet_, fleet_.Join("h1"));
    Open(agent, false);
    EXPECT_TRUE(absl::IsUnimplemented(EndOf(*Export("h1"))));
  }
  std::unique_ptr<ExportStream> gone;
  {
    AgentSession agent(fleet_, fleet_.Join("h2"));
    Open(agent);
    gone = Export("h2");
    EXPECT_TRUE(agent.Next().has_export_query());
  }
  EXPECT_EQ(DetailsOf(EndOf(*gone)).reason, "HOST_UNREACHABLE");
}

}  // namespace
}  // namespace croft::fleet
