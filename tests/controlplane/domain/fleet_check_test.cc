#include "controlplane/domain/fleet_check.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kUid[] = "aaaaaaaaaaaaaaaa";
constexpr char kOther[] = "bbbbbbbbbbbbbbbb";
constexpr char kGone[] = "cccccccccccccccc";
constexpr char kOwner[] = "t_acme_aaaaaaaaaaaaaaaa";

std::string Name(const char* suffix) { return std::string(kOwner) + suffix; }

// One tenant, `acme`, on host `h1` with one backup in store `s1`, and a fleet that is just so. Each test spoils one
// thing.
class FleetCheckTest : public testing::Test {
 protected:
  FleetCheckTest() {
    Tenant acme{.id = "acme", .uid = kUid, .version = 7, .state = TenantState::kReady};
    acme.placement = {.host = "h1", .database = Name("_g1"), .generation = 1};
    acme.owner_role = kOwner;
    acme.reader_role = Name("_r");
    acme.credentials = {{.login = Name("_a"), .published = true},
                        {.login = Name("_ra"), .role = LoginRole::kReadOnly, .published = true}};
    catalog_.tenants = {acme};
    catalog_.hosts = {UpHost("h1"), UpHost("h2")};
    catalog_.backups = {{.tenant = "acme",
                         .id = "b1",
                         .tenant_uid = kUid,
                         .state = BackupState::kAvailable,
                         .store = "s1",
                         .size_bytes = 17}};
    Inventory h1{.host = "h1"};
    h1.databases = {{.name = Name("_g1"), .uid = kUid, .generation = 1, .allows_connections = true}};
    h1.roles = {{.name = kOwner},
                {.name = Name("_r")},
                {.name = Name("_a"), .can_login = true},
                {.name = Name("_ra"), .can_login = true}};
    h1.stores = {{.store = "s1"}};
    h1.backups = {{.store = "s1",
                   .uid = kUid,
                   .id = "b1",
                   .has_archive = true,
                   .has_manifest = true,
                   .size_bytes = 17}};
    h1.keys = {{.store = "s1", .uid = kUid}};
    fleet_.inventories = {h1, Inventory{.host = "h2"}};
  }

  static Host UpHost(const std::string& id) {
    Host host{.id = id, .certificate_fingerprint = "f", .up = true};
    host.report.stores = {"s1"};
    return host;
  }

  Tenant& acme() { return catalog_.tenants.front(); }
  Inventory& h1() { return fleet_.inventories[0]; }
  Inventory& h2() { return fleet_.inventories[1]; }
  FoundDatabase& database() { return h1().databases.front(); }
  FoundRole& role(const std::string& name) {
    return *std::find_if(h1().roles.begin(), h1().roles.end(),
                         [&](const FoundRole& one) { return one.name == name; });
  }
  void RemoveRole(const std::string& name) {
    std::erase_if(h1().roles, [&](const FoundRole& one) { return one.name == name; });
  }
  void Seal() {
    database().name = Name("_g1_f");
    database().allows_connections = false;
    role(Name("_a")).can_login = false;
    role(Name("_ra")).can_login = false;
  }
  // An undo copy of generation 1 that waits to be dropped; the tenant lives in generation 2.
  void KeepCopy(int32_t attempts = 0) {
    acme().placement.database = Name("_g2");
    acme().placement.generation = 2;
    h1().databases = {{.name = Name("_g1_f"), .uid = kUid, .generation = 1},
                      {.name = Name("_g2"), .uid = kUid, .generation = 2, .allows_connections = true}};
    Operation clean_up{.id = "op-x-clean", .kind = OperationKind::kCleanUp, .tenant = "acme"};
    clean_up.steps = {{.task = DropTask{.databases = {Name("_g1")}}, .host = "h1", .attempt = attempts}};
    catalog_.running = {clean_up};
  }

