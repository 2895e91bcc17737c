// A control plane that is away, slow, old or talks nonsense: the client neither falls nor goes back.
#include <unistd.h>

#include <atomic>
#include <limits>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/client/cpp/locator_fixture.h"

namespace croft::client {
namespace {

using croft::v1::LookupResponse;
using croft::v1::WatchPlacementsResponse;

class FaultTest : public LocatorTest {
 protected:
  std::unique_ptr<Locator> OpenWithoutWatch() {
    auto options = control_plane.Options();
    options.watch = false;
    return Open(options);
  }
  // A file of all their authorities.
  std::string Authorities(const std::vector<const ScriptedControlPlane*>& all) {
    std::ofstream file(control_plane.folder() + "/authorities");
    for (const ScriptedControlPlane* one : all)
      file << std::ifstream(one->Options().authority_file).rdbuf();
    return control_plane.folder() + "/authorities";
  }
};

// --- away and slow

TEST_F(FaultTest, TheNextEndpointIsAskedWhenOneIsAway) {
  control_plane.Place("acme", 1);
  auto options = control_plane.Options();
  options.endpoints = {"127.0.0.1:1", options.endpoints.front()};
  const auto locator = Open(options);
  EXPECT_TRUE(locator->Locate("acme").ok());
  EXPECT_TRUE(locator->WaitUntilReady(Soon())) << "the watch comes round too";
}

TEST_F(FaultTest, TheNextEndpointIsAskedWhenOneIsSlow) {
  control_plane.Place("acme", 1);
  ScriptedControlPlane slow;
  slow.Hold();
  auto options = control_plane.Options();
  options.watch = false;
  options.authority_file = Authorities({&slow, &control_plane});
  options.endpoints = {slow.Options().endpoints.front(), options.endpoints.front()};
  const auto locator = Open(options);
  const auto located = locator->Locate("acme");
  EXPECT_TRUE(located.ok()) << located.status();
  EXPECT_EQ(slow.lookups(), 1);
}

TEST_F(FaultTest, WhatIsKnownIsAnsweredStaleWhileTheControlPlaneIsSlow) {
  control_plane.Place("acme", 1);
  control_plane.set_ttl(std::chrono::milliseconds(1));
  auto options = control_plane.Options();
  options.watch = false;
  options.timeout = std::chrono::milliseconds(1000);
  const auto locator = Open(options);
  ASSERT_TRUE(locator->Locate("acme").ok());
  control_plane.Hold();
  ASSERT_TRUE(Eventually([&] { return locator->Locate("acme")->stale; }));
  const int asked = control_plane.lookups();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(locator->Locate("acme")->stale);
  EXPECT_LT(control_plane.lookups(), asked + 100) << "not every caller waits for what does not answer";
  EXPECT_TRUE(absl::IsDeadlineExceeded(locator->Locate("globex").status()));
}

TEST_F(FaultTest, AnswersBecomeStaleWhenTheWatchFallsSilentAndFreshWhenItSpeaksAgain) {
  control_plane.set_ttl(std::chrono::milliseconds(50));
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  EXPECT_TRUE(Eventually([&] { return !locator->Locate("acme")->stale; }));
  control_plane.Stop();
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->stale; }));
  control_plane.Start();
  EXPECT_TRUE(Eventually([&] { return !locator->Locate("acme")->stale; }));
}

TEST_F(FaultTest, ACutWatchGoesOnFromWhereItWas) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  const int watches = control_plane.watches();
  control_plane.CutWatches();
  control_plane.Place("acme", 2);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->placement->generation == 2; }));
  EXPECT_TRUE(Eventually([&] { return control_plane.watches() > watches; }));
  EXPECT_GE(control_plane.last_watch().since().revision(), 1);
}

TEST_F(FaultTest, AFirstSetThatWasCutIsNotTakenForTheWhole) {
  control_plane.Place("acme", 1);
  control_plane.Place("globex", 1);
  // The end of the set does not come.
  control_plane.GarbleWatches([](WatchPlacementsResponse& response) { response.clear_revision(); });
  const auto locator = Open(control_plane.Options());
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme").ok(); }));
  EXPECT_FALSE(locator->WaitUntilReady(std::chrono::steady_clock::now()));
  control_plane.GarbleWatches(nullptr);
  control_plane.CutWatches();
  EXPECT_TRUE(locator->WaitUntilReady(Soon()));
  EXPECT_FALSE(control_plane.last_watch().has_since());
}

// --- old

