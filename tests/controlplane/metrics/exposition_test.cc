#include "controlplane/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace croft::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Figures Some() {
  Figures figures{.version = "1.2", .now = kNow, .start_time = kNow - absl::Hours(1), .epoch = 3};
  figures.commits = {.bounds = {absl::Milliseconds(1)}, .counts = {5, 2}, .sum = absl::Milliseconds(20)};
  return figures;
}

domain::Host UpHost(const std::string& id) {
  domain::Host host{.id = id, .up = true};
  host.report.postgres_up = true;
  host.report.postgres_version = "15.20";
  host.report.advertise_endpoints = {"10.0.0.1:7500"};
  host.report.free_bytes = 5000;
  return host;
}

TEST(ExpositionTest, HistogramsAreCumulative) {
  const std::string text = WriteExposition(Some());
  EXPECT_THAT(text, HasSubstr("croft_catalog_commit_seconds_bucket{le=\"0.001\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("croft_catalog_commit_seconds_bucket{le=\"+Inf\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("croft_catalog_commit_seconds_count 7\n"));
}

TEST(ExpositionTest, CallsCarryMethodAndCode) {
  Figures figures = Some();
  figures.calls.push_back({.method = "LookupService/Lookup", .ended = {{absl::StatusCode::kNotFound, 4}}});
  EXPECT_THAT(WriteExposition(figures),
              HasSubstr("croft_calls_total{method=\"LookupService/Lookup\",code=\"NOT_FOUND\"} 4\n"));
}

TEST(ExpositionTest, EveryOutcomeIsThereBeforeItsFirstOperationEnds) {
  EXPECT_THAT(WriteExposition(Some()),
              HasSubstr("croft_operations_ended_total{kind=\"BACK_UP\",outcome=\"FAILED\"} 0\n"));
}

TEST(ExpositionTest, AgesCountFromNow) {
  Figures figures = Some();
  figures.operations.waiting_since = kNow - absl::Seconds(90);
  figures.backups = BackupFigures{.oldest_proven = kNow - absl::Hours(1)};
  const std::string text = WriteExposition(figures);
  EXPECT_THAT(text, HasSubstr("croft_operations_waiting_oldest_seconds 90\n"));
  EXPECT_THAT(text, HasSubstr("croft_backup_oldest_proven_seconds 3600\n"));
  EXPECT_THAT(text, HasSubstr("croft_events_waiting_oldest_seconds 0\n"));
}

TEST(ExpositionTest, WhatIsNotKnownIsLeftOut) {
  Figures figures = Some();
  domain::Host host = UpHost("h1");
  host.report.free_bytes_unknown = true;
  figures.hosts.push_back({host, std::nullopt});
  const std::string text = WriteExposition(figures);
  EXPECT_THAT(text, Not(HasSubstr("croft_backups{")));
  EXPECT_THAT(text, Not(HasSubstr("croft_catalog_copy_age_seconds ")));
  EXPECT_THAT(text, Not(HasSubstr("croft_host_free_bytes{")));
  EXPECT_THAT(text, Not(HasSubstr("croft_host_heartbeat_age_seconds{")));
  EXPECT_THAT(text, HasSubstr("croft_host_postgres_up{host=\"h1\"} 1\n"));
}

TEST(ExpositionTest, AnAgentThatIsAwayHasNoServerThatIsUp) {
  Figures figures = Some();
  domain::Host host = UpHost("h1");
  host.up = false;
  figures.hosts.push_back({host, kNow - absl::Minutes(2)});
  const std::string text = WriteExposition(figures);
  EXPECT_THAT(text, HasSubstr("croft_host_postgres_up{host=\"h1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("croft_host_heartbeat_age_seconds{host=\"h1\"} 120\n"));
}

TEST(ExpositionTest, HostileTextCannotBreakALine) {
  Figures figures = Some();
  domain::Host host = UpHost("h1");
  host.report.postgres_version = "15\"} 1\nevil{x=\"\\";
  figures.hosts.push_back({host, kNow});
  EXPECT_THAT(WriteExposition(figures), HasSubstr("postgres_version=\"15\\\"} 1\\nevil{x=\\\"\\\\\""));
}

TEST(DiscoveryTest, NamesTheControlPlaneAndEveryServer) {
  Figures figures = Some();
  figures.hosts.push_back({UpHost("h1"), kNow});
  domain::Host missing = UpHost("h2");
  missing.missing = true;
  figures.hosts.push_back({missing, kNow});
  figures.hosts.push_back({domain::Host{.id = "h3"}, std::nullopt});  // never seen
  const nlohmann::json read = nlohmann::json::parse(WriteDiscovery("127.0.0.1:7444", figures));
  ASSERT_EQ(read.size(), 2);
  EXPECT_EQ(read[0]["targets"], nlohmann::json::array({"127.0.0.1:7444"}));
  EXPECT_EQ(read[1]["targets"], nlohmann::json::array({"10.0.0.1:7500"}));
  EXPECT_EQ(read[1]["labels"]["__meta_croft_host"], "h1");
}

TEST(DiscoveryTest, InvalidTextDoesNotEndTheProcess) {
  Figures figures = Some();
  domain::Host host = UpHost("h1");
  host.report.postgres_version = "\xff\xfe";
  figures.hosts.push_back({host, kNow});
  EXPECT_EQ(nlohmann::json::parse(WriteDiscovery("127.0.0.1:7444", figures)).size(), 2);
}

}  // namespace
}  // namespace croft::metrics
