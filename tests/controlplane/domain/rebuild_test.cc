#include "controlplane/domain/rebuild.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ids.h"

namespace croft::domain {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kUid[] = "aaaaaaaaaaaaaaaa";
constexpr char kOther[] = "bbbbbbbbbbbbbbbb";
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

FoundDatabase Database(const std::string& slug, const std::string& uid, int64_t generation,
                       bool open = true) {
  const std::string name = "t_" + slug + "_" + uid + "_g" + std::to_string(generation);
  return {.name = open ? name : WithSeal(name),
          .uid = uid,
          .generation = generation,
          .allows_connections = open};
}

ReportedHost On(const std::string& id, std::vector<FoundDatabase> databases,
                std::vector<std::string> logins = {}) {
  ReportedHost reported{.host = {.id = id}, .inventory = {.host = id}};
  reported.host.report.system_identifier = "system-" + id;
  reported.inventory.databases = std::move(databases);
  for (std::string& login : logins)
    reported.inventory.roles.push_back({.name = std::move(login), .can_login = true});
  return reported;
}

FoundBackup BackupOf(const std::string& slug, const std::string& uid, const std::string& id) {
  FoundManifest manifest{.generation = 3, .database = "t_" + slug + "_" + uid + "_g3"};
  manifest.owner_role = "t_" + slug + "_" + uid;
  manifest.reader_role = manifest.owner_role + "_r";
  manifest.create_time = kNow - absl::Hours(5);
  manifest.locale = "C.UTF-8";
  manifest.sha256 = "digest";
  manifest.wrapped_key = "wrapped";
  manifest.extensions = {"citext"};
  return {.store = "s1",
          .uid = uid,
          .id = id,
          .has_archive = true,
          .has_manifest = true,
          .size_bytes = 7,
          .manifest = std::make_shared<FoundManifest>(manifest)};
}

const std::string kOwner = std::string("t_shop_1_") + kUid;

Rebuilt Rebuild(const std::vector<ReportedHost>& hosts,
                const std::map<std::string, RememberedTenant>& remembered = {}) {
  return RebuildCatalog(hosts, remembered, kNow);
}

TEST(RebuildCatalog, ATenantThatLetsItsApplicationInIsReady) {
  const Rebuilt rebuilt =
      Rebuild({On("h1", {Database("shop_1", kUid, 2)}, {kOwner + "_a", kOwner + "_ra"})});
  ASSERT_THAT(rebuilt.tenants, SizeIs(1));
  const Tenant& tenant = rebuilt.tenants[0];
  EXPECT_EQ(tenant.id, "shop-1");
  EXPECT_EQ(tenant.uid, kUid);
  EXPECT_EQ(tenant.state, TenantState::kReady);
  EXPECT_EQ(tenant.suspend_mode, SuspendMode::kNone);
  EXPECT_EQ(tenant.placement, (Placement{"h1", kOwner + "_g2", 2}));
  EXPECT_EQ(tenant.last_generation, 2);
  EXPECT_EQ(tenant.owner_role, kOwner);
  EXPECT_EQ(tenant.reader_role, kOwner + "_r");
  EXPECT_THAT(rebuilt.notes, IsEmpty());
}

TEST(RebuildCatalog, OneThatIsClosedForGrowthIsKnownSo) {
  ReportedHost host = On("h1", {Database("shop_1", kUid, 2)}, {kOwner + "_a"});
  EXPECT_FALSE(Rebuild({host}).tenants.at(0).storage.closed);
  host.inventory.databases[0].missing_grants = {"CREATE to " + kOwner};
  EXPECT_TRUE(Rebuild({host}).tenants.at(0).storage.closed);
}

TEST(RebuildCatalog, TheLoginsThatArePublishedAreNotThoseInUse) {
  const auto published = [](std::vector<std::string> open, std::vector<std::string> closed) {
    ReportedHost host = On("h1", {Database("shop_1", kUid, 2)}, std::move(open));
    for (std::string& login : closed) host.inventory.roles.push_back({.name = std::move(login)});
    const Tenant tenant = Rebuild({host}).tenants.at(0);
    return PublishedCredential(tenant, LoginRole::kApp)->login.substr(kOwner.size()) + " " +
           PublishedCredential(tenant, LoginRole::kReadOnly)->login.substr(kOwner.size());
  };
  EXPECT_EQ(published({kOwner + "_a", kOwner + "_ra"}, {}), "_b _rb") << "never rotated";
  EXPECT_EQ(published({kOwner + "_b", kOwner + "_rb"}, {kOwner + "_a", kOwner + "_ra"}), "_a _ra");
  EXPECT_EQ(published({kOwner + "_a", kOwner + "_b", kOwner + "_rb"}, {kOwner + "_ra"}), "_b _ra")
      << "in the middle of a rotation";
  EXPECT_EQ(published({}, {kOwner + "_a", kOwner + "_ra"}), "_a _ra") << "closed";
}

TEST(RebuildCatalog, WhicheverOfTheTwoLoginsGetsInTheTenantIsReady) {
  for (const char* login : {"_a", "_b"}) {
    const Rebuilt rebuilt = Rebuild({On("h1", {Database("shop_1", kUid, 2)}, {kOwner + login})});
    EXPECT_EQ(rebuilt.tenants.at(0).state, TenantState::kReady) << login;
  }
}

TEST(RebuildCatalog, ALoginWhoseTimeIsOverLetsNobodyIn) {
  ReportedHost host = On("h1", {Database("shop_1", kUid, 2)}, {kOwner + "_a"});
  host.inventory.roles[0].expired = true;
  EXPECT_EQ(Rebuild({host}).tenants.at(0).state, TenantState::kSuspended);
}

TEST(RebuildCatalog, OneThatIsClosedStaysClosed) {
  const Rebuilt rebuilt = Rebuild({On("h1", {Database("shop_1", kUid, 2, false)})});
  ASSERT_THAT(rebuilt.tenants, SizeIs(1));
  EXPECT_EQ(rebuilt.tenants[0].state, TenantState::kSuspended);
  EXPECT_EQ(rebuilt.tenants[0].suspend_mode, SuspendMode::kBlocked);
  EXPECT_EQ(rebuilt.tenants[0].placement.database, kOwner + "_g2");
}

TEST(RebuildCatalog, OneThatOnlyLetsReadersInIsReadOnly) {
  const Rebuilt rebuilt = Rebuild({On("h1", {Database("shop_1", kUid, 2)}, {kOwner + "_ra"})});
  ASSERT_THAT(rebuilt.tenants, SizeIs(1));
  EXPECT_EQ(rebuilt.tenants[0].state, TenantState::kSuspended);
  EXPECT_EQ(rebuilt.tenants[0].suspend_mode, SuspendMode::kReadOnly);
}

TEST(RebuildCatalog, HostsKeepWhatTheyReportAndTheRoomThatIsTaken) {
  ReportedHost h1 = On("h1", {Database("shop_1", kUid, 2)});
  h1.host.report.advertise_endpoints = {"db.example:7500", "[::1]:7500", "db.example:7501"};
  const Rebuilt rebuilt = Rebuild({On("h2", {}), h1});
  ASSERT_THAT(rebuilt.hosts, SizeIs(2));
  EXPECT_EQ(rebuilt.hosts[0].id, "h1");
  EXPECT_EQ(rebuilt.hosts[0].accepted_system_identifier, "system-h1");
  EXPECT_THAT(rebuilt.hosts[0].server_names, ElementsAre("db.example", "::1"));
  EXPECT_EQ(rebuilt.hosts[0].databases_reserved, 1);
  EXPECT_EQ(rebuilt.hosts[1].databases_reserved, 0);
}

TEST(RebuildCatalog, OnOneHostTheOpenDatabaseWinsAndElseTheLatest) {
  const Rebuilt open = Rebuild(
      {On("h1", {Database("shop_1", kUid, 4, false), Database("shop_1", kUid, 3)}, {kOwner + "_a"})});
  EXPECT_EQ(open.tenants.at(0).placement.generation, 3) << "a restore in place was under way";
  EXPECT_EQ(open.tenants.at(0).last_generation, 4) << "and its generation is used up";
  EXPECT_THAT(open.notes, ElementsAre(HasSubstr("_g4")));
  const Rebuilt closed =
      Rebuild({On("h1", {Database("shop_1", kUid, 3, false), Database("shop_1", kUid, 4, false)})});
  EXPECT_EQ(closed.tenants.at(0).placement.generation, 4);
  EXPECT_THAT(closed.notes, IsEmpty()) << "an undo copy";
}

TEST(RebuildCatalog, OfTwoHostsTheLaterGenerationWinsAndTheOtherIsTold) {
  const Rebuilt rebuilt = Rebuild({On("h1", {Database("shop_1", kUid, 3)}, {kOwner + "_a"}),
                                   On("h2", {Database("shop_1", kUid, 4, false)})});
  EXPECT_EQ(rebuilt.tenants.at(0).placement, (Placement{"h2", kOwner + "_g4", 4}));
  EXPECT_EQ(rebuilt.tenants.at(0).state, TenantState::kSuspended) << "h1 may have been given up";
  EXPECT_THAT(rebuilt.notes,
              ElementsAre(AllOf(HasSubstr("_g3 on hosts/h1 was not"), HasSubstr("though it is open"))));
}

TEST(RebuildCatalog, OrdersRiseAboveAllThatAgentsHaveObeyed) {
  ReportedHost h1 = On("h1", {Database("shop_1", kUid, 2)});
  h1.inventory.positions = {{.uid = kUid, .epoch = 1, .order = 7}, {.uid = kOther, .epoch = 1, .order = 9}};
  ReportedHost h2 = On("h2", {});
  h2.inventory.positions = {{.uid = kUid, .epoch = 1, .order = 8}};
  EXPECT_EQ(Rebuild({h1, h2}).tenants.at(0).order, 8);
}

TEST(RebuildCatalog, NoCounterIsTakenThatLeavesNoRoomToCountOn) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  ReportedHost h1 = On("h1", {Database("shop_1", kUid, 2), Database("shop_1", kUid, huge)});
  h1.inventory.positions = {{.uid = kUid, .epoch = huge, .order = huge}};
  h1.inventory.backups = {BackupOf("shop_1", kUid, "20260101t000000z-aaaa")};
  h1.inventory.backups[0].manifest->generation = huge;
  const Rebuilt rebuilt = Rebuild({h1});
  EXPECT_EQ(rebuilt.tenants.at(0).last_generation, 2);
  EXPECT_LT(rebuilt.tenants.at(0).order, huge / 2);
}