TEST_F(FaultTest, ACatalogOfAnEarlierEpochChangesNothing) {
  control_plane.set_ttl(std::chrono::milliseconds(50));
  control_plane.NextEpoch();
  control_plane.Place("acme", 6);
  control_plane.Place("globex", 1);
  const auto locator = OpenReady();
  std::atomic<int> changes{0};
  locator->OnChange([&](const Locator::Change&) { ++changes; });

  control_plane.RestoreTo(1, 1);
  control_plane.Place("acme", 2);
  const int watches = control_plane.watches();
  EXPECT_TRUE(Eventually([&] { return control_plane.watches() > watches + 2; }));
  EXPECT_EQ(locator->Locate("acme")->placement->generation, 6);
  EXPECT_EQ(locator->OnConnectionRejected("acme")->placement->generation, 6);
  EXPECT_TRUE(locator->Locate("globex").ok()) << "the old catalog does not know it yet";
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->stale; }));
  EXPECT_EQ(changes, 0);

  control_plane.RestoreTo(3, 1);
  control_plane.Place("acme", 7);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->placement->generation == 7; }));
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(locator->Locate("globex").status()); }));
}

TEST_F(FaultTest, ACatalogOfAnEarlierRevisionChangesNothingUntilItHasCaughtUp) {
  control_plane.Place("acme", 1);
  control_plane.Place("globex", 1);
  control_plane.Place("acme", 2);
  const auto locator = OpenReady();
  control_plane.RestoreTo(1, 0);
  control_plane.Place("acme", 1);
  const int watches = control_plane.watches();
  EXPECT_TRUE(Eventually([&] { return control_plane.watches() > watches + 2; }));
  EXPECT_EQ(locator->Locate("acme")->placement->generation, 2);
  EXPECT_TRUE(locator->Locate("globex").ok());
  control_plane.Place("acme", 2);
  control_plane.Place("acme", 3);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->placement->generation == 3; }));
}

TEST_F(FaultTest, ALaterEpochStartsAnewWithLowerRevisions) {
  for (int64_t generation = 1; generation <= 9; ++generation) control_plane.Place("acme", generation);
  control_plane.Place("globex", 1);
  const auto locator = OpenReady();
  control_plane.RestoreTo(2, 0);
  control_plane.Place("acme", 10);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme")->placement->generation == 10; }));
  EXPECT_EQ(locator->Locate("acme")->placement->revision, 1);
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(locator->Locate("globex").status()); }));
}

TEST_F(FaultTest, ASnapshotIsNotUndoneByAnOlderCatalog) {
  control_plane.NextEpoch();
  control_plane.Place("acme", 4);
  auto options = control_plane.Options();
  options.snapshot_file = control_plane.folder() + "/snapshot";
  ASSERT_TRUE(Open(options)->WaitUntilReady(Soon()));
  control_plane.RestoreTo(1, 0);
  control_plane.Place("acme", 1);
  const int watches = control_plane.watches();
  const auto locator = Open(options);
  EXPECT_TRUE(Eventually([&] { return control_plane.watches() > watches + 1; }));
  EXPECT_EQ(locator->Locate("acme")->placement->generation, 4);
  EXPECT_TRUE(locator->Locate("acme")->stale);
}

// --- nonsense

const std::vector<std::pair<const char*, std::function<void(LookupResponse&)>>>& InvalidPlacements() {
  static const std::vector<std::pair<const char*, std::function<void(LookupResponse&)>>> kAll = {
      {"nothing", [](LookupResponse& one) { one.Clear(); }},
      {"no tenant", [](LookupResponse& one) { one.clear_tenant(); }},
      {"not a tenant's name", [](LookupResponse& one) { one.set_tenant("hosts/h1"); }},
      {"an empty tenant", [](LookupResponse& one) { one.set_tenant("tenants/"); }},
      {"no uid", [](LookupResponse& one) { one.clear_uid(); }},
      {"no generation", [](LookupResponse& one) { one.clear_placement_generation(); }},
      {"a negative generation", [](LookupResponse& one) { one.set_placement_generation(-1); }},
      {"no endpoint", [](LookupResponse& one) { one.clear_endpoints(); }},
      {"no host", [](LookupResponse& one) { one.mutable_endpoints(0)->clear_host(); }},
      {"a port too high", [](LookupResponse& one) { one.mutable_endpoints(0)->set_port(65536); }},
      {"a negative port", [](LookupResponse& one) { one.mutable_endpoints(0)->set_port(-1); }},
      {"no database", [](LookupResponse& one) { one.mutable_endpoints(0)->clear_database(); }},
      {"no conninfo", [](LookupResponse& one) { one.clear_conninfo(); }},
      {"a negative epoch", [](LookupResponse& one) { one.mutable_revision()->set_epoch(-7); }},
  };
  return kAll;
}

