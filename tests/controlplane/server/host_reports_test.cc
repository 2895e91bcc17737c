#include "controlplane/server/host_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

engine::HostSeen Seen(const std::string& host, bool postgres_up = true) {
  engine::HostSeen seen{.host = host};
  seen.report.postgres_up = postgres_up;
  seen.report.stores = {"s1"};
  return seen;
}

domain::Inventory Empty(const std::string& host) { return {.host = host}; }

TEST(HostReports, AHostIsAskedOnceItIsHereAndItsServerIsUp) {
  HostReports reports({"h1", "h2"});
  EXPECT_THAT(reports.ToAsk(), IsEmpty());
  reports.Post(Seen("h1", false));
  EXPECT_THAT(reports.ToAsk(), IsEmpty());
  engine::HostReported up{.host = "h1", .report = Seen("h1").report};
  reports.Post(up);
  const auto questions = reports.ToAsk();
  ASSERT_THAT(questions, SizeIs(1));
  EXPECT_EQ(questions[0].host, "h1");
  EXPECT_THAT(questions[0].stores, ElementsAre("s1"));
  EXPECT_THAT(reports.ToAsk(), IsEmpty()) << "it was asked";
}

TEST(HostReports, NothingIsWholeBeforeAllHaveAnswered) {
  HostReports reports({"h1", "h2"});
  reports.Post(Seen("h1"));
  reports.Post(Seen("h2"));
  const auto questions = reports.ToAsk();
  ASSERT_THAT(questions, SizeIs(2));
  reports.Answer(questions[0], Empty("h1"));
  EXPECT_FALSE(reports.All().has_value());
  EXPECT_THAT(reports.Missing(), ElementsAre("h2"));
  reports.Answer(questions[1], Empty("h2"));
  ASSERT_THAT(*reports.All(), SizeIs(2));
  EXPECT_EQ(reports.All()->at(0).host.id, "h1");
  EXPECT_EQ(reports.All()->at(0).inventory.host, "h1");
  EXPECT_THAT(reports.All()->at(0).host.report.stores, ElementsAre("s1"));
}

TEST(HostReports, WhatAHostHasShownStaysWhenItGoes) {
  HostReports reports({"h1"});
  reports.Post(Seen("h1"));
  reports.Answer(reports.ToAsk().at(0), Empty("h1"));
  reports.Post(engine::HostLost{.host = "h1"});
  EXPECT_TRUE(reports.All().has_value());
}

TEST(HostReports, AHostThatCouldNotAnswerIsAskedAgain) {
  HostReports reports({"h1"});
  reports.Post(Seen("h1"));
  reports.Answer(reports.ToAsk().at(0), absl::UnavailableError("busy"));
  EXPECT_FALSE(reports.All().has_value());
  EXPECT_THAT(reports.ToAsk(), SizeIs(1));
}

TEST(HostReports, AnotherSessionTakesBackWhatTheOneBeforeHasShown) {
  HostReports reports({"h1"});
  reports.Post(Seen("h1"));
  const auto first = reports.ToAsk().at(0);
  reports.Answer(first, Empty("h1"));
  reports.Post(Seen("h1"));
  EXPECT_FALSE(reports.All().has_value());
  reports.Answer(first, Empty("h1"));
  EXPECT_FALSE(reports.All().has_value()) << "a late answer of the session before";
  reports.Answer(reports.ToAsk().at(0), Empty("h1"));
  EXPECT_TRUE(reports.All().has_value());
}

}  // namespace
}  // namespace croft::server