TEST(RebuildCatalog, WhatIsNotCroftsOrHalfDroppedMakesNoTenantAndIsTold) {
  FoundDatabase invalid = Database("shop_1", kUid, 1);
  invalid.invalid = true;
  FoundDatabase scratch = Database("shop_1", kUid, 1);
  scratch.name = std::string("v_") + kUid + "_1";
  FoundDatabase renamed = Database("shop_1", kUid, 1);
  renamed.name = "accounts";
  FoundDatabase untagged = Database("shop_1", kUid, 1);
  untagged.uid = "";
  const Rebuilt rebuilt = Rebuild({On("h1", {invalid, scratch, renamed, untagged})});
  EXPECT_THAT(rebuilt.tenants, IsEmpty());
  EXPECT_THAT(rebuilt.notes,
              ElementsAre(HasSubstr("DROP"), HasSubstr("accounts"), HasSubstr("whose it is")));
}

TEST(RebuildCatalog, WhoWasPurgedDoesNotComeBack) {
  ReportedHost h1 = On("h1", {Database("shop_1", kUid, 1)}, {kOwner + "_a"});
  h1.inventory.backups = {BackupOf("other", kOther, "20260101t000000z-aaaa")};
  const Rebuilt rebuilt = Rebuild({h1}, {{kUid, {"shop-1", true}}, {kOther, {"other", true}}});
  EXPECT_THAT(rebuilt.tenants, IsEmpty());
  EXPECT_THAT(rebuilt.backups, IsEmpty());
  EXPECT_THAT(rebuilt.notes, ElementsAre(HasSubstr("purged"), HasSubstr("1 backups were left out")));
}

