#include "controlplane/metrics/attention.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::metrics {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using domain::Attention;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

domain::Host UpHost() {
  domain::Host host{.id = "h1", .certificate_fingerprint = "f", .up = true};
  host.report.postgres_up = true;
  host.report.postgres_version = "17.6 (Debian 17.6-1)";
  host.report.free_bytes = int64_t{50} << 30;
  return host;
}

// Of a fleet in which all is well, each figure just within its limit.
Figures Well() {
  Figures figures{.version = "1.2", .now = kNow, .start_time = kNow - absl::Hours(400)};
  figures.hosts.push_back({UpHost(), kNow});
  figures.operations.waiting_since = kNow - absl::Minutes(15);
  figures.operations.running_since = kNow - absl::Hours(6);
  figures.backups = BackupFigures{.stored = {{domain::BackupState::kVerified, 700}},
                                  .oldest_proven = kNow - absl::Hours(24 * 8),
                                  .oldest_restorable = kNow - absl::Hours(26)};
  figures.event_waiting_since = kNow - absl::Seconds(10);
  figures.disk_free_bytes = int64_t{1} << 30;
  figures.newest_copy = kNow - absl::Hours(3);
  figures.watcher_behind_since = kNow - absl::Minutes(1);
  figures.certificates.push_back({"server", kNow + absl::Hours(24 * 14) + absl::Seconds(1)});
  figures.tenants[domain::TenantState::kReady] = 20;
  figures.tenants[domain::TenantState::kFailed] = 0;
  return figures;
}

auto Says(const std::string& subject, const std::string& message, const std::string& remedy) {
  return AllOf(Field(&Attention::subject, subject), Field(&Attention::message, HasSubstr(message)),
               Field(&Attention::remedy, HasSubstr(remedy)));
}

TEST(AttentionTest, NothingWhenAllIsWell) { EXPECT_THAT(WhatNeedsAttention(Well()), IsEmpty()); }

TEST(AttentionTest, NothingOfBackupsWhileTheyAreCounted) {
  Figures figures = Well();
  figures.backups.reset();
  EXPECT_THAT(WhatNeedsAttention(figures), IsEmpty());
}

TEST(AttentionTest, ACatalogThatIsNotWritten) {
  Figures figures = Well();
  figures.event_waiting_since = kNow - absl::Seconds(40);
  figures.events_waiting = 3;
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("catalog", "for 40 seconds while 3 events wait", "disk")));
}

TEST(AttentionTest, ACatalogWhoseDiskFillsUp) {
  Figures figures = Well();
  figures.disk_free_bytes = int64_t{100} << 20;
  EXPECT_THAT(WhatNeedsAttention(figures), ElementsAre(Says("catalog", "100 MiB left", "free some room")));
}

TEST(AttentionTest, CopiesOfTheCatalogThatAreOldOrWereNeverMade) {
  Figures figures = Well();
  figures.newest_copy = kNow - absl::Hours(30);
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("catalog copies", "30 hours old", "croftctl admin backup-catalog")));
  figures.newest_copy.reset();
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("catalog copies", "there is none", "croftctl admin backup-catalog")));
  figures.start_time = kNow - absl::Hours(1);
  EXPECT_THAT(WhatNeedsAttention(figures), IsEmpty()) << "the first one is made soon";
}

TEST(AttentionTest, CertificatesThatEnd) {
  Figures figures = Well();
  figures.certificates = {{"server", kNow + absl::Hours(72)}, {"administrator", kNow - absl::Hours(1)}};
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("certificate server", "ends in 3 days", "replace"),
                          Says("certificate administrator", "has ended", "replace")));
}

TEST(AttentionTest, HostsThatAreAwayOrChanged) {
  Figures figures = Well();
  figures.hosts[0].host.up = false;
  figures.hosts[0].host.last_seen_time = kNow - absl::Minutes(5);
  figures.hosts[0].last_heard.reset();
  figures.hosts[0].host.accepted_system_identifier = "1";
  figures.hosts[0].host.report.system_identifier = "1";
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("host h1", "away for 5 minutes", "croftctl host accept-missing")));
}

