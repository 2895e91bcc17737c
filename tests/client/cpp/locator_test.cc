#include "croft/locator.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/client/cpp/locator_fixture.h"

namespace croft::client {
namespace {

TEST_F(LocatorTest, AnswersFromTheWatchWithoutAsking) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  const auto located = locator->Locate("acme");
  ASSERT_TRUE(located.ok()) << located.status();
  EXPECT_EQ((*located)->conninfo, "dbname=d1");
  EXPECT_FALSE(located->stale);
  EXPECT_EQ(control_plane.lookups(), 0);
}

TEST_F(LocatorTest, ANewTenantEndsTheBeliefThatThereIsNone) {
  auto options = control_plane.Options();
  options.negative_ttl = std::chrono::hours(1);
  const auto locator = Open(options);
  ASSERT_TRUE(locator->WaitUntilReady(Soon()));
  EXPECT_TRUE(absl::IsNotFound(locator->Locate("acme").status()));
  const int asked = control_plane.lookups();
  EXPECT_TRUE(absl::IsNotFound(locator->Locate("acme").status()));
  EXPECT_EQ(control_plane.lookups(), asked) << "believed";
  control_plane.Place("acme", 1);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("acme").ok(); }));
}

TEST_F(LocatorTest, ManyThreadsThatMissAskOnce) {
  auto options = control_plane.Options();
  options.watch = false;
  const auto locator = Open(options);
  control_plane.Place("acme", 1);
  control_plane.Hold();
  std::vector<std::thread> threads;
  std::atomic<int> found{0};
  for (int i = 0; i < 16; ++i) threads.emplace_back([&] { found += locator->Locate("acme").ok() ? 1 : 0; });
  EXPECT_TRUE(Eventually([&] { return control_plane.lookups() > 0; }));
  control_plane.LetGo();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, 16);
  EXPECT_EQ(control_plane.lookups(), 1);
}

TEST_F(LocatorTest, AsksForItsRoleAndPurpose) {
  control_plane.Place("acme", 1);
  auto options = control_plane.Options();
  options.role = Locator::Role::kReadOnly;
  options.purpose = Locator::Purpose::kPooled;
  const auto locator = Open(options);
  ASSERT_TRUE(locator->WaitUntilReady(Soon()));
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.last_watch().role(), croft::v1::ROLE_READ_ONLY);
  EXPECT_EQ(control_plane.last_watch().purpose(), croft::v1::Endpoint::PURPOSE_POOLED);
  EXPECT_EQ(control_plane.last_lookup().role(), croft::v1::ROLE_READ_ONLY);
  EXPECT_EQ(control_plane.last_lookup().purpose(), croft::v1::Endpoint::PURPOSE_POOLED);
}

TEST_F(LocatorTest, TakesUpARenewedToken) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.last_authorization(), "Bearer croft_test");
  control_plane.Write("token", "croft_renewed\n");
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.last_authorization(), "Bearer croft_renewed");
}

TEST_F(LocatorTest, TakesUpARenewedCertificate) {
  control_plane.Place("acme", 1);
  control_plane.Certify("first");
  auto options = control_plane.Options();
  options.token_file.clear();
  options.certificate_file = control_plane.folder() + "/client.crt";
  options.key_file = control_plane.folder() + "/client.key";
  const auto locator = Open(options);
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.last_certificate(), "first");
  control_plane.Certify("renewed");
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.last_certificate(), "renewed");
}

TEST_F(LocatorTest, WithoutAWatchAnAnswerIsAskedAgainAfterItsTimeToLive) {
  control_plane.Place("acme", 1);
  control_plane.set_ttl(std::chrono::hours(1));
  auto options = control_plane.Options();
  options.watch = false;
  const auto locator = Open(options);
  ASSERT_TRUE(locator->Locate("acme").ok());
  control_plane.Place("acme", 2);
  EXPECT_EQ((*locator->Locate("acme"))->generation, 1);
  EXPECT_EQ(control_plane.lookups(), 1);
  control_plane.set_ttl(std::chrono::milliseconds(1));
  EXPECT_EQ((*locator->OnConnectionRejected("acme"))->generation, 2);
  control_plane.Place("acme", 3);
  EXPECT_TRUE(Eventually([&] { return (*locator->Locate("acme"))->generation == 3; }));
}

