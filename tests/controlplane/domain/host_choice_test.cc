#include "controlplane/domain/host_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::domain {
namespace {

using ::testing::HasSubstr;

Host Up(const std::string& id) {
  Host host{.id = id, .certificate_fingerprint = "f", .up = true};
  host.report = {
      .postgres_up = true, .system_identifier = "1", .free_bytes = int64_t{1} << 40, .stores = {"s1"}};
  host.accepted_system_identifier = "1";
  return host;
}

std::string Choice(const std::vector<Host>& hosts, const PlacementRequest& wanted = {}) {
  const auto host = ChooseHost(hosts, wanted);
  return host.ok() ? *host : DetailsOf(host.status()).reason;
}

TEST(ChooseHost, TakesTheEmptiestAndOfEqualsTheFirst) {
  Host a = Up("a"), b = Up("b"), c = Up("c");
  EXPECT_EQ(Choice({a, b, c}), "a");
  TakeRoom(a, 50);
  EXPECT_EQ(Choice({a, b, c}), "b");
}

TEST(ChooseHost, ComparesSharesNotCounts) {
  Host small = Up("small"), large = Up("large");
  small.limits.databases = 10;
  small.databases_reserved = 5;
  large.limits.databases = 1000;
  large.databases_reserved = 100;
  EXPECT_EQ(Choice({large, small}), "large");
}

TEST(ChooseHost, PassesOverEveryKindOfMisfit) {
  Host away = Up("away"), cordoned = Up("cordoned"), full = Up("full"), down = Up("down"),
       other = Up("other"), missing = Up("missing"), disk = Up("disk"), expected = Up("expected"),
       changed = Up("changed");
  away.up = false;
  cordoned.cordoned = true;
  full.databases_reserved = full.limits.databases;
  down.report.postgres_up = false;
  missing.missing = true;
  disk.report.free_bytes = 5;
  expected.certificate_fingerprint.clear();
  changed.report.system_identifier = "2";
  other.labels = {{"zone", "b"}};
  const std::vector<Host> hosts = {away, cordoned, full, down, missing, disk, expected, changed, other};
  EXPECT_EQ(Choice(hosts), "other");
  const auto none = ChooseHost(hosts, {.labels = {{"zone", "a"}}});
  EXPECT_EQ(DetailsOf(none.status()).reason, "NO_HOST_FITS");
}

TEST(ChooseHost, TakesOneThatIsAwayBrieflyWhenNoneIsThere) {
  Host a = Up("a"), b = Up("b");
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  a.up = false;
  a.last_seen_time = now - kBriefly;
  b.databases_reserved = b.limits.databases - 1;
  EXPECT_EQ(Choice({a, b}, {.now = now}), "b");
  EXPECT_EQ(Choice({a}, {.now = now}), "a");
  EXPECT_EQ(Choice({a}, {.now = now + absl::Seconds(1)}), "NO_HOST_FITS");
}

TEST(ChooseHost, AwaitedIsLikeAwayAndUnconfirmedNeverFits) {
  Host a = Up("a");
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  a.up = false;
  a.awaited = true;
  a.last_seen_time = now;
  EXPECT_EQ(Choice({a}, {.now = now}), "a");
  a.unconfirmed = true;
  EXPECT_EQ(Choice({a}, {.now = now}), "NO_HOST_FITS");
  a.up = true;
  EXPECT_EQ(Choice({a}, {.now = now}), "NO_HOST_FITS");
}

TEST(ChooseHost, SumsUpTheReasonsByKind) {
  Host a = Up("a"), b = Up("b"), c = Up("c");
  a.cordoned = true;
  b.cordoned = true;
  c.up = false;
  const auto none = ChooseHost({a, b, c}, {});
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("1 away (c); 2 cordoned (a, b)"));
}

TEST(ChooseHost, UnknownFreeSpaceIsNoFullDisk) {
  Host host = Up("a");
  host.report.free_bytes = 0;
  EXPECT_EQ(Choice({host}), "NO_HOST_FITS");
  host.report.free_bytes_unknown = true;
  EXPECT_EQ(Choice({host}), "a");
}

TEST(ChooseHost, PassesOverAHostWhoseAgentLacksARightAndNamesIt) {
  Host host = Up("a");
  host.report.missing_rights = {{.right = "temp_file_limit"}};
  EXPECT_EQ(Choice({host}), "a") << "nothing fails for it";
  host.report.missing_rights.push_back({.right = "pg_signal_backend", .task_kinds = {"fence"}});
  const auto none = ChooseHost({host}, {});
  EXPECT_EQ(DetailsOf(none.status()).reason, "NO_HOST_FITS");
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("lacks rights: pg_signal_backend (a)"));
}

TEST(ChooseHost, PassesOverAHostWhoseAgentLacksAKindOfTask) {
  Host old = Up("a"), whole = Up("b"), silent = Up("c");
  old.report.task_kinds = {"create", "drop"};
  whole.report.task_kinds = {"create", "drop", "restore"};
  whole.databases_reserved = whole.limits.databases - 1;
  EXPECT_EQ(Choice({old, whole}, {.task_kinds = {"create", "drop"}}), "a");
  EXPECT_EQ(Choice({old, whole}, {.task_kinds = {"restore", "drop"}}), "b");
  const auto none = ChooseHost({old}, {.task_kinds = {"restore", "drop"}});
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("1 with an agent that is too old for it (a)"));
  EXPECT_EQ(Choice({silent}, {.task_kinds = {"restore"}}), "c") << "its agent does not say what it knows";
}

TEST(ChooseHost, OneTenantsQuotaMustFitTheServerAndTheSumNeedNot) {
  Host host = Up("a");
  host.report.max_connections = 100;
  host.connections_reserved = 5000;
  EXPECT_EQ(Choice({host}, {.connections = 92}), "a");
  EXPECT_EQ(Choice({host}, {.connections = 93}), "NO_HOST_FITS");
  host.report.max_connections = 0;
  EXPECT_EQ(Choice({host}, {.connections = 93}), "a") << "it is not known";
}

TEST(ChooseHost, WithoutHostsSaysWhatToDo) {
  EXPECT_THAT(std::string(ChooseHost({}, {}).status().message()), HasSubstr("join one first"));
}

TEST(ChooseHost, CountsConnectionsThatAreTaken) {
  Host host = Up("a");
  host.limits.connections = 100;
  host.connections_reserved = 60;
  EXPECT_EQ(Choice({host}, {.connections = 40}), "a");
  EXPECT_EQ(Choice({host}, {.connections = 41}), "NO_HOST_FITS");
}

TEST(ChooseHost, RestoresOnlyWhereTheStoreIsReached) {
  Host a = Up("a"), b = Up("b");
  b.report.stores = {"s2"};
  EXPECT_EQ(Choice({a, b}, {.stores = {"s2"}}), "b");
}

TEST(Room, IsGivenBackOnce) {
  Host host = Up("a");
  TakeRoom(host, 50);
  GiveBackRoom(host, 50);
  GiveBackRoom(host, 50);
  EXPECT_EQ(host.databases_reserved, 0);
  EXPECT_EQ(host.connections_reserved, 0);
}

}  // namespace
}  // namespace croft::domain
