#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/postgres/cluster.h"
#include "common/crypto/scram.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/random.h"

// What every Cluster promises, tried from outside: a real server and a model of one pass the same suite.
// Instantiate with INSTANTIATE_TEST_SUITE_P(name, ClusterContract, testing::Values(factory)).
namespace croft::agent {

// A session of an application.
class ClientSession {
 public:
  virtual ~ClientSession() = default;
  // Whether the server still answers it.
  virtual bool IsAlive() = 0;
};

// A cluster and applications that use it.
class ClusterUnderTest {
 public:
  virtual ~ClusterUnderTest() = default;
  virtual Cluster& cluster() = 0;
  virtual absl::StatusOr<std::unique_ptr<ClientSession>> LogIn(const std::string& database,
                                                               const std::string& user,
                                                               const std::string& password) = 0;
  // The server ends every session of the cluster's own, and has ended it when this returns.
  virtual void EndAgentSessions() = 0;
};

using ClusterFactory = std::function<std::unique_ptr<ClusterUnderTest>()>;

class ClusterContract : public ::testing::TestWithParam<ClusterFactory> {
 protected:
  ClusterContract() : under_test_(GetParam()()), uid_(UidFrom(random_.Bytes(16))) {
    owner_ = OwnerRoleName("acme", uid_);
    database_ = DatabaseName(owner_, 1);
  }

  ~ClusterContract() override {
    auto session = Begin();
    for (const std::string& name : {database_, SealedName(database_)})
      EXPECT_TRUE(session->DropDatabase(name).ok());
    std::vector<Change> drops;
    auto roles = session->ObserveRoles({owner_}, owner_);
    EXPECT_TRUE(roles.ok());
    for (auto role = roles->rbegin(); role != roles->rend(); ++role) drops.push_back(DropRole{role->name});
    EXPECT_TRUE(session->Apply(drops).ok());
  }

  static Timeout Ample() { return {.deadline = absl::Now() + absl::Seconds(60)}; }
  static Timeout Short() { return {.deadline = absl::Now() + absl::Milliseconds(200)}; }