TEST_F(LocatorTest, WithoutAWatchADenialIsBelievedForAWhileToo) {
  control_plane.Place("acme", 1);
  control_plane.set_ttl(std::chrono::milliseconds(1));
  auto options = control_plane.Options();
  options.watch = false;
  options.negative_ttl = std::chrono::hours(1);
  const auto locator = Open(options);
  ASSERT_TRUE(locator->Locate("acme").ok());
  control_plane.Remove("acme");
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(locator->Locate("acme").status()); }));
  const int asked = control_plane.lookups();
  EXPECT_TRUE(absl::IsNotFound(locator->Locate("acme").status()));
  EXPECT_EQ(control_plane.lookups(), asked);
}

TEST_F(LocatorTest, TellsOfChangesSoThatPoolsTurnOver) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  std::atomic<int64_t> told{0};
  std::atomic<bool> refused{false};
  locator->OnChange([&](const Locator::Change& change) {
    if (change.now) {
      told = change.now->generation;
    } else {
      refused = true;
    }
  });
  control_plane.Place("acme", 2);
  EXPECT_TRUE(Eventually([&] { return told == 2; }));
  control_plane.Refuse("acme", 2);
  EXPECT_TRUE(Eventually([&] { return refused.load(); }));
  EXPECT_TRUE(absl::IsFailedPrecondition(locator->Locate("acme").status()));
}

TEST_F(LocatorTest, GoesOnWithStaleAnswersWhileTheControlPlaneIsAway) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  control_plane.Stop();
  EXPECT_TRUE(locator->Locate("acme").ok());
  const auto unknown = locator->Locate("globex");
  EXPECT_FALSE(unknown.ok());
  EXPECT_FALSE(absl::IsNotFound(unknown.status())) << "nobody said that there is none";
  control_plane.Start();
  control_plane.Place("globex", 1);
  EXPECT_TRUE(Eventually([&] { return locator->Locate("globex").ok(); }));
}

TEST_F(LocatorTest, ARejectedConnectionAsksExactlyOnceMore) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  const int before = control_plane.lookups();
  EXPECT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_EQ(control_plane.lookups(), before + 1);
}

TEST_F(LocatorTest, StartsOverInAnotherEpochAndForgetsWhatIsGone) {
  control_plane.Place("acme", 1);
  control_plane.Place("globex", 1);
  const auto locator = OpenReady();
  control_plane.Remove("globex");
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(locator->Locate("globex").status()); }));
  control_plane.NextEpoch();
  control_plane.Place("acme", 5);
  EXPECT_TRUE(Eventually([&] { return (*locator->Locate("acme"))->generation == 5; }));
  EXPECT_EQ((*locator->Locate("acme"))->epoch, 2);
}

TEST_F(LocatorTest, ACallbackIsNeverToldSomethingOlderThanBefore) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  std::atomic<int64_t> told{1};
  std::atomic<int> went_back{0};
  locator->OnChange([&](const Locator::Change& change) {
    if (change.now->generation < told) ++went_back;
    told = change.now->generation;
  });
  std::atomic<bool> done{false};
  std::thread asker([&] {
    while (!done) (void)locator->OnConnectionRejected("acme");
  });
  for (int64_t generation = 2; generation <= 200; ++generation) control_plane.Place("acme", generation);
  EXPECT_TRUE(Eventually([&] { return told == 200; }));
  done = true;
  asker.join();
  EXPECT_EQ(went_back, 0);
}

TEST_F(LocatorTest, ACallbackMayAsk) {
  control_plane.Place("acme", 1);
  control_plane.Place("globex", 1);
  auto options = control_plane.Options();
  options.watch = false;
  const auto locator = Open(options);
  ASSERT_TRUE(locator->Locate("acme").ok());
  bool asked = false;
  locator->OnChange([&](const Locator::Change&) { asked = locator->Locate("globex").ok(); });
  control_plane.Place("acme", 2);
  ASSERT_TRUE(locator->OnConnectionRejected("acme").ok());
  EXPECT_TRUE(asked);
}

TEST_F(LocatorTest, CallsUnderWayEndWithTheLocator) {
  auto options = control_plane.Options();
  options.timeout = std::chrono::hours(1);
  auto locator = Open(options);
  control_plane.Hold();
  absl::Status answered;
  std::thread asker([&] { answered = locator->Locate("acme").status(); });
  EXPECT_TRUE(Eventually([&] { return control_plane.lookups() > 0; }));
  locator.reset();
  asker.join();
  EXPECT_TRUE(absl::IsCancelled(answered)) << answered;
}

