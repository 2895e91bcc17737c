#include "controlplane/server/confirmer.h"

#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/hash.h"
#include "controlplane/domain/errors.h"
#include "tests/contract/catalog_samples.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr char kUid[] = "aaaaaaaaaaaaaaaa";

class SettableClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'795'000'000);
};

// Keeps what it is asked until the test answers.
class Agents final : public fleet::InventorySource {
 public:
  void AskInventory(const std::string& host, const fleet::InventoryAsk&,
                    fleet::InventoryCallback told) override {
    asked.emplace_back(host, std::move(told));
  }
  std::vector<std::pair<std::string, fleet::InventoryCallback>> asked;
};

class EventQueue final : public engine::EventQueue {
 public:
  absl::StatusOr<engine::Answer> Call(engine::Caller, engine::RequestBody) override {
    return absl::UnimplementedError("nobody asks");
  }
  void Post(engine::Event event) override {
    found.push_back(std::get<engine::HostFound>(std::move(event)));
  }
  std::vector<engine::HostFound> found;
};

class ConfirmerTest : public testing::Test {
 protected:
  ConfirmerTest() {
    Put("h1", /*up=*/true, /*unconfirmed=*/true);
    Put("h2", /*up=*/false, /*unconfirmed=*/true);
    Put(/*unconfirmed=*/true);
  }
  void Apply(catalog::Change change) {
    const auto transaction = *catalog_.Begin();
    transaction->Apply(std::move(change));
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void Put(const std::string& id, bool up, bool unconfirmed) {
    domain::Host host = catalog::SampleHost(id);
    host.up = up;
    host.awaited = false;
    host.unconfirmed = unconfirmed;
    Apply(catalog::PutHost{std::move(host)});
  }
  void Put(bool unconfirmed) {
    domain::Tenant tenant = catalog::SampleTenant("acme");
    tenant.uid = kUid;
    tenant.unconfirmed = unconfirmed;
    Apply(catalog::PutTenant{std::move(tenant)});
  }
  std::vector<std::string> Asked() {
    std::vector<std::string> hosts;
    for (const auto& [host, told] : agents_.asked) hosts.push_back(host);
    return hosts;
  }
  void Answer(absl::StatusOr<domain::Inventory> inventory) {
    const fleet::InventoryCallback told = std::move(agents_.asked.front().second);
    agents_.asked.erase(agents_.asked.begin());
    told(std::move(inventory));
  }
  static domain::Inventory Shown(const std::string& verifier) {
    return {.host = "h1",
            .databases = {{.name = "t_acme_g1", .uid = kUid, .generation = 1}},
            .roles = {{.name = "login_a", .verifier_digest = crypto::Hex(crypto::Sha256(verifier))}}};
  }

  SettableClock clock_;
  catalog::MemoryCatalog catalog_;
  Agents agents_;
  EventQueue event_queue_;
  Confirmer confirmer_{catalog_, agents_, event_queue_, clock_};
};

TEST_F(ConfirmerTest, AsksHostsThatAreThereAndTellsWhoseTheirDatabasesAre) {
  EXPECT_TRUE(*confirmer_.LookOnce());
  EXPECT_THAT(Asked(), ElementsAre("h1"));
  EXPECT_TRUE(*confirmer_.LookOnce());
  EXPECT_THAT(Asked(), ElementsAre("h1")) << "not twice at once";
  Answer(Shown("SCRAM-SHA-256$…"));
  ASSERT_THAT(event_queue_.found, SizeIs(1));
  EXPECT_EQ(event_queue_.found[0].inventory.host, "h1");
  EXPECT_THAT(event_queue_.found[0].tenants, ElementsAre(Pair(kUid, "acme")));
  EXPECT_THAT(event_queue_.found[0].drifted, IsEmpty());
}

TEST_F(ConfirmerTest, APasswordThatIsNotTheCatalogsIsTold) {
  EXPECT_TRUE(*confirmer_.LookOnce());
  Answer(Shown("another"));
  ASSERT_THAT(event_queue_.found, SizeIs(1));
  EXPECT_THAT(event_queue_.found[0].drifted, ElementsAre("login_a"));
}

TEST_F(ConfirmerTest, AHostThatCouldNotAnswerIsAskedAgainWithTheNextLook) {
  EXPECT_TRUE(*confirmer_.LookOnce());
  Answer(domain::HostUnreachable("h1"));
  EXPECT_THAT(event_queue_.found, IsEmpty());
  EXPECT_TRUE(*confirmer_.LookOnce());
  EXPECT_THAT(Asked(), ElementsAre("h1"));
}

TEST_F(ConfirmerTest, AConfirmedHostIsAskedNowAndThenAsLongAsATenantIsNot) {
  EXPECT_TRUE(*confirmer_.LookOnce());
  Answer(Shown("another"));
  Put("h1", /*up=*/true, /*unconfirmed=*/false);
  EXPECT_TRUE(*confirmer_.LookOnce());
  EXPECT_THAT(Asked(), IsEmpty());
  clock_.now += absl::Seconds(10);
  EXPECT_TRUE(*confirmer_.LookOnce());
  EXPECT_THAT(Asked(), ElementsAre("h1"));
}

TEST_F(ConfirmerTest, NothingIsLeftToDoWhenAllIsConfirmed) {
  Put("h1", /*up=*/true, /*unconfirmed=*/false);
  Put("h2", /*up=*/false, /*unconfirmed=*/false);
  EXPECT_TRUE(*confirmer_.LookOnce()) << "the tenant may turn up on any host";
  Put(/*unconfirmed=*/false);
  EXPECT_FALSE(*confirmer_.LookOnce());
}

}  // namespace
}  // namespace croft::server