  // The catalog did not change while the hosts were asked.
  FleetCheck Check() {
    return CheckFleet(OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_), catalog_, fleet_);
  }
  std::vector<FindingKind> Kinds(const FleetCheck& check) {
    std::vector<FindingKind> kinds;
    for (const FleetFinding& finding : check.findings) kinds.push_back(finding.kind);
    return kinds;
  }
  std::vector<FindingKind> Kinds() { return Kinds(Check()); }
  FleetFinding Only(FindingKind kind, const std::string& object) {
    const FleetCheck check = Check();
    EXPECT_THAT(Kinds(check), ElementsAre(kind));
    if (check.findings.empty()) return {};
    EXPECT_EQ(check.findings.front().object, object);
    EXPECT_FALSE(check.findings.front().message.empty());
    EXPECT_FALSE(check.findings.front().remedy.empty());
    return check.findings.front();
  }

  CatalogView catalog_;
  FleetView fleet_;
};

TEST_F(FleetCheckTest, AFleetAsTheCatalogSaysHasNoFindings) {
  const FleetCheck check = Check();
  EXPECT_THAT(Kinds(check), IsEmpty());
  EXPECT_THAT(check.busy, IsEmpty());
  EXPECT_EQ(check.stores_checked, 1);
}

TEST_F(FleetCheckTest, UidsAreFoundInNames) {
  EXPECT_EQ(UidInName(Name("_g1")), kUid);
  EXPECT_EQ(UidInName(Name("_g1_f")), kUid);
  EXPECT_EQ(UidInName(Name("_m2345abcd")), kUid);
  EXPECT_EQ(UidInName("t_abcdefghijklmnop_aaaaaaaaaaaaaaaa_g1"), kUid) << "an id that looks like a uid";
  EXPECT_EQ(UidInName("t_my_shop_aaaaaaaaaaaaaaaa"), kUid);
  EXPECT_EQ(UidInName("v_aaaaaaaaaaaaaaaa_x1y2"), kUid);
  for (const char* none : {"", "t", "t_", "postgres", "t_acme", "t_acme_short_g1", "v_", "v_short",
                           "t_acme_AAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaa"}) {
    EXPECT_EQ(UidInName(none), "") << none;
  }
}

// --- Databases.

TEST_F(FleetCheckTest, AMissingDatabaseIsFound) {
  h1().databases.clear();
  const FleetFinding finding = Only(FindingKind::kDatabaseMissing, Name("_g1"));
  EXPECT_EQ(finding.host, "h1");
  EXPECT_EQ(finding.tenant, "acme");
  EXPECT_EQ(finding.severity, Severity::kProblem);
}

TEST_F(FleetCheckTest, ADatabaseOfAnUnknownTenantIsOrphanedAndNotTouched) {
  h2().databases = {{.name = std::string("t_x_") + kOther + "_g1", .uid = kOther, .generation = 1}};
  EXPECT_THAT(Only(FindingKind::kDatabaseOrphaned, std::string("t_x_") + kOther + "_g1").remedy,
              HasSubstr("nothing of it is touched"));
}

TEST_F(FleetCheckTest, ADatabaseOfAPurgedTenantIsHalfDropped) {
  catalog_.tombstones = {{.id = "old", .uid = kGone, .state = TenantState::kPurged}};
  h2().databases = {{.name = std::string("t_old_") + kGone + "_g1", .uid = kGone, .generation = 1}};
  Only(FindingKind::kDatabaseHalfDropped, std::string("t_old_") + kGone + "_g1");
}

TEST_F(FleetCheckTest, AnInvalidDatabaseIsHalfDropped) {
  h1().databases.push_back({.name = Name("_g0"), .uid = kUid, .invalid = true});
  Only(FindingKind::kDatabaseHalfDropped, Name("_g0"));
}

TEST_F(FleetCheckTest, AnInvalidDatabaseWhereTheTenantLivesNeedsARestore) {
  database().invalid = true;
  EXPECT_THAT(Only(FindingKind::kDatabaseHalfDropped, Name("_g1")).remedy, HasSubstr("restore"));
}

TEST_F(FleetCheckTest, WhatAFailedTenantLeftIsHalfDropped) {
  acme().state = TenantState::kFailed;
  catalog_.backups.clear();
  h1().backups.clear();
  h1().roles.clear();
  Only(FindingKind::kDatabaseHalfDropped, Name("_g1"));
}

TEST_F(FleetCheckTest, ATenantsSecondDatabaseIsDoubledOnAnyHost) {
  const FoundDatabase second{.name = Name("_g0_f"), .uid = kUid, .generation = 0};
  h1().databases.push_back(second);
  Only(FindingKind::kDatabaseDoubled, Name("_g0_f"));
  h1().databases.pop_back();
  h2().databases.push_back(second);
  EXPECT_EQ(Only(FindingKind::kDatabaseDoubled, Name("_g0_f")).host, "h2");
}