TEST_F(LocatorTest, ASnapshotIsOpenedOnlyByWhoAsksTheSame) {
  control_plane.Place("acme", 3);
  auto options = control_plane.Options();
  options.snapshot_file = control_plane.folder() + "/snapshot";
  ASSERT_TRUE(Open(options)->WaitUntilReady(Soon()));
  control_plane.Stop();
  EXPECT_TRUE(Open(options)->Locate("acme").ok());
  auto others = options;
  others.role = Locator::Role::kReadOnly;
  EXPECT_FALSE(Open(others)->Locate("acme").ok());
  control_plane.Write("token", "croft_another");
  EXPECT_FALSE(Open(options)->Locate("acme").ok());
  control_plane.Write("token", "croft_test");
  EXPECT_TRUE(Open(options)->Locate("acme").ok());
  ASSERT_EQ(chmod(options.snapshot_file.c_str(), 0644), 0);
  EXPECT_FALSE(Open(options)->Locate("acme").ok()) << "others could have written it";
}

TEST_F(LocatorTest, AProcessThatStartsWhileItIsAwayFindsItsTenantsInTheSnapshot) {
  control_plane.Place("acme", 3);
  auto options = control_plane.Options();
  options.snapshot_file = control_plane.folder() + "/snapshot";
  {
    const auto locator = Open(options);
    ASSERT_TRUE(locator->WaitUntilReady(Soon()));
  }
  struct stat file {};
  ASSERT_EQ(stat(options.snapshot_file.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  control_plane.Stop();
  const auto locator = Open(options);
  const auto located = locator->Locate("acme");
  ASSERT_TRUE(located.ok()) << located.status();
  EXPECT_EQ((*located)->generation, 3);
  EXPECT_TRUE(located->stale);
}

TEST_F(LocatorTest, RefusesToServeTheChildOfAForkAndEndsThereInPeace) {
  control_plane.Place("acme", 1);
  auto locator = OpenReady();
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = absl::IsFailedPrecondition(locator->Locate("acme").status()) &&
                         absl::IsFailedPrecondition(locator->OnConnectionRejected("acme").status());
    locator.reset();
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(LocatorTest, NoReaderSeesAGenerationGoBackThroughAThousandMoves) {
  control_plane.Place("acme", 1);
  const auto locator = OpenReady();
  std::atomic<bool> done{false};
  std::atomic<int> went_back{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&, i] {
      int64_t seen = 0;
      while (!done) {
        const auto located = i == 0 ? locator->OnConnectionRejected("acme") : locator->Locate("acme");
        if (!located.ok()) continue;
        if ((*located)->generation < seen) ++went_back;
        seen = (*located)->generation;
      }
    });
  }
  for (int64_t generation = 2; generation <= 1000; ++generation) control_plane.Place("acme", generation);
  EXPECT_TRUE(Eventually([&] { return (*locator->Locate("acme"))->generation == 1000; }));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(went_back, 0);
}

TEST(OpenLocator, NamesTheOptionThatIsWrong) {
  EXPECT_EQ(Locator::Open({}).status().message(), "endpoints: name at least one host:port");
  Locator::Options options;
  options.endpoints = {"localhost:1"};
  options.authority_file = "/nowhere/ca.crt";
  EXPECT_EQ(Locator::Open(options).status().message(), "authority_file: cannot read /nowhere/ca.crt");
}

TEST(StaticLocator, AnswersFromAFile) {
  char path[] = "/tmp/croft-static-XXXXXX";
  close(mkstemp(path));
  std::ofstream(path) << "[tenants.acme]\nconninfo = 'dbname=acme'\naliases = ['shop.acme.com']\n";
  const auto locator = OpenStaticLocator(path);
  ASSERT_TRUE(locator.ok()) << locator.status();
  EXPECT_EQ((*(*locator)->Locate("shop.acme.com"))->conninfo, "dbname=acme");
  EXPECT_TRUE(absl::IsNotFound((*locator)->Locate("globex").status()));
  std::ofstream(path) << "[tenants.acme]\n";
  EXPECT_FALSE(OpenStaticLocator(path).ok());
  unlink(path);
}

}  // namespace
}  // namespace croft::client