// --- Ids.

TEST(RebuildCatalog, IdsAreThoseThatTheKeyStoreRemembers) {
  const std::string id(63, 'a');
  const std::string owner = OwnerRoleName(id, kUid);
  FoundDatabase database{.name = owner + "_g1", .uid = kUid, .generation = 1, .allows_connections = true};
  const Rebuilt rebuilt = Rebuild({On("h1", {database}, {owner + "_a"})}, {{kUid, {id}}});
  EXPECT_EQ(rebuilt.tenants.at(0).id, id);
  EXPECT_THAT(rebuilt.notes, IsEmpty());
  const Rebuilt forgotten = Rebuild({On("h1", {database}, {owner + "_a"})}, {{kUid, {}}});
  EXPECT_EQ(forgotten.tenants.at(0).id, std::string(20, 'a'));
  EXPECT_THAT(forgotten.notes, ElementsAre(HasSubstr("--alias")));
}

TEST(RebuildCatalog, TenantsWhoseCutIdsAreTheSameGetTheirUidsIntoThem) {
  const std::string slug = "a123456789b123456789";
  const std::vector<ReportedHost> hosts = {On("h1", {Database(slug, kUid, 1), Database(slug, kOther, 1)})};
  const Rebuilt both = Rebuild(hosts);
  ASSERT_THAT(both.tenants, SizeIs(2));
  EXPECT_EQ(both.tenants[0].id, slug + "-" + kUid);
  EXPECT_EQ(both.tenants[1].id, slug + "-" + kOther);
  const Rebuilt one = Rebuild(hosts, {{kUid, {slug}}});
  EXPECT_EQ(one.tenants.at(0).id, slug) << "it is known";
  EXPECT_EQ(one.tenants.at(1).id, slug + "-" + kOther);
  const Rebuilt wrong = Rebuild(hosts, {{kUid, {"acme"}}, {kOther, {"acme"}}});
  EXPECT_EQ(wrong.tenants.at(0).id, "acme");
  EXPECT_EQ(wrong.tenants.at(1).id, std::string("acme-") + kOther);
}