  Cluster& cluster() { return under_test_->cluster(); }
  std::unique_ptr<ClusterSession> Begin(const std::string& uid = "contract") {
    auto session = cluster().Begin(uid, LockMode::kExclusive, Ample());
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

  std::string Verifier() { return crypto::ScramVerifier(kPassword, random_.Bytes(16)); }
  RoleSpec LoginSpec(const std::string& name) {
    return {.name = name,
            .can_login = true,
            .connection_limit = 7,
            .verifier = Verifier(),
            .member_of = {owner_},
            .settings = {{"role", owner_}}};
  }
  RoleState Role(ClusterSession& session, const std::string& name) {
    auto roles = session.ObserveRoles({name}, "");
    EXPECT_TRUE(roles.ok() && roles->size() == 1) << name;
    return roles.ok() && !roles->empty() ? roles->front() : RoleState();
  }
  DatabaseState Database(ClusterSession& session, const std::string& name) {
    auto database = session.ObserveDatabase(name);
    EXPECT_TRUE(database.ok() && database->has_value()) << name;
    return database.ok() && *database ? **database : DatabaseState();
  }
  // Owner, a login `_a`, and a database that both may enter.
  std::unique_ptr<ClusterSession> WithOpenDatabase() {
    auto session = Begin();
    EXPECT_TRUE(session->Apply({CreateRole{{.name = owner_}}, CreateRole{LoginSpec(owner_ + "_a")}}).ok());
    EXPECT_TRUE(session->CreateDatabase(database_, "").ok());
    EXPECT_TRUE(
        session
            ->Apply({RevokePublic{database_},
                     GrantOnDatabase{
                         database_, owner_, {DatabasePrivilege::kConnect, DatabasePrivilege::kCreate}},
                     GrantOnDatabase{database_, owner_ + "_a", {DatabasePrivilege::kConnect}},
                     AllowConnections{database_, true}})
            .ok());
    return session;
  }
  std::string ReasonOfLogin(const std::string& user, const std::string& password) {
    return DetailsOf(under_test_->LogIn(database_, user, password).status()).reason;
  }

  // Of the test's database.
  std::vector<std::string> MissingGrants() {
    auto listing = cluster().List(Ample());
    EXPECT_TRUE(listing.ok()) << listing.status();
    for (const ListedDatabase& database : listing->databases) {
      if (database.name == database_) return database.missing_grants;
    }
    ADD_FAILURE() << database_ << " is not listed";
    return {};
  }

  static constexpr char kPassword[] = "correcthorse";

  SystemRandom random_;
  const std::unique_ptr<ClusterUnderTest> under_test_;
  const std::string uid_;
  std::string owner_;
  std::string database_;
};

TEST_P(ClusterContract, RolesShowWhatTheyWereMadeWith) {
  auto session = Begin();
  EXPECT_TRUE(session->ObserveRoles({owner_}, owner_)->empty());
  const RoleSpec login = LoginSpec(owner_ + "_a");
  ASSERT_TRUE(session->Apply({CreateRole{{.name = owner_}}, CreateRole{login}}).ok());
  const RoleState shown = Role(*session, login.name);
  EXPECT_TRUE(shown.can_login);
  EXPECT_FALSE(shown.inherits);
  EXPECT_FALSE(shown.superuser);
  EXPECT_EQ(shown.connection_limit, 7);
  EXPECT_EQ(shown.member_of, login.member_of);
  EXPECT_EQ(shown.settings, login.settings);
  if (shown.shows_password) {
    EXPECT_EQ(shown.verifier, login.verifier);
  }
  EXPECT_FALSE(Role(*session, owner_).can_login);
}

TEST_P(ClusterContract, AFamilyIsEveryRoleOfThatNameAndShortSuffix) {
  auto session = Begin();
  ASSERT_TRUE(session
                  ->Apply({CreateRole{{.name = owner_}}, CreateRole{{.name = owner_ + "_a"}},
                           CreateRole{{.name = owner_ + "_m7x"}}, CreateRole{{.name = owner_ + "_x_y"}}})
                  .ok());
  auto family = session->ObserveRoles({}, owner_);
  ASSERT_TRUE(family.ok());
  ASSERT_EQ(family->size(), 2u);
  EXPECT_EQ((*family)[0].name, owner_ + "_a");
  EXPECT_EQ((*family)[1].name, owner_ + "_m7x");
  EXPECT_EQ(session->ObserveRoles({owner_, "no_such_role"}, owner_)->size(), 3u);
  EXPECT_TRUE(session->Apply({DropRole{owner_ + "_x_y"}}).ok());
}

TEST_P(ClusterContract, AlteringChangesWhatIsGivenAndNothingElse) {
  auto session = Begin();
  const std::string name = owner_ + "_a";
  ASSERT_TRUE(session->Apply({CreateRole{{.name = owner_}}, CreateRole{LoginSpec(name)}}).ok());
  const RoleState before = Role(*session, name);
  ASSERT_TRUE(session->Apply({AlterRole{.name = name, .can_login = false}}).ok());
  RoleState expected = before;
  expected.can_login = false;
  EXPECT_EQ(Role(*session, name), expected);
  ASSERT_TRUE(session
                  ->Apply({AlterRole{.name = name,
                                     .connection_limit = 3,
                                     .clear_password = true,
                                     .settings = {{"statement_timeout", "5s"}},
                                     .reset_settings = {"role"}}})
                  .ok());
  expected.connection_limit = 3;
  expected.verifier.reset();
  expected.settings = {{"statement_timeout", "5s"}};
  EXPECT_EQ(Role(*session, name), expected);
}

TEST_P(ClusterContract, ChangesTakeEffectTogetherOrNotAtAll) {
  auto session = Begin();
  const absl::Status failed = session->Apply(
      {CreateRole{{.name = owner_}}, CreateRole{{.name = owner_ + "_a"}}, CreateRole{{.name = owner_}}});
  EXPECT_TRUE(absl::IsAlreadyExists(failed)) << failed;
  EXPECT_EQ(DetailsOf(failed).reason, "ALREADY_THERE");
  EXPECT_TRUE(session->ObserveRoles({owner_}, owner_)->empty());
  EXPECT_TRUE(absl::IsNotFound(session->Apply({CreateRole{{.name = owner_}}, DropRole{owner_ + "_b"}})));
  EXPECT_TRUE(session->ObserveRoles({owner_}, owner_)->empty());
}

TEST_P(ClusterContract, ANewDatabaseIsClosedAndOpenToPublicOnlyByItsGrants) {
  auto session = Begin();
  EXPECT_FALSE(session->ObserveDatabase(database_)->has_value());
  ASSERT_TRUE(session->CreateDatabase(database_, "").ok());
  const DatabaseState made = Database(*session, database_);
  EXPECT_FALSE(made.allows_connections);
  EXPECT_FALSE(made.invalid);
  EXPECT_EQ(made.connection_limit, -1);
  EXPECT_FALSE(made.tag.has_value());
  EXPECT_THAT(made.grants, ::testing::Contains(DatabaseGrant{"", DatabasePrivilege::kConnect}));
  EXPECT_TRUE(absl::IsAlreadyExists(session->CreateDatabase(database_, "")));
  EXPECT_TRUE(absl::IsInvalidArgument(session->CreateDatabase(SealedName(database_), "no_SUCH.locale")));
}

TEST_P(ClusterContract, DatabasesShowWhatWasSet) {
  auto session = Begin();
  ASSERT_TRUE(session->Apply({CreateRole{{.name = owner_}}}).ok());
  ASSERT_TRUE(session->CreateDatabase(database_, "").ok());
  ASSERT_TRUE(
      session
          ->Apply({RevokePublic{database_}, SetConnectionLimit{database_, 12},
                   SetDatabaseSetting{database_, "statement_timeout", "7s"},
                   SetDatabaseSetting{database_, "search_path", "app, \"Weird, one\""},
                   SetRoleSetting{database_, owner_, "search_path", "app, public"},
                   TagDatabase{database_, {uid_, 4}},
                   GrantOnDatabase{
                       database_, owner_, {DatabasePrivilege::kCreate, DatabasePrivilege::kTemporary}},
                   AllowConnections{database_, true}})
          .ok());
  DatabaseState shown = Database(*session, database_);
  EXPECT_TRUE(shown.allows_connections);
  EXPECT_EQ(shown.connection_limit, 12);
  EXPECT_EQ(shown.tag, (DatabaseTag{uid_, 4}));
  EXPECT_EQ(shown.settings, (std::map<std::string, std::string>{{"search_path", "app, \"Weird, one\""},
                                                                {"statement_timeout", "7s"}}));
  const std::map<std::string, std::string> of_owner = {{"search_path", "app, public"}};
  EXPECT_EQ(shown.role_settings,
            (std::map<std::string, std::map<std::string, std::string>>{{owner_, of_owner}}));
  EXPECT_EQ(shown.grants, (std::vector<DatabaseGrant>{{owner_, DatabasePrivilege::kCreate},
                                                      {owner_, DatabasePrivilege::kTemporary}}));
  ASSERT_TRUE(session
                  ->Apply({RevokeOnDatabase{database_, owner_, {DatabasePrivilege::kTemporary}},
                           RenameDatabase{database_, SealedName(database_)}})
                  .ok());
  shown.name = SealedName(database_);
  shown.grants.pop_back();
  EXPECT_EQ(Database(*session, SealedName(database_)), shown);
  EXPECT_FALSE(session->ObserveDatabase(database_)->has_value());
}

TEST_P(ClusterContract, LoginNeedsLoginPasswordConnectAndAnOpenDatabase) {
  auto session = WithOpenDatabase();
  const std::string a = owner_ + "_a";
  EXPECT_TRUE(under_test_->LogIn(database_, a, kPassword).ok());
  EXPECT_EQ(ReasonOfLogin(a, "wrong"), "LOGIN_REFUSED");
  EXPECT_EQ(ReasonOfLogin(owner_ + "_nobody", kPassword), "LOGIN_REFUSED");
  ASSERT_TRUE(session->Apply({RevokeOnDatabase{database_, a, {DatabasePrivilege::kConnect}}}).ok());
  EXPECT_EQ(ReasonOfLogin(a, kPassword), "NOT_PERMITTED");
  ASSERT_TRUE(session->Apply({GrantOnDatabase{database_, a, {DatabasePrivilege::kConnect}}}).ok());
  ASSERT_TRUE(session->Apply({AllowConnections{database_, false}}).ok());
  EXPECT_EQ(ReasonOfLogin(a, kPassword), "NOT_IN_STATE");
  ASSERT_TRUE(
      session->Apply({AllowConnections{database_, true}, AlterRole{.name = a, .can_login = false}}).ok());
  EXPECT_EQ(ReasonOfLogin(a, kPassword), "LOGIN_REFUSED");
}

TEST_P(ClusterContract, ProofGoesTheWayOfALogin) {
  auto session = WithOpenDatabase();
  const std::string a = owner_ + "_a";
  EXPECT_TRUE(cluster().ProveLogin(database_, a, kPassword, /*write=*/true, Ample()).ok());
  EXPECT_EQ(DetailsOf(cluster().ProveLogin(database_, a, "wrong", true, Ample())).reason, "LOGIN_REFUSED");
  ASSERT_TRUE(session->Apply({RevokeOnDatabase{database_, owner_, {DatabasePrivilege::kCreate}}}).ok());
  EXPECT_TRUE(cluster().ProveLogin(database_, a, kPassword, /*write=*/false, Ample()).ok());
  EXPECT_EQ(DetailsOf(cluster().ProveLogin(database_, a, kPassword, /*write=*/true, Ample())).reason,
            "NOT_PERMITTED");
}

TEST_P(ClusterContract, SessionsAreCountedAndEnded) {
  auto session = WithOpenDatabase();
  const std::string a = owner_ + "_a";
  EXPECT_EQ(*session->CountSessions({.database = database_}), 0);
  EXPECT_EQ(*session->CountSessions({}), 0) << "no filter is no session";
  auto client = under_test_->LogIn(database_, a, kPassword);
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(*session->CountSessions({.database = database_}), 1);
  EXPECT_EQ(*session->CountSessions({.user = a}), 1);
  EXPECT_EQ(*session->CountSessions({.database = database_, .except_users = {a}}), 0);
  EXPECT_EQ(*session->TerminateSessions({.database = database_, .except_users = {a}}), 0);
  EXPECT_TRUE((*client)->IsAlive());
  EXPECT_EQ(*session->TerminateSessions({.database = database_}), 1);
  while (*session->CountSessions({.database = database_}) != 0) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_FALSE((*client)->IsAlive());
}

TEST_P(ClusterContract, ClosingADatabaseLeavesItsSessionsAlone) {
  auto session = WithOpenDatabase();
  auto client = under_test_->LogIn(database_, owner_ + "_a", kPassword);
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(session
                  ->Apply({AllowConnections{database_, false},
                           AlterRole{.name = owner_ + "_a", .can_login = false}})
                  .ok());
  EXPECT_TRUE((*client)->IsAlive());
}

TEST_P(ClusterContract, RenameIsRefusedWhileASessionIsLeft) {
  auto session = WithOpenDatabase();
  auto client = under_test_->LogIn(database_, owner_ + "_a", kPassword);
  ASSERT_TRUE(client.ok());
  const absl::Status refused = session->Apply({RenameDatabase{database_, SealedName(database_)}});
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused).reason, "DATABASE_IN_USE");
  EXPECT_TRUE(session->ObserveDatabase(database_)->has_value());
}

