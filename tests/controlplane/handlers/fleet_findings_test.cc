#include "controlplane/handlers/fleet_findings.h"

#include <gmock/gmock.h>

namespace croft::handlers {
namespace {

using domain::FindingKind;
using domain::FleetFinding;
using testing::AllOf;
using testing::HasSubstr;

constexpr absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds); }

FleetFinding Missing(const std::string& tenant) {
  return {.kind = FindingKind::kDatabaseMissing,
          .tenant = tenant,
          .object = "t_" + tenant,
          .message = "the tenant's database is not there"};
}

TEST(FleetFindingsTest, AProblemIsToldUntilTheNextComparisonFindsAllWell) {
  FleetFindings findings;
  findings.Expect({"h1"}, {"h1"});
  EXPECT_EQ(findings.ProblemOf("acme", absl::InfinitePast()), "");
  findings.Put("h1", At(1), {Missing("acme"), Missing("acme")}, {});
  EXPECT_THAT(
      findings.ProblemOf("acme", absl::InfinitePast()),
      AllOf(HasSubstr("hosts/h1"), HasSubstr("t_acme: the tenant's database is not there, and 1 more")));
  EXPECT_EQ(findings.ProblemOf("globex", absl::InfinitePast()), "");
  EXPECT_EQ(findings.Summarize().problems, 2);
  findings.Put("h1", At(2), {}, {});
  EXPECT_EQ(findings.ProblemOf("acme", absl::InfinitePast()), "");
  EXPECT_EQ(findings.Summarize().problems, 0);
}

TEST(FleetFindingsTest, NotesCountForNothingAndStraysForThemselves) {
  FleetFindings findings;
  FleetFinding note = Missing("acme");
  note.severity = domain::Severity::kNote;
  FleetFinding stray = Missing("");
  findings.Put("h1", At(1), {note, stray}, {});
  EXPECT_EQ(findings.ProblemOf("acme", absl::InfinitePast()), "");
  EXPECT_EQ(findings.Summarize().problems, 1);
}

TEST(FleetFindingsTest, WhatIsKnownOfATenantAtWorkStays) {
  FleetFindings findings;
  findings.Put("h1", At(1), {Missing("acme"), Missing("globex")}, {});
  findings.Put("h1", At(2), {}, {"acme"});
  EXPECT_NE(findings.ProblemOf("acme", absl::InfinitePast()), "");
  EXPECT_EQ(findings.ProblemOf("globex", absl::InfinitePast()), "");
}

TEST(FleetFindingsTest, AProblemFromBeforeTheTenantsLastChangeIsNotTold) {
  FleetFindings findings;
  findings.Put("h1", At(2), {Missing("acme")}, {});
  EXPECT_NE(findings.ProblemOf("acme", At(1)), "");
  EXPECT_EQ(findings.ProblemOf("acme", At(3)), "");
}

TEST(FleetFindingsTest, TheTimeIsThatOfTheOldestComparisonOnceAllWereCompared) {
  FleetFindings findings;
  EXPECT_FALSE(findings.Summarize().time);
  findings.Expect({"h1", "h2"}, {"h1", "h2"});
  findings.Put("h1", At(1), {}, {});
  EXPECT_FALSE(findings.Summarize().time);
  findings.Put("h2", At(5), {Missing("acme")}, {});
  EXPECT_EQ(findings.Summarize().time, At(1));
  findings.Put("h1", At(9), {}, {});
  EXPECT_EQ(findings.Summarize().time, At(5));
  findings.Expect({"h1"}, {"h1"});
  EXPECT_EQ(findings.Summarize().time, At(9));
  EXPECT_EQ(findings.Summarize().problems, 0) << "a host that is gone is forgotten";
}

TEST(FleetFindingsTest, WhatWasFoundOnAHostStaysKnownWhileItIsAway) {
  FleetFindings findings;
  findings.Put("h1", At(1), {Missing("acme")}, {});
  findings.Put("h2", At(5), {}, {});
  findings.Expect({"h1", "h2"}, {"h2"});
  EXPECT_NE(findings.ProblemOf("acme", absl::InfinitePast()), "");
  EXPECT_EQ(findings.Summarize().problems, 1);
  EXPECT_EQ(findings.Summarize().time, At(5)) << "nobody waits for a host that cannot be asked";
}

TEST(FleetFindingsTest, AComparisonThatEndsAfterALaterOneSaysNothing) {
  FleetFindings findings;
  findings.Put("h1", At(2), {}, {});
  findings.Put("h1", At(1), {Missing("acme")}, {});
  EXPECT_EQ(findings.ProblemOf("acme", absl::InfinitePast()), "");
}

}  // namespace
}  // namespace croft::handlers
