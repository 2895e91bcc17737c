#include "controlplane/domain/fleet_repair.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/domain/fleet_check.h"

namespace croft::domain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = FleetRepair::Kind;

constexpr char kUid[] = "aaaaaaaaaaaaaaaa";
constexpr char kOther[] = "bbbbbbbbbbbbbbbb";
constexpr char kOwner[] = "t_acme_aaaaaaaaaaaaaaaa";

std::string Name(const char* suffix) { return std::string(kOwner) + suffix; }

// One tenant that lives in generation 2 on h1; h2 reports too. Each test spoils one thing.
class FleetRepairTest : public testing::Test {
 protected:
  FleetRepairTest() {
    Tenant acme{.id = "acme", .uid = kUid, .version = 7, .state = TenantState::kReady};
    acme.placement = {.host = "h1", .database = Name("_g2"), .generation = 2};
    acme.owner_role = kOwner;
    acme.reader_role = Name("_r");
    acme.credentials = {{.login = Name("_a"), .published = true}};
    catalog_.tenants = {acme};
    for (const char* id : {"h1", "h2"})
      catalog_.hosts.push_back({.id = id, .certificate_fingerprint = "f", .up = true});
    Inventory h1{.host = "h1"};
    h1.databases = {{.name = Name("_g2"), .uid = kUid, .generation = 2, .allows_connections = true}};
    h1.roles = {{.name = kOwner}, {.name = Name("_r")}, {.name = Name("_a"), .can_login = true}};
    fleet_.inventories = {h1, Inventory{.host = "h2"}};
  }

  Tenant& acme() { return catalog_.tenants.front(); }
  Inventory& h1() { return fleet_.inventories[0]; }
  Inventory& h2() { return fleet_.inventories[1]; }

  RepairPlan Plan() {
    const FleetCheck check =
        CheckFleet(OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_), catalog_, fleet_);
    return PlanRepairs(check, catalog_, fleet_);
  }
  FleetRepair Only() {
    RepairPlan plan = Plan();
    EXPECT_THAT(plan.repairs, SizeIs(1));
    EXPECT_THAT(plan.left, IsEmpty());
    return plan.repairs.empty() ? FleetRepair() : plan.repairs.front();
  }
  void ExpectLeft(size_t findings = 1) {
    const RepairPlan plan = Plan();
    EXPECT_THAT(plan.repairs, IsEmpty());
    EXPECT_THAT(plan.left, SizeIs(findings));
  }

  CatalogView catalog_;
  FleetView fleet_;
};

TEST_F(FleetRepairTest, NothingIsPlannedForAFleetInOrder) {
  EXPECT_THAT(Plan().repairs, IsEmpty());
  EXPECT_THAT(Plan().left, IsEmpty());
}

TEST_F(FleetRepairTest, AllThatIsWrongWithATenantsOwnDatabaseIsOneRepair) {
  h1().databases[0].name += "_f";
  h1().databases[0].allows_connections = false;
  h1().databases[0].uid.clear();
  h1().roles = {{.name = kOwner}, {.name = Name("_a")}};
  const FleetRepair repair = Only();
  EXPECT_EQ(repair.kind, Kind::kShape);
  EXPECT_EQ(repair.tenant, "acme");
  EXPECT_EQ(repair.host, "h1");
  EXPECT_EQ(repair.database, Name("_g2"));
  EXPECT_EQ(repair.generation, 2);
}

TEST_F(FleetRepairTest, GrantsThatAreGoneAreGivenBack) {
  h1().databases[0].missing_grants = {"default privileges to " + Name("_r")};
  EXPECT_EQ(Only().kind, Kind::kShape);
}

TEST_F(FleetRepairTest, WhatAnAdministratorGaveAwayIsLeft) {
  h1().databases[0].owner = "somebody";
  h1().roles[0].overprivileged = true;
  ExpectLeft(2);
}

TEST_F(FleetRepairTest, NothingIsOpenedWhileAHostIsSilent) {
  h1().databases[0].allows_connections = false;
  fleet_.silent["h3"] = "it is away";
  const RepairPlan plan = Plan();
  EXPECT_THAT(plan.repairs, IsEmpty());
  EXPECT_THAT(plan.left, SizeIs(1));
}

TEST_F(FleetRepairTest, AHostThatWasDeclaredMissingHoldsNothingUp) {
  h1().databases[0].allows_connections = false;
  catalog_.hosts.push_back({.id = "h3", .missing = true});
  fleet_.silent["h3"] = "it was declared missing";
  EXPECT_EQ(Only().kind, Kind::kShape);
}

TEST_F(FleetRepairTest, ClosingWaitsForNobody) {
  acme().state = TenantState::kRetired;
  fleet_.silent["h3"] = "it is away";
  EXPECT_EQ(Only().kind, Kind::kShape);
}

TEST_F(FleetRepairTest, NothingIsOpenedBesideASecondPlaceThatMayTakeWrites) {
  h1().databases[0].allows_connections = false;
  h2().databases = {{.name = Name("_g1"), .uid = kUid, .generation = 1, .allows_connections = true}};
  ExpectLeft(2);
}

TEST_F(FleetRepairTest, ACommentThatNamesAnotherIsLeftAndNothingElseIsDoneToIt) {
  h1().databases[0].uid = kOther;
  h1().roles.pop_back();
  ExpectLeft(2);
}

TEST_F(FleetRepairTest, AMissingDatabaseIsLeft) {
  h1().databases.clear();
  ExpectLeft();
}