TEST_P(ClusterContract, DropEndsSessionsAndPassesOverWhatIsNotThere) {
  auto session = WithOpenDatabase();
  auto client = under_test_->LogIn(database_, owner_ + "_a", kPassword);
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(session->DropDatabase(database_).ok());
  EXPECT_FALSE((*client)->IsAlive());
  EXPECT_FALSE(session->ObserveDatabase(database_)->has_value());
  EXPECT_TRUE(session->DropDatabase(database_).ok());
}

TEST_P(ClusterContract, RoleThatADatabaseNamesCannotBeDropped) {
  auto session = WithOpenDatabase();
  const absl::Status refused = session->Apply({DropRole{owner_ + "_a"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused).reason, "STILL_REFERENCED");
  EXPECT_THAT(*session->HoldersOf(owner_ + "_a"), testing::ElementsAre(database_));
  EXPECT_THAT(*session->HoldersOf("no_such_role"), testing::IsEmpty());
  ASSERT_TRUE(session->DropDatabase(database_).ok());
  EXPECT_TRUE(session->Apply({DropRole{owner_ + "_a"}, DropRole{owner_}}).ok());
}

TEST_P(ClusterContract, SchemaIsPreparedForOwnerAndReader) {
  auto session = WithOpenDatabase();
  const std::string reader = owner_ + "_r";
  ASSERT_TRUE(session->Apply({CreateRole{{.name = reader}}}).ok());
  EXPECT_NE(session->ObserveSchema(database_, owner_, reader)->public_owner, owner_);
  const SchemaSpec spec{.owner = owner_, .reader = reader, .extensions = {"citext"}};
  for (int repeated = 0; repeated < 2; ++repeated) {
    const absl::Status prepared = session->PrepareSchema(database_, spec);
    EXPECT_TRUE(prepared.ok()) << prepared;
    auto schema = session->ObserveSchema(database_, owner_, reader);
    EXPECT_EQ(schema->public_owner, owner_);
    EXPECT_TRUE(schema->reader_sees_tables);
    EXPECT_EQ(schema->extensions, spec.extensions);
  }
  EXPECT_EQ(DetailsOf(session->PrepareSchema(database_, {owner_, reader, {"no_such"}})).reason,
            "EXTENSION_NOT_AVAILABLE");
}

TEST_P(ClusterContract, HandOverLeavesNoTrace) {
  auto session = WithOpenDatabase();
  const std::string a = owner_ + "_a";
  EXPECT_FALSE(*session->LeavesTraces(database_, a));
  EXPECT_FALSE(*session->LeavesTraces(database_, "no_such_role"));
  EXPECT_TRUE(session->HandOver(database_, a, owner_).ok());
  EXPECT_FALSE(*session->LeavesTraces(database_, a));
  EXPECT_EQ(*session->CountPreparedTransactions(database_), 0);
  EXPECT_TRUE(session->RollBackPrepared(database_).ok());
}

TEST_P(ClusterContract, OneTenantsLockIsHeldByOneSession) {
  auto first = Begin(uid_);
  EXPECT_TRUE(absl::IsDeadlineExceeded(cluster().Begin(uid_, LockMode::kExclusive, Short()).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(cluster().Begin(uid_, LockMode::kShared, Short()).status()));
  EXPECT_TRUE(cluster().Begin(uid_ + "x", LockMode::kExclusive, Ample()).ok());
  first.reset();
  auto shared = cluster().Begin(uid_, LockMode::kShared, Ample());
  EXPECT_TRUE(cluster().Begin(uid_, LockMode::kShared, Ample()).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(cluster().Begin(uid_, LockMode::kExclusive, Short()).status()));
  shared->reset();
  EXPECT_TRUE(cluster().Begin(uid_, LockMode::kExclusive, Ample()).ok());
}

TEST_P(ClusterContract, ALostSessionsLockIsGivenBackAtOnce) {
  auto lost = Begin(uid_);
  under_test_->EndAgentSessions();
  auto next = cluster().Begin(uid_, LockMode::kExclusive, Ample());
  ASSERT_TRUE(next.ok()) << next.status();
  const absl::Status answer = lost->ObserveRoles({owner_}, "").status();
  EXPECT_TRUE(absl::IsUnavailable(answer)) << answer;
  lost.reset();
  EXPECT_TRUE(absl::IsDeadlineExceeded(cluster().Begin(uid_, LockMode::kExclusive, Short()).status()))
      << "the end of a lost session takes nothing from whoever holds the lock now";
}

TEST_P(ClusterContract, WhoeverIsWaitedForCanBeGivenUp) {
  auto first = Begin(uid_);
  Timeout timeout = Ample();
  timeout.keep_going = [] { return absl::CancelledError("enough"); };
  EXPECT_TRUE(absl::IsCancelled(cluster().Begin(uid_, LockMode::kExclusive, timeout).status()));
}

TEST_P(ClusterContract, ListingShowsTagsAndNames) {
  auto session = WithOpenDatabase();
  ASSERT_TRUE(session->Apply({TagDatabase{database_, {uid_, 9}}}).ok());
  auto listing = cluster().List(Ample());
  ASSERT_TRUE(listing.ok()) << listing.status();
  bool seen = false;
  for (const ListedDatabase& database : listing->databases) {
    if (database.name != database_) continue;
    seen = true;
    EXPECT_EQ(database.tag, (DatabaseTag{uid_, 9}));
    EXPECT_TRUE(database.allows_connections);
    EXPECT_GT(database.size_bytes, 0);
  }
  EXPECT_TRUE(seen);
  int roles = 0;
  for (const ListedRole& role : listing->roles) roles += role.name == owner_ || role.name == owner_ + "_a";
  EXPECT_EQ(roles, 2);
}

TEST_P(ClusterContract, ListingNamesWhatIsNotGranted) {
  auto session = WithOpenDatabase();
  EXPECT_THAT(MissingGrants(), testing::ElementsAre("TEMPORARY to " + owner_));
  ASSERT_TRUE(
      session
          ->Apply({GrantOnDatabase{database_, owner_, {DatabasePrivilege::kTemporary}},
                   RevokeOnDatabase{database_, owner_ + "_a", {DatabasePrivilege::kConnect}},
                   RevokeOnDatabase{
                       database_, owner_, {DatabasePrivilege::kConnect, DatabasePrivilege::kCreate}}})
          .ok());
  EXPECT_THAT(MissingGrants(), testing::UnorderedElementsAre("CONNECT to " + owner_, "CREATE to " + owner_,
                                                             "CONNECT to " + owner_ + "_a"));
  ASSERT_TRUE(session->Apply({AlterRole{.name = owner_ + "_a", .can_login = false}}).ok());
  EXPECT_THAT(MissingGrants(), testing::UnorderedElementsAre("CONNECT to " + owner_, "CREATE to " + owner_))
      << "one that cannot log in lacks nothing";
}

TEST_P(ClusterContract, RightsOfReadersThatAreGoneAreNamedAndGivenBack) {
  auto session = WithOpenDatabase();
  const std::string reader = owner_ + "_r";
  const auto connect = GrantOnDatabase{database_, reader, {DatabasePrivilege::kConnect}};
  const auto temporary = GrantOnDatabase{database_, owner_, {DatabasePrivilege::kTemporary}};
  ASSERT_TRUE(session->Apply({CreateRole{{.name = reader}}, connect, temporary}).ok());
  EXPECT_FALSE(*session->ReaderHasRights(database_, reader));
  ASSERT_TRUE(session->PrepareSchema(database_, {.owner = owner_, .reader = reader}).ok());
  EXPECT_TRUE(*session->ReaderHasRights(database_, reader));
  EXPECT_THAT(MissingGrants(), testing::IsEmpty());
  ASSERT_TRUE(session->HandOver(database_, reader, owner_).ok());  // takes what the reader was granted
  EXPECT_FALSE(*session->ReaderHasRights(database_, reader));
  EXPECT_THAT(MissingGrants(), testing::UnorderedElementsAre("default privileges to " + reader,
                                                             "USAGE on a schema to " + reader));
  for (int repeated = 0; repeated < 2; ++repeated) {
    const absl::Status given = session->GrantReader(database_, owner_, reader);
    EXPECT_TRUE(given.ok()) << given;
    EXPECT_TRUE(*session->ReaderHasRights(database_, reader));
  }
  EXPECT_THAT(MissingGrants(), testing::IsEmpty());
}

TEST_P(ClusterContract, GrowthIsTakenAndGivenBackRepeatably) {
  auto session = WithOpenDatabase();
  const std::string reader = owner_ + "_r";
  ASSERT_TRUE(session->Apply({CreateRole{{.name = reader}}}).ok());
  ASSERT_TRUE(session->PrepareSchema(database_, {.owner = owner_, .reader = reader}).ok());
  EXPECT_EQ(*session->CountGrowthChanges(database_, owner_, /*closed=*/false), 0);
  for (const bool closed : {true, false, true}) {
    EXPECT_GT(*session->CountGrowthChanges(database_, owner_, closed), 0);
    for (int repeated = 0; repeated < 2; ++repeated) {
      const absl::Status limited = session->LimitGrowth(database_, owner_, closed);
      EXPECT_TRUE(limited.ok()) << limited;
      EXPECT_EQ(*session->CountGrowthChanges(database_, owner_, closed), 0);
    }
  }
}

TEST_P(ClusterContract, ItKnowsWhoItIs) {
  auto facts = cluster().Identify(Ample());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_GE(facts->version, 150000);
  EXPECT_EQ(facts->version_text.substr(0, 2), absl::StrCat(facts->version / 10000));
  EXPECT_FALSE(facts->system_identifier.empty());
  EXPECT_GE(facts->timeline, 1);
  EXPECT_EQ(cluster().Identify(Ample())->system_identifier, facts->system_identifier);
}

}  // namespace croft::agent
