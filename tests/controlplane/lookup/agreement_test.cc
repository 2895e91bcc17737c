#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/names.h"
#include "tests/controlplane/lookup/index_world.h"

namespace croft::lookup {
namespace {

using domain::TenantState;
using Visibility = PlacementIndex::Visibility;

constexpr int kTenants = 300;
constexpr int kSteps = 6000;
constexpr int kAliases = 40;

// What a subscriber believes, from nothing but what it was update.
class Follower {
 public:
  explicit Follower(const PlacementIndex& index) : index_(index), cursor_(*index.Open({})) {}

  void Read(size_t most) {
    const auto read =
        index_.ReadOn(cursor_, most, {}, [](auto, const auto&) { return Visibility::kPlain; });
    for (const auto& update : read.updates) {
      if (update.removed) {
        known_.erase(update.id);
      } else {
        known_[update.id] = {update.generation,
                             update.refused.ok() ? update.reply : DetailsOf(update.refused).reason};
      }
    }
    if (read.caught_up) revision_ = read.revision;
    caught_up_ = read.caught_up;
  }
  void ReadAll() {
    do Read(50);
    while (!caught_up_);
  }
  // As if the stream was cut and taken up again.
  void Resume() {
    if (revision_) cursor_ = *index_.Open(*revision_);
  }
  const std::map<std::string, std::pair<int64_t, std::string>>& known() const { return known_; }

 private:
  const PlacementIndex& index_;
  Cursor cursor_;
  bool caught_up_ = false;
  std::optional<domain::Revision> revision_;
  std::map<std::string, std::pair<int64_t, std::string>> known_;
};

// Changes one tenant or host at random, as the engine could.
class Changer {
 public:
  Changer(IndexWorld& world, unsigned seed) : world_(world), random_(seed) {}

  void Step() {
    if (Below(40) == 0) return ChangeHost();
    const int number = Below(kTenants);
    const std::string id = absl::StrCat("t", number);
    const std::optional<domain::Tenant> present = *world_.catalog.GetTenant(id);
    if (!present || present->state == TenantState::kPurged) {
      domain::Tenant made =
          world_.TenantCalled(id, ++last_uid_, present ? present->placement.generation + 1 : 1);
      made.placement.host = AnyHost();
      return world_.Put(made);
    }
    domain::Tenant changed = *present;
    switch (Below(6)) {
      case 0: changed.state = TenantState::kPurged; break;
      case 1: changed.state = TenantState::kRetired; break;
      case 2: changed.state = TenantState::kReady; break;
      case 3: changed.placement.host = AnyHost(); break;
      case 4: changed.aliases = FreeAliases(id); break;
      default: changed.features = absl::StrCat("{\"n\":", Below(1000), "}"); break;
    }
    if (changed.state == TenantState::kPurged) changed.aliases.clear();
    changed.placement.generation += 1;
    changed.version += 1;
    world_.Put(changed);
  }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  std::string AnyHost() { return absl::StrCat("h", 1 + Below(3)); }
  void ChangeHost() {
    domain::Host host = world_.HostCalled(AnyHost());
    host.report.tls = Below(2) == 0;
    host.report.advertise_endpoints = {absl::StrCat("host", Below(5), ":7500")};
    world_.Put(host);
  }
  std::vector<std::string> FreeAliases(const std::string& tenant) {
    std::vector<std::string> aliases;
    const std::string alias = absl::StrCat("alias", Below(kAliases), ".example");
    const auto holder = (*world_.catalog.Begin())->FindAlias(alias);
    if (!holder || *holder == tenant) aliases.push_back(alias);
    return aliases;
  }

  IndexWorld& world_;
  std::mt19937 random_;
  int64_t last_uid_ = 0;
};

void ExpectAgreement(IndexWorld& world, unsigned seed) {
  // An index that is made from the catalog at once must answer as the one that followed every change.
  PlacementIndex fresh(world.keyring, kAuthority);
  ASSERT_TRUE(fresh.Load(world.catalog).ok());
  EXPECT_EQ(fresh.tenants(), world.index.tenants());
  std::vector<std::string> names;
  for (int i = 0; i < kTenants; ++i) names.push_back(absl::StrCat("t", i));
  for (int i = 0; i < kAliases; ++i) names.push_back(absl::StrCat("alias", i, ".example"));
  for (const std::string& name : names) {
    std::string expected;
    std::string actual;
    const absl::Status wanted = fresh.Lookup(name, {.password = true}, expected);
    const absl::Status got = world.index.Lookup(name, {.password = true}, actual);
    ASSERT_EQ(wanted, got) << name << " seed " << seed;
    if (!wanted.ok()) continue;
    v1::LookupResponse a;
    v1::LookupResponse b;
    ASSERT_TRUE(a.ParseFromString(expected) && b.ParseFromString(actual));
    a.clear_revision();
    b.clear_revision();
    ASSERT_EQ(a.DebugString(), b.DebugString()) << name << " seed " << seed;
  }
}

class AgreementTest : public testing::TestWithParam<unsigned> {};

TEST_P(AgreementTest, IndexAndFollowersAgreeWithTheCatalogAfterRandomChanges) {
  IndexWorld world(100'000);
  for (const char* host : {"h1", "h2", "h3"}) world.Put(world.HostCalled(host));
  ASSERT_TRUE(world.Load().ok());
  Changer changer(world, GetParam());
  Follower eager(world.index);
  Follower slow(world.index);
  Follower cut(world.index);
  for (int step = 0; step < kSteps; ++step) {
    changer.Step();
    if (step % 2 == 0) eager.ReadAll();
    if (step % 500 == 0) slow.Read(3);
    if (step % 37 == 0) {
      cut.Read(20);
      cut.Resume();
    }
  }
  ExpectAgreement(world, GetParam());
  Follower newcomer(world.index);
  for (Follower* follower : {&eager, &slow, &cut, &newcomer}) follower->ReadAll();
  EXPECT_EQ(newcomer.known().size(), world.index.tenants());
  EXPECT_EQ(eager.known(), newcomer.known());
  EXPECT_EQ(slow.known(), newcomer.known());
  EXPECT_EQ(cut.known(), newcomer.known());
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgreementTest, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace croft::lookup