TEST(RebuildCatalog, WhatTheKeyStoreRemembersAndNobodyHasIsTold) {
  EXPECT_THAT(Rebuild({On("h1", {})}, {{kUid, {"shop-1"}}}).notes,
              ElementsAre(AllOf(HasSubstr("shop-1"), HasSubstr("left out"))));
}

// --- Backups.

TEST(RebuildCatalog, BackupsComeFromTheStoresOnceEach) {
  ReportedHost h1 = On("h1", {Database("shop_1", kUid, 3)}, {kOwner + "_a"});
  h1.inventory.backups = {BackupOf("shop_1", kUid, "20260101t000000z-aaaa"),
                          BackupOf("shop_1", kUid, "20260102t000000z-aaaa")};
  ReportedHost h2 = On("h2", {});
  h2.inventory.backups = h1.inventory.backups;
  FoundBackup half = BackupOf("shop_1", kUid, "20260103t000000z-aaaa");
  half.manifest.reset();
  h2.inventory.backups.push_back(half);
  const Rebuilt rebuilt = Rebuild({h1, h2});
  ASSERT_THAT(rebuilt.backups, SizeIs(2));
  EXPECT_EQ(rebuilt.backups[0].tenant, "shop-1");
  EXPECT_EQ(rebuilt.backups[0].tenant_uid, kUid);
  EXPECT_EQ(rebuilt.backups[0].store, "s1");
  EXPECT_EQ(rebuilt.backups[0].generation, 3);
  EXPECT_EQ(rebuilt.backups[0].sha256, "digest");
  EXPECT_EQ(rebuilt.backups[0].wrapped_key, "wrapped");
  EXPECT_EQ(rebuilt.backups[0].state, BackupState::kAvailable) << "nobody knows that it was proven";
  EXPECT_EQ(rebuilt.tenants.at(0).last_backup, "20260102t000000z-aaaa");
  EXPECT_THAT(rebuilt.tenants.at(0).extensions, ElementsAre("citext"));
  EXPECT_EQ(rebuilt.tenants.at(0).locale, "C.UTF-8");
  EXPECT_THAT(rebuilt.notes, ElementsAre(HasSubstr("20260103t000000z-aaaa")));
}