TEST(AttentionTest, AServerThatIsDown) {
  Figures figures = Well();
  figures.hosts[0].host.report.postgres_up = false;
  figures.hosts[0].host.report.problem = "it does not start";
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("host h1", "PostgreSQL is not: it does not start", "log")));
}

TEST(AttentionTest, AServerThatLacksRightsRoomAndAnUpdate) {
  Figures figures = Well();
  domain::HostReport& report = figures.hosts[0].host.report;
  report.problem = "its clock is 3600 seconds ahead";
  report.missing_rights.resize(2);
  report.free_bytes = int64_t{5} << 20;
  report.postgres_version = "17.2";
  EXPECT_THAT(WhatNeedsAttention(figures), ElementsAre(Says("host h1", "3600 seconds ahead", "fix it"),
                                                       Says("host h1", "lacks 2 rights", "croftctl doctor"),
                                                       Says("host h1", "5 MiB left", "larger"),
                                                       Says("host h1", "CVE", "17.3 or later")));
  report.free_bytes_unknown = true;
  EXPECT_EQ(WhatNeedsAttention(figures).size(), 3u);
}

TEST(AttentionTest, AVersionThatIsNotUnderstoodIsNotJudged) {
  Figures figures = Well();
  for (const std::string version : {"", "17", "17.x", "18devel"}) {
    figures.hosts[0].host.report.postgres_version = version;
    EXPECT_THAT(WhatNeedsAttention(figures), IsEmpty()) << version;
  }
}

TEST(AttentionTest, BackupsThatAreMissingUnprovenOrBroken) {
  Figures figures = Well();
  figures.backups =
      BackupFigures{.stored = {{domain::BackupState::kDamaged, 1}, {domain::BackupState::kIncomplete, 2}},
                    .tenants_without_backup = 4,
                    .oldest_proven = kNow - absl::Hours(24 * 30),
                    .oldest_restorable = kNow - absl::Hours(24 * 3)};
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("backups", "lose 3 days now; 4 tenants have none", "backup create"),
                          Says("backups", "30 days old", "backup verify"),
                          Says("backups", "1 is DAMAGED", "backup list"),
                          Says("backups", "2 are INCOMPLETE", "backup list")));
}

TEST(AttentionTest, WorkThatWaits) {
  Figures figures = Well();
  figures.operations.waiting = 1;
  figures.operations.waiting_since = kNow - absl::Minutes(30);
  figures.operations.running_since = kNow - absl::Hours(9);
  figures.tenants[domain::TenantState::kFailed] = 1;
  figures.watcher_behind_since = kNow - absl::Minutes(4);
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("operations", "1 waits for a host, the first for 30 minutes", "op list"),
                          Says("operations", "run for 9 hours", "op describe"),
                          Says("tenants", "1 is FAILED", "tenant describe"),
                          Says("subscribers", "4 minutes behind", "application")));
}

TEST(AttentionTest, SchedulesThatAreLate) {
  Figures figures = Well();
  figures.late_schedules = {{.key = {domain::ScheduleKind::kPurge, "tenants/acme"},
                             .next_time = kNow,
                             .refusals = 9,
                             .refusal_message = "no backup of it was proven"}};
  EXPECT_THAT(
      WhatNeedsAttention(figures),
      ElementsAre(Says("schedules",
                       "1 is late: PURGE tenants/acme was refused 9 times: no backup of it was proven",
                       "tried again")));
  figures.late_schedules.push_back({.key = {domain::ScheduleKind::kPruneAudit, ""}});
  std::swap(figures.late_schedules[0], figures.late_schedules[1]);
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("schedules", "2 are late: PRUNE_AUDIT", "tried again")));
}

TEST(AttentionTest, CopiesThatFailed) {
  Figures figures = Well();
  figures.backups.emplace().failed_copies = 2;
  EXPECT_THAT(WhatNeedsAttention(figures),
              ElementsAre(Says("backups", "2 copies in further stores have failed", "tried again")));
}

}  // namespace
}  // namespace croft::metrics