TEST_F(FleetCheckTest, ADoubleThatMayBeNewerIsNotTouched) {
  h2().databases.push_back({.name = Name("_g2"), .uid = kUid, .generation = 2, .allows_connections = true});
  EXPECT_THAT(Only(FindingKind::kDatabaseDoubled, Name("_g2")).remedy,
              HasSubstr("nothing of it is touched"));
}

TEST_F(FleetCheckTest, SealedAndOpenAtOnceIsDoubled) {
  h1().databases.push_back({.name = Name("_g1_f"), .uid = kUid, .generation = 1});
  Only(FindingKind::kDatabaseDoubled, Name("_g1_f"));
}

TEST_F(FleetCheckTest, UndoCopiesAreExpectedAsLongAsTheyAreSealed) {
  KeepCopy();
  EXPECT_THAT(Kinds(), IsEmpty());
  h1().databases.front().allows_connections = true;
  Only(FindingKind::kDatabaseOpen, Name("_g1_f"));
}

TEST_F(FleetCheckTest, AnUndoCopyThatIsBeingDroppedMayBeInAnyState) {
  KeepCopy(/*attempts=*/1);
  h1().databases.front().invalid = true;
  EXPECT_THAT(Kinds(), IsEmpty());
  h1().databases.erase(h1().databases.begin());
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(FleetCheckTest, ACommentWithoutTheTenantIsMistagged) {
  database().uid.clear();
  database().generation = 0;
  Only(FindingKind::kDatabaseMistagged, Name("_g1"));
  database().uid = kUid;
  database().generation = 3;
  Only(FindingKind::kDatabaseMistagged, Name("_g1"));
  database().uid = kOther;
  EXPECT_THAT(Only(FindingKind::kDatabaseMistagged, Name("_g1")).message, HasSubstr(kOther));
}

TEST_F(FleetCheckTest, AScratchDatabaseOfAProofIsFound) {
  h2().databases = {{.name = std::string("v_") + kUid + "_1234"}};
  Only(FindingKind::kDatabaseScratch, std::string("v_") + kUid + "_1234");
}

TEST_F(FleetCheckTest, FoldersWithoutADatabaseAreFound) {
  h1().orphan_directories = {"16999"};
  Only(FindingKind::kDirectoryOrphaned, "16999");
}

// --- Doors.

struct Closed {
  TenantState state;
  SuspendMode mode;
};

TEST_F(FleetCheckTest, WhoIsToBeKeptOutIsFoundOpen) {
  for (const Closed& closed : {Closed{TenantState::kSuspended, SuspendMode::kBlocked},
                               Closed{TenantState::kRetired, SuspendMode::kNone}}) {
    acme().state = closed.state;
    acme().suspend_mode = closed.mode;
    EXPECT_THAT(Kinds(),
                ElementsAre(FindingKind::kDatabaseOpen, FindingKind::kRoleOpen, FindingKind::kRoleOpen));
  }
}

TEST_F(FleetCheckTest, WhoIsToBeKeptOutAndIsHasNoFindings) {
  Seal();
  for (const Closed& closed : {Closed{TenantState::kSuspended, SuspendMode::kBlocked},
                               Closed{TenantState::kRetired, SuspendMode::kNone}}) {
    acme().state = closed.state;
    acme().suspend_mode = closed.mode;
    EXPECT_THAT(Kinds(), IsEmpty());
  }
}

TEST_F(FleetCheckTest, ASealedDatabaseThatAllowsConnectionsIsOpen) {
  Seal();
  acme().state = TenantState::kRetired;
  database().allows_connections = true;
  Only(FindingKind::kDatabaseOpen, Name("_g1_f"));
}

TEST_F(FleetCheckTest, AFenceThatNobodyOrderedIsFound) {
  Seal();
  EXPECT_THAT(Kinds(), ElementsAre(FindingKind::kDatabaseFencedByNobody, FindingKind::kRoleClosed,
                                   FindingKind::kRoleClosed));
}

TEST_F(FleetCheckTest, ADoorClosedUnderTheDatabasesOwnNameIsFencedByNobody) {
  database().allows_connections = false;
  Only(FindingKind::kDatabaseFencedByNobody, Name("_g1"));
}

TEST_F(FleetCheckTest, ReadersAloneGetIntoATenantThatIsReadOnly) {
  acme().state = TenantState::kSuspended;
  acme().suspend_mode = SuspendMode::kReadOnly;
  Only(FindingKind::kRoleOpen, Name("_a"));
  role(Name("_a")).can_login = false;
  EXPECT_THAT(Kinds(), IsEmpty());
  role(Name("_ra")).can_login = false;
  Only(FindingKind::kRoleClosed, Name("_ra"));
  role(Name("_ra")).can_login = true;
  database().name = Name("_g1_f");
  Only(FindingKind::kDatabaseFencedByNobody, Name("_g1_f"));
}

// --- Roles.

TEST_F(FleetCheckTest, MissingRolesAreFound) {
  for (const std::string& name : {std::string(kOwner), Name("_r"), Name("_a"), Name("_ra")}) {
    const std::vector<FoundRole> all = h1().roles;
    RemoveRole(name);
    Only(FindingKind::kRoleMissing, name);
    h1().roles = all;
  }
}

TEST_F(FleetCheckTest, AGroupThatLogsInIsFound) {
  role(kOwner).can_login = true;
  Only(FindingKind::kRoleOpen, kOwner);
}

TEST_F(FleetCheckTest, AReplacedLoginStaysClosedOnly) {
  h1().roles.push_back({.name = Name("_b")});
  EXPECT_THAT(Kinds(), IsEmpty());
  h1().roles.back().can_login = true;
  Only(FindingKind::kRoleOpen, Name("_b"));
}

TEST_F(FleetCheckTest, ALoginOnItsWayOutMayWorkOrNot) {
  acme().credentials.push_back({.login = Name("_b"), .disable_time = absl::UnixEpoch()});
  h1().roles.push_back({.name = Name("_b"), .can_login = true});
  EXPECT_THAT(Kinds(), IsEmpty());
  h1().roles.back().can_login = false;
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(FleetCheckTest, APasswordThatIsNotTheCatalogsIsFoundWhereTheServerShowsIt) {
  catalog_.verifier_digests[Name("_a")] = "12ab";
  EXPECT_THAT(Kinds(), IsEmpty()) << "the server does not show it";
  role(Name("_a")).verifier_digest = "12ab";
  EXPECT_THAT(Kinds(), IsEmpty());
  role(Name("_a")).verifier_digest = "34cd";
  Only(FindingKind::kRoleDrifted, Name("_a"));
}

TEST_F(FleetCheckTest, GrantsThatAreGoneAreNamed) {
  database().missing_grants = {"CONNECT to " + Name("_a"), "CREATE to " + std::string(kOwner),
                               "default privileges to " + Name("_r")};
  const FleetFinding finding = Only(FindingKind::kGrantMissing, Name("_g1"));
  EXPECT_THAT(finding.message, HasSubstr("CONNECT to " + Name("_a")));
  EXPECT_THAT(finding.message, HasSubstr("default privileges to " + Name("_r")));
  EXPECT_THAT(finding.remedy, HasSubstr("repair-fleet"));
}

TEST_F(FleetCheckTest, GrantsAreMissedOnlyWhereTheTenantsStateWantsThem) {
  database().missing_grants = {"CONNECT to " + Name("_b")};
  EXPECT_THAT(Kinds(), IsEmpty()) << "a login that is not published";
  acme().credentials.push_back({.login = Name("_b"), .disable_time = absl::UnixEpoch()});
  h1().roles.push_back({.name = Name("_b"), .can_login = true});
  EXPECT_THAT(Kinds(), IsEmpty()) << "one on its way out";

  database().missing_grants = {"CONNECT to " + std::string(kOwner), "CREATE to " + std::string(kOwner),
                               "USAGE on a schema to " + Name("_r")};
  acme().state = TenantState::kSuspended;
  acme().suspend_mode = SuspendMode::kReadOnly;
  role(Name("_a")).can_login = role(Name("_b")).can_login = false;
  EXPECT_THAT(Kinds(), IsEmpty()) << "writers are kept out";
  database().missing_grants.push_back("CONNECT to " + Name("_ra"));
  EXPECT_THAT(Only(FindingKind::kGrantMissing, Name("_g1")).message, Not(HasSubstr("CREATE")));

  acme().suspend_mode = SuspendMode::kBlocked;
  Seal();
  EXPECT_THAT(Kinds(), IsEmpty()) << "nobody is let in";
}

TEST_F(FleetCheckTest, WhatIsTakenFromATenantThatIsClosedForGrowthIsNotMissed) {
  database().missing_grants = {"CREATE to " + std::string(kOwner)};
  Only(FindingKind::kGrantMissing, Name("_g1"));
  acme().storage.closed = true;
  EXPECT_THAT(Kinds(), IsEmpty());
  database().missing_grants.push_back("TEMPORARY to " + std::string(kOwner));
  EXPECT_THAT(Only(FindingKind::kGrantMissing, Name("_g1")).message, Not(HasSubstr("CREATE")));
}

TEST_F(FleetCheckTest, AClosedDatabaseIsNamedOnceAndNotForItsGrants) {
  database().allows_connections = false;
  database().missing_grants = {"CONNECT to " + Name("_a")};
  EXPECT_THAT(Kinds(), ElementsAre(FindingKind::kDatabaseFencedByNobody));
}

TEST_F(FleetCheckTest, ARoleWithRightsOverTheServerIsFound) {
  role(Name("_ra")).overprivileged = true;
  EXPECT_THAT(Only(FindingKind::kRoleOverprivileged, Name("_ra")).remedy, HasSubstr("NOSUPERUSER"));
  role(Name("_ra")).overprivileged = false;
  role(kOwner).overprivileged = true;
  Only(FindingKind::kRoleOverprivileged, kOwner);
}

TEST_F(FleetCheckTest, ADatabaseThatWasGivenAwayIsFound) {
  database().owner = "somebody";
  const FleetFinding finding = Only(FindingKind::kDatabaseOwnedByOther, Name("_g1"));
  EXPECT_THAT(finding.message, HasSubstr("somebody"));
  EXPECT_THAT(finding.remedy, HasSubstr("ALTER DATABASE"));
}

TEST_F(FleetCheckTest, AHelperThatWasLeftIsANote) {
  h1().roles.push_back({.name = Name("_m2345abcd"), .can_login = true, .expired = true});
  EXPECT_EQ(Only(FindingKind::kRoleLeftBehind, Name("_m2345abcd")).severity, Severity::kNote);
}

TEST_F(FleetCheckTest, AStrangerInTheFamilyIsOrphaned) {
  h1().roles.push_back({.name = Name("_x")});
  Only(FindingKind::kRoleOrphaned, Name("_x"));
}

TEST_F(FleetCheckTest, ARoleThatOutlivedItsTenantIsNamedWithTheDatabasesThatHoldIt) {
  catalog_.tombstones = {{.id = "gone", .uid = kGone, .state = TenantState::kPurged}};
  const std::string role = std::string("t_gone_") + kGone;
  h1().roles.push_back({.name = role, .held_by = {Name("_g1")}});
  EXPECT_THAT(Only(FindingKind::kRoleOrphaned, role).message, HasSubstr("still named by " + Name("_g1")));
}

TEST_F(FleetCheckTest, RolesWhereTheTenantDoesNotLiveAreOrphaned) {
  h2().roles = {{.name = kOwner}};
  EXPECT_EQ(Only(FindingKind::kRoleOrphaned, kOwner).tenant, "acme");
  h2().roles = {{.name = std::string("t_x_") + kOther}};
  EXPECT_EQ(Only(FindingKind::kRoleOrphaned, std::string("t_x_") + kOther).tenant, "");
}

TEST_F(FleetCheckTest, RolesBesideAnUndoCopyElsewhereStayClosed) {
  h2().databases = {{.name = Name("_g0_f"), .uid = kUid, .generation = 0}};
  h2().roles = {{.name = kOwner}, {.name = Name("_a")}};
  Operation clean_up{.id = "op-x-clean", .kind = OperationKind::kCleanUp, .tenant = "acme"};
  clean_up.steps = {{.task = DropTask{.databases = {Name("_g0")}}, .host = "h2"}};
  catalog_.running = {clean_up};
  EXPECT_THAT(Kinds(), IsEmpty());
  h2().roles.back().can_login = true;
  Only(FindingKind::kRoleOpen, Name("_a"));
}

// --- Backups.

TEST_F(FleetCheckTest, ABackupThatIsNotWholeInItsStoreIsMissing) {
  h1().backups.front().has_manifest = false;
  EXPECT_THAT(Only(FindingKind::kBackupMissing, "b1").message, HasSubstr("manifest"));
  h1().backups.front() = {.store = "s1", .uid = kUid, .id = "b1", .has_manifest = true};
  EXPECT_THAT(Only(FindingKind::kBackupMissing, "b1").message, HasSubstr("archive"));
  h1().backups.front() = {
      .store = "s1", .uid = kUid, .id = "b1", .has_archive = true, .has_manifest = true, .size_bytes = 16};
  EXPECT_THAT(Only(FindingKind::kBackupMissing, "b1").message, HasSubstr("16 bytes"));
  h1().backups.clear();
  EXPECT_EQ(Only(FindingKind::kBackupMissing, "b1").store, "s1");
}

TEST_F(FleetCheckTest, ACopyThatIsNotInItsStoreIsMissingAndOneThatNobodyMadeIsOrphaned) {
  h1().stores.push_back({.store = "s9"});
  FoundBackup copy = h1().backups.front();
  copy.store = "s9";
  h1().backups.push_back(copy);
  EXPECT_EQ(Only(FindingKind::kBackupOrphaned, "b1").store, "s9");
  catalog_.backups.front().copies = {{.store = "s9", .state = BackupState::kAvailable}};
  EXPECT_THAT(Kinds(), IsEmpty());
  h1().backups.pop_back();
  EXPECT_EQ(Only(FindingKind::kCopyMissing, "b1").store, "s9");
  catalog_.backups.front().copies.front().state = BackupState::kFailed;
  EXPECT_THAT(Kinds(), IsEmpty()) << "a copy that failed needs no files";
  h1().stores.pop_back();
  Only(FindingKind::kStoreSilent, "s9");
}

TEST_F(FleetCheckTest, AFailedBackupNeedsNoFiles) {
  h1().backups.clear();
  catalog_.backups.front().state = BackupState::kFailed;
  EXPECT_THAT(Kinds(), IsEmpty());
}

TEST_F(FleetCheckTest, ABackupWithoutARowIsOrphanedAndOneWithoutAManifestIsHalf) {
  h1().backups.push_back(
      {.store = "s1", .uid = kUid, .id = "b2", .has_archive = true, .has_manifest = true});
  Only(FindingKind::kBackupOrphaned, "b2");
  h1().backups.back().has_manifest = false;
  Only(FindingKind::kBackupHalf, "b2");
}

TEST_F(FleetCheckTest, AKeyOfNobodyIsFound) {
  h1().keys.push_back({.store = "s1", .uid = kOther});
  EXPECT_EQ(Only(FindingKind::kKeyOrphaned, "key").uid, kOther);
}

TEST_F(FleetCheckTest, AStoreThatNobodyGotIntoIsSilent) {
  h1().stores = {{.store = "s1", .problem = "the disk is not mounted"}};
  h1().backups.clear();
  h1().keys.clear();
  EXPECT_THAT(Only(FindingKind::kStoreSilent, "s1").message, HasSubstr("not mounted"));
  h1().stores.clear();
  Only(FindingKind::kStoreSilent, "s1");
}

TEST_F(FleetCheckTest, AStoreThatAnotherHostGotIntoIsNotSilent) {
  h2().stores = {{.store = "s1", .problem = "the disk is not mounted"}};
  EXPECT_THAT(Kinds(), IsEmpty());
}

// --- Hosts.

TEST_F(FleetCheckTest, AHostThatDoesNotReportIsSilentAndNothingIsSaidOfItsTenants) {
  fleet_.inventories.erase(fleet_.inventories.begin());
  fleet_.silent["h1"] = "it is away";
  h1().stores = {{.store = "s1"}};  // h1() is h2 now
  h1().backups = {{.store = "s1",
                   .uid = kUid,
                   .id = "b1",
                   .has_archive = true,
                   .has_manifest = true,
                   .size_bytes = 17}};
  EXPECT_THAT(Only(FindingKind::kHostSilent, "h1").message, HasSubstr("away"));
}

TEST_F(FleetCheckTest, AHostThatNobodyJoinedYetIsANote) {
  catalog_.hosts.push_back({.id = "h3"});
  fleet_.silent["h3"] = "its agent has not joined yet";
  EXPECT_EQ(Only(FindingKind::kHostSilent, "h3").severity, Severity::kNote);
}

TEST_F(FleetCheckTest, ATenantOfAHostThatIsGoneIsHomeless) {
  catalog_.hosts.front().missing = true;
  fleet_.silent["h1"] = "it was declared missing";
  h2().stores = h1().stores;
  h2().backups = h1().backups;
  fleet_.inventories.erase(fleet_.inventories.begin());
  Only(FindingKind::kTenantHomeless, Name("_g1"));
}

// --- One tenant, after the catalog was restored.

TEST_F(FleetCheckTest, AHostShowsATenantAsSaidOrNot) {
  EXPECT_TRUE(ShowsAsSaid(h1(), acme()));
  EXPECT_FALSE(ShowsAsSaid(h2(), acme())) << "it does not live there";
  h1().databases.push_back({.name = Name("_g0_f"), .uid = kUid});
  EXPECT_TRUE(ShowsAsSaid(h1(), acme())) << "an older copy beside it takes nothing away";
  role(Name("_a")).can_login = false;
  EXPECT_FALSE(ShowsAsSaid(h1(), acme()));
  role(Name("_a")).can_login = true;
  database().generation = 2;
  EXPECT_FALSE(ShowsAsSaid(h1(), acme()));
  database().generation = 1;
  Seal();
  EXPECT_FALSE(ShowsAsSaid(h1(), acme()));
  acme().state = TenantState::kRetired;
  EXPECT_TRUE(ShowsAsSaid(h1(), acme()));
}

// --- Two looks.

TEST_F(FleetCheckTest, NothingIsSaidOfATenantThatAnOperationWorksOn) {
  h1() = Inventory{.host = "h1", .backups = h1().backups, .stores = h1().stores};
  const CatalogOutline quiet = OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_);
  CatalogView working = catalog_;
  working.running = {{.id = "op-1", .kind = OperationKind::kBackUp, .tenant = "acme"}};
  EXPECT_THAT(CheckFleet(quiet, catalog_, fleet_).findings, testing::SizeIs(5));
  EXPECT_THAT(
      Kinds(CheckFleet(OutlineAt(absl::InfiniteFuture(), working.running, working), catalog_, fleet_)),
      IsEmpty());
  const FleetCheck check = CheckFleet(quiet, working, fleet_);
  EXPECT_THAT(Kinds(check), IsEmpty());
  EXPECT_THAT(check.busy, ElementsAre("acme"));
}

TEST_F(FleetCheckTest, NothingIsSaidOfATenantThatChangedOrAppearedMeanwhile) {
  h1().databases.clear();
  CatalogOutline before = OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_);
  before.versions["acme"] = 6;
  EXPECT_THAT(Kinds(CheckFleet(before, catalog_, fleet_)), IsEmpty());
  before.versions.clear();
  EXPECT_THAT(Kinds(CheckFleet(before, catalog_, fleet_)), IsEmpty());
}

TEST_F(FleetCheckTest, NothingIsSaidOfATenantThatWasPurgedMeanwhile) {
  const CatalogOutline before = OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_);
  catalog_.tombstones = {{.id = "acme", .uid = kUid, .state = TenantState::kPurged}};
  catalog_.tenants.clear();
  catalog_.backups.clear();
  const FleetCheck check = CheckFleet(before, catalog_, fleet_);
  EXPECT_THAT(Kinds(check), IsEmpty());
  EXPECT_THAT(check.busy, IsEmpty());
}

TEST_F(FleetCheckTest, ABackupThatIsNewerThanTheLookIsNotMissedNorOneThatWasDeletedOrphaned) {
  CatalogOutline before = OutlineAt(absl::InfiniteFuture(), catalog_.running, catalog_);
  catalog_.backups.push_back(catalog_.backups.front());
  catalog_.backups.back().id = "b2";
  EXPECT_THAT(Kinds(CheckFleet(before, catalog_, fleet_)), IsEmpty());
  catalog_.backups.clear();
  EXPECT_THAT(Kinds(CheckFleet(before, catalog_, fleet_)), IsEmpty());
}

}  // namespace
}  // namespace croft::domain