TEST(RebuildCatalog, ATenantOfWhichOnlyBackupsAreLeftCanBeRestoredAndIsTold) {
  ReportedHost h1 = On("h1", {});
  h1.inventory.backups = {BackupOf("shop_1", kUid, "20260101t000000z-aaaa")};
  const Rebuilt rebuilt = Rebuild({h1}, {{kUid, {"shop-1"}}});
  ASSERT_THAT(rebuilt.tenants, SizeIs(1));
  EXPECT_EQ(rebuilt.tenants[0].state, TenantState::kReady);
  EXPECT_EQ(rebuilt.tenants[0].placement, (Placement{"lost", kOwner + "_g3", 3}));
  ASSERT_THAT(rebuilt.hosts, SizeIs(2));
  EXPECT_EQ(rebuilt.hosts[1].id, "lost");
  EXPECT_TRUE(rebuilt.hosts[1].missing);
  EXPECT_EQ(rebuilt.hosts[0].databases_reserved, 0);
  EXPECT_THAT(rebuilt.backups, SizeIs(1));
  EXPECT_THAT(rebuilt.notes, ElementsAre(HasSubstr("only backups")));
}

TEST(RebuildCatalog, TheHostThatIsMissingHasANameThatNoneHas) {
  ReportedHost lost = On("lost", {});
  lost.inventory.backups = {BackupOf("shop_1", kUid, "20260101t000000z-aaaa")};
  EXPECT_EQ(Rebuild({On("lost-0", {}), lost}, {{kUid, {"shop-1"}}}).tenants.at(0).placement.host,
            "lost-0-0");
}

TEST(RebuildCatalog, NobodyIsMadeUpByAFileInAStore) {
  ReportedHost h1 = On("h1", {});
  h1.inventory.backups = {BackupOf("shop_1", kUid, "20260101t000000z-aaaa")};
  EXPECT_THAT(Rebuild({h1}).tenants, IsEmpty()) << "no key of it is known";
  h1.inventory.backups[0].manifest->owner_role = "postgres";
  EXPECT_THAT(Rebuild({h1}, {{kUid, {"shop-1"}}}).tenants, IsEmpty());
}

TEST(RebuildCatalog, AStoreThatNobodyCouldReadIsTold) {
  ReportedHost h1 = On("h1", {});
  h1.inventory.stores = {{"s1", "no such folder"}, {"s2", "denied"}};
  ReportedHost h2 = On("h2", {});
  h2.inventory.stores = {{"s1", ""}, {"s2", "denied"}};
  EXPECT_THAT(Rebuild({h1, h2}).notes, ElementsAre(HasSubstr("s2 could not be read")));
}

TEST(RebuildCatalog, TheSameArchiveInAnotherStoreIsACopy) {
  ReportedHost host = On("h1", {Database("shop_1", kUid, 3)}, {kOwner + "_a", kOwner + "_ra"});
  host.host.report.store_names = {{"s9", "offsite"}};
  FoundBackup copy = BackupOf("shop_1", kUid, "20261123t031100z-abcd");
  copy.store = "s9";
  FoundBackup another = BackupOf("shop_1", kUid, "20261123t031100z-abcd");
  another.store = "s8";
  FoundManifest changed = *another.manifest;
  changed.sha256 = "another digest";
  another.manifest = std::make_shared<FoundManifest>(changed);
  host.inventory.backups = {BackupOf("shop_1", kUid, "20261123t031100z-abcd"), copy, another};
  const Rebuilt rebuilt = Rebuild({host});
  ASSERT_THAT(rebuilt.backups, SizeIs(1));
  EXPECT_EQ(rebuilt.backups[0].store, "s1");
  ASSERT_THAT(rebuilt.backups[0].copies, SizeIs(1));
  EXPECT_EQ(rebuilt.backups[0].copies[0].store, "s9");
  EXPECT_EQ(rebuilt.backups[0].copies[0].store_name, "offsite");
  EXPECT_EQ(rebuilt.backups[0].copies[0].state, BackupState::kAvailable);
}

}  // namespace
}  // namespace croft::domain