TEST_F(FaultTest, AnAnswerThatMakesNoSenseIsNoAnswer) {
  control_plane.Place("acme", 1);
  control_plane.Place("globex", 1);
  for (const auto& [what, garble] : InvalidPlacements()) {
    const auto locator = OpenWithoutWatch();
    control_plane.GarbleLookups(nullptr);
    ASSERT_TRUE(locator->Locate("acme").ok());
    control_plane.GarbleLookups(garble);
    EXPECT_FALSE(locator->Locate("globex").ok()) << what;
    const auto known = locator->OnConnectionRejected("acme");
    ASSERT_TRUE(known.ok()) << what << known.status();
    EXPECT_EQ((*known)->conninfo, "dbname=d1") << what;
    control_plane.GarbleLookups(nullptr);
    EXPECT_TRUE(locator->Locate("globex").ok()) << what << " must not be remembered";
  }
}

TEST_F(FaultTest, ATimeToLiveThatMakesNoSenseIsBounded) {
  control_plane.Place("acme", 1);
  for (const int64_t seconds : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    control_plane.GarbleLookups([&](LookupResponse& one) { one.mutable_ttl()->set_seconds(seconds); });
    EXPECT_TRUE(OpenWithoutWatch()->Locate("acme").ok());
  }
}

using Change = WatchPlacementsResponse::Change;

const std::vector<std::pair<const char*, std::function<void(Change&)>>>& InvalidChanges() {
  static const std::vector<std::pair<const char*, std::function<void(Change&)>>> kAll = {
      {"nothing", [](Change& one) { one.Clear(); }},
      {"not what changed", [](Change& one) { one.clear_what(); }},
      {"no name", [](Change& one) { one.clear_tenant(); }},
      {"another tenant's placement", [](Change& one) { one.set_tenant("tenants/initech"); }},
      {"an empty placement", [](Change& one) { one.mutable_placement()->Clear(); }},
      {"a refusal that is none", [](Change& one) { one.mutable_refused()->set_code(0); }},
      {"an unknown refusal", [](Change& one) { one.mutable_refused()->set_code(999); }},
  };
  return kAll;
}

TEST_F(FaultTest, AWatchThatMakesNoSenseIsOpenedAgainAndTellsNothing) {
  control_plane.Place("acme", 1);
  for (const auto& [what, garble] : InvalidChanges()) {
    control_plane.GarbleWatches(nullptr);
    const auto locator = OpenReady();
    const int64_t generation = locator->Locate("acme")->placement->generation;
    const int watches = control_plane.watches();
    control_plane.GarbleWatches([&garble = garble](WatchPlacementsResponse& response) {
      for (Change& change : *response.mutable_changes()) garble(change);
    });
    control_plane.Place("acme", generation + 1);
    EXPECT_TRUE(Eventually([&] { return control_plane.watches() > watches; })) << what;
    EXPECT_EQ(locator->Locate("acme")->placement->generation, generation) << what;
    control_plane.GarbleWatches(nullptr);
    EXPECT_TRUE(Eventually([&] {
      return locator->Locate("acme")->placement->generation == generation + 1;
    })) << what;
  }
}

// A port that takes every connection, says something that is no TLS, and hangs up.
class Babbler {
 public:
  Babbler() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Babble(); });
  }
  ~Babbler() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  Babbler(const Babbler&) = delete;
  Babbler& operator=(const Babbler&) = delete;
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }

 private:
  void Babble() {
    for (int peer = accept(socket_, nullptr, nullptr); peer >= 0;
         peer = accept(socket_, nullptr, nullptr)) {
      ++connections_;
      constexpr std::string_view kText = "HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01 PRI * HTTP/2.0";
      EXPECT_GE(send(peer, kText.data(), kText.size(), MSG_NOSIGNAL), -1);
      close(peer);
    }
  }

  const int socket_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

TEST_F(FaultTest, APortThatIsNoControlPlaneIsSurvivedAndPassedOver) {
  control_plane.Place("acme", 1);
  const Babbler babbler;
  auto options = control_plane.Options();
  const std::string endpoint = options.endpoints.front();
  options.endpoints = {babbler.endpoint()};
  EXPECT_FALSE(Open(options)->Locate("acme").ok());
  EXPECT_GT(babbler.connections(), 0);
  options.endpoints = {babbler.endpoint(), endpoint};
  EXPECT_TRUE(Open(options)->Locate("acme").ok());
}

TEST_F(FaultTest, AControlPlaneOfAnotherAuthorityIsNotBelieved) {
  ScriptedControlPlane stranger;
  stranger.Place("acme", 99);
  auto options = control_plane.Options();
  options.endpoints = stranger.Options().endpoints;
  EXPECT_FALSE(Open(options)->Locate("acme").ok());
  EXPECT_EQ(stranger.lookups(), 0);
}

}  // namespace
}  // namespace croft::client