TEST_F(FleetRepairTest, AClosedDatabaseOfAnEarlierGenerationIsDropped) {
  h2().databases = {{.name = Name("_g1_f"), .uid = kUid, .generation = 1}};
  const FleetRepair repair = Only();
  EXPECT_EQ(repair.kind, Kind::kDrop);
  EXPECT_EQ(repair.host, "h2");
  EXPECT_EQ(repair.database, Name("_g1_f"));
}

TEST_F(FleetRepairTest, WhatAnInterruptedDropLeftIsDropped) {
  h1().databases.push_back(
      {.name = Name("_g1"), .uid = kUid, .generation = 1, .allows_connections = true, .invalid = true});
  EXPECT_EQ(Only().kind, Kind::kDrop);
}

TEST_F(FleetRepairTest, NothingIsDroppedThatIsNotProvenOursAndUnneeded) {
  const FoundDatabase good{.name = Name("_g1_f"), .uid = kUid, .generation = 1};
  struct Doubt {
    const char* what;
    std::function<void(FoundDatabase&)> make;
  };
  const std::vector<Doubt> doubts = {
      {"it is open", [](FoundDatabase& one) { one.allows_connections = true; }},
      {"it has no comment", [](FoundDatabase& one) { one.uid.clear(); }},
      {"it is of another generation than its name says", [](FoundDatabase& one) { one.generation = 0; }},
      {"it may be newer",
       [](FoundDatabase& one) { one = {.name = Name("_g3_f"), .uid = kUid, .generation = 3}; }},
      {"it has another name", [](FoundDatabase& one) { one.name = "t_other_aaaaaaaaaaaaaaaa_g1"; }},
      {"its tenant is unknown",
       [](FoundDatabase& one) {
         one = {.name = "t_x_bbbbbbbbbbbbbbbb_g1", .uid = kOther, .generation = 1};
       }},
  };
  for (const Doubt& doubt : doubts) {
    SCOPED_TRACE(doubt.what);
    h2().databases = {good};
    doubt.make(h2().databases.front());
    ExpectLeft();
  }
}

TEST_F(FleetRepairTest, NothingIsDroppedWhoseSuccessorIsNotInOrder) {
  h2().databases = {{.name = Name("_g1_f"), .uid = kUid, .generation = 1}};
  const std::vector<FoundDatabase> home = h1().databases;
  h1().databases.clear();
  ExpectLeft(2);
  h1().databases = home;
  acme().unconfirmed = true;
  ExpectLeft();
  acme().unconfirmed = false;
  fleet_.inventories.erase(fleet_.inventories.begin());
  fleet_.silent["h1"] = "it is away";
  ExpectLeft(2);
}

TEST_F(FleetRepairTest, AScratchDatabaseIsDropped) {
  h2().databases = {{.name = std::string("v_") + kUid + "_1234"}};
  EXPECT_EQ(Only().kind, Kind::kDropScratch);
}

TEST_F(FleetRepairTest, ABackupThatIsNotInItsStoreIsForgotten) {
  catalog_.backups = {
      {.tenant = "acme", .id = "b1", .tenant_uid = kUid, .state = BackupState::kVerified, .store = "s1"}};
  h1().stores = {{.store = "s1"}};
  const FleetRepair repair = Only();
  EXPECT_EQ(repair.kind, Kind::kForgetBackup);
  EXPECT_EQ(repair.backup, "b1");
  EXPECT_EQ(repair.host, "");
}

TEST_F(FleetRepairTest, ACopyThatIsNotInItsStoreIsForgottenThere) {
  catalog_.backups = {{.tenant = "acme",
                       .id = "b1",
                       .tenant_uid = kUid,
                       .state = BackupState::kFailed,
                       .store = "s1",
                       .copies = {{.store = "store-9", .state = BackupState::kVerified}}}};
  h1().stores = {{.store = "s1"}, {.store = "store-9"}};
  const FleetRepair repair = Only();
  EXPECT_EQ(repair.kind, Kind::kForgetCopy);
  EXPECT_EQ(repair.backup, "b1");
  EXPECT_EQ(repair.store, "store-9");
  EXPECT_EQ(repair.Id(), "forget-copy:acme:b1-in-store-9");
  EXPECT_TRUE(CanBeRepairId(repair.Id()));
}

TEST(RepairId, OnlyWhatARepairCanBeCalledIsOne) {
  EXPECT_TRUE(CanBeRepairId("shape:h1:t_acme_aaaaaaaaaaaaaaaa_g2"));
  EXPECT_TRUE(CanBeRepairId("forget-backup:acme:b-20260101t000000z"));
  for (const char* text : {"", "shape", "shape:h1", "shape:h1:", "shape::d", "shape:h1:d:e", "move:h1:d",
                           "shape:h1:D", "shape:h1:d'", "shape:h1:../d"}) {
    EXPECT_FALSE(CanBeRepairId(text)) << text;
  }
  EXPECT_FALSE(CanBeRepairId("shape:h1:" + std::string(300, 'd')));
}

TEST_F(FleetRepairTest, IdsStayTheSameAndDiffer) {
  h2().databases = {{.name = Name("_g1_f"), .uid = kUid, .generation = 1}};
  h1().roles.pop_back();
  const RepairPlan plan = Plan();
  ASSERT_THAT(plan.repairs, SizeIs(2));
  EXPECT_NE(plan.repairs[0].Id(), plan.repairs[1].Id());
  EXPECT_EQ(plan.repairs[0].Id(), Plan().repairs[0].Id());
}

}  // namespace
}  // namespace croft::domain
