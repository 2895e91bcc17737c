#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "tests/contract/catalog_contract.h"

// CatalogContract, what is read of many at once: pages and whole scans.
namespace croft::catalog {

TEST_P(CatalogContract, PagesOfTenantsMeetWithoutGapOrOverlap) {
  std::vector<Change> changes;
  for (int i = 0; i < 25; ++i) changes.push_back(PutTenant{SampleTenant(absl::StrCat("t", 100 + i))});
  MustPut(changes);
  const IdList all = ListAll({.limit = 10});
  EXPECT_EQ(all, List({.limit = 1000}));
  EXPECT_EQ(all.size(), 25u);
  EXPECT_THAT(List({.limit = 0}), IsEmpty());
}

TEST_P(CatalogContract, PageEndsWhereEnoughWasReadAndLeadsOn) {
  std::vector<Change> changes;
  for (int i = 0; i < 1600; ++i) {
    domain::Tenant tenant = SampleTenant(absl::StrCat("t", 1000 + i));
    tenant.labels = {{"app", "shop"}, {"tier", i == 1599 ? "gold" : "lead"}};
    changes.push_back(PutTenant{tenant});
  }
  MustPut(changes);
  using Field = TenantQuery::Condition::Field;
  using Operator = TenantQuery::Condition::Operator;
  const TenantQuery query{.conditions = {{Field::kLabel, "app", Operator::kEqual, "shop"},
                                         {Field::kLabel, "tier", Operator::kNotEqual, "lead"}},
                          .most_read = 600};
  EXPECT_THAT(ListAll(query), ElementsAre("t2599"));
}

TEST_P(CatalogContract, EachConditionOfAFilterHolds) {
  using Field = TenantQuery::Condition::Field;
  using Operator = TenantQuery::Condition::Operator;
  domain::Tenant a = SampleTenant("a");
  domain::Tenant b = SampleTenant("b");
  domain::Tenant c = SampleTenant("c");
  a.state = domain::TenantState::kFailed;
  b.placement.host = "h2";
  b.labels = {{"app", "blog"}};
  b.create_time = At(100);
  c.state = domain::TenantState::kRetired;
  c.labels = {{"tier", ""}};
  MustPut({PutTenant{a}, PutTenant{b}, PutTenant{c}});
  const auto list = [&](Field field, Operator op, const std::string& value, const std::string& label = "") {
    return List({.conditions = {{field, label, op, value}}, .show_retired = true});
  };
  EXPECT_THAT(List({}), ElementsAre("a", "b"));
  EXPECT_THAT(list(Field::kId, Operator::kEqual, "b"), ElementsAre("b"));
  EXPECT_THAT(list(Field::kId, Operator::kGreater, "a"), ElementsAre("b", "c"));
  EXPECT_THAT(list(Field::kUid, Operator::kEqual, "uid-of-c"), ElementsAre("c"));
  EXPECT_THAT(list(Field::kUid, Operator::kNotEqual, "uid-of-c"), ElementsAre("a", "b"));
  EXPECT_THAT(list(Field::kState, Operator::kEqual, "FAILED"), ElementsAre("a"));
  EXPECT_THAT(list(Field::kState, Operator::kNotEqual, "FAILED"), ElementsAre("b", "c"));
  EXPECT_THAT(list(Field::kState, Operator::kEqual, "PURGED"), IsEmpty());
  EXPECT_THAT(list(Field::kHost, Operator::kEqual, "h2"), ElementsAre("b"));
  EXPECT_THAT(list(Field::kHost, Operator::kNotEqual, "h2"), ElementsAre("a", "c"));
  EXPECT_THAT(list(Field::kCreateTime, Operator::kGreater, absl::FormatTime(At(50))), ElementsAre("b"));
  EXPECT_THAT(list(Field::kCreateTime, Operator::kLessEqual, absl::FormatTime(At(0))),
              ElementsAre("a", "c"));
  EXPECT_THAT(list(Field::kLabel, Operator::kEqual, "blog", "app"), ElementsAre("b"));
  EXPECT_THAT(list(Field::kLabel, Operator::kNotEqual, "blog", "app"), ElementsAre("a", "c"));
  EXPECT_THAT(list(Field::kLabel, Operator::kHas, "shop", "app"), ElementsAre("a"));
  EXPECT_THAT(list(Field::kLabel, Operator::kHas, "", "tier"), ElementsAre("a", "c"));
  EXPECT_THAT(list(Field::kLabel, Operator::kEqual, "", "tier"), ElementsAre("c"));
  EXPECT_THAT(List({.conditions = {{.field = Field::kState, .value = "READY"},
                                   {.field = Field::kHost, .value = "h2"},
                                   {.field = Field::kLabel, .label = "app", .value = "blog"}}}),
              ElementsAre("b"));
  EXPECT_THAT(List({.conditions = {{.field = Field::kState, .value = "RETIRED"}}}), IsEmpty());
}

TEST_P(CatalogContract, ConditionWithoutMeaningIsRefused) {
  using Field = TenantQuery::Condition::Field;
  using Operator = TenantQuery::Condition::Operator;
  const std::vector<TenantQuery::Condition> conditions = {
      {.field = Field::kState, .value = "SLEEPING"},
      {.field = Field::kState, .value = ""},
      {.field = Field::kState, .op = Operator::kLess, .value = "READY"},
      {.field = Field::kCreateTime, .value = "yesterday"}};
  for (const auto& condition : conditions) {
    const absl::Status status = catalog().ListTenants({.conditions = {condition}}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << condition.value;
    ASSERT_EQ(DetailsOf(status).violations.size(), 1u);
    EXPECT_EQ(DetailsOf(status).violations[0].field, "filter");
  }
}

TEST_P(CatalogContract, OperationsAreListedNewestFirst) {
  using domain::OperationKind;
  using domain::OperationState;
  std::vector<Change> changes;
  for (int i = 0; i < 9; ++i) {
    domain::Operation operation = SampleOperation(absl::StrCat("op-", i), i % 2 == 0 ? "even" : "odd");
    operation.kind = i == 8  ? OperationKind::kCleanUp
                     : i < 4 ? OperationKind::kBackUp
                             : OperationKind::kCreate;
    operation.state = i % 3 == 0 ? OperationState::kSucceeded : OperationState::kRunning;
    if (i < 3) operation.parent = "op-7";
    changes.push_back(PutOperation{operation});
  }
  MustPut(changes);
  const auto list = [&](const OperationQuery& query) {
    return Ids(catalog().ListOperations(query)->operations);
  };
  EXPECT_THAT(list({}), ElementsAre("op-7", "op-6", "op-5", "op-4", "op-3", "op-2", "op-1", "op-0"));
  EXPECT_THAT(list({.tenant = "odd"}), ElementsAre("op-7", "op-5", "op-3", "op-1"));
  EXPECT_THAT(list({.ended = true}), ElementsAre("op-6", "op-3", "op-0"));
  EXPECT_THAT(list({.tenant = "odd", .ended = false}), ElementsAre("op-7", "op-5", "op-1"));
  EXPECT_THAT(list({.kind = OperationKind::kBackUp, .state = OperationState::kRunning}),
              ElementsAre("op-2", "op-1"));
  EXPECT_THAT(list({.kind = OperationKind::kCleanUp}), ElementsAre("op-8"));
  EXPECT_THAT(list({.tenant = "even", .kind = OperationKind::kCreate}), ElementsAre("op-6", "op-4"));
  EXPECT_THAT(list({.parent = "op-7"}), ElementsAre("op-2", "op-1", "op-0"));
  EXPECT_THAT(list({.tenant = "even", .parent = "op-7"}), ElementsAre("op-2", "op-0"));
  EXPECT_THAT(list({.parent = "op-7", .ended = false, .state = OperationState::kRunning}),
              ElementsAre("op-2", "op-1"));
  EXPECT_THAT(list({.parent = ""}), IsEmpty());
  EXPECT_THAT(list({.limit = 0}), IsEmpty());

  OperationQuery query{.limit = 3};
  IdList all;
  while (true) {
    const auto page = catalog().ListOperations(query);
    for (const std::string& id : Ids(page->operations)) all.push_back(id);
    if (!page->next.has_value()) break;
    query.before = page->next;
  }
  EXPECT_EQ(all, list({}));
  EXPECT_FALSE(catalog().ListOperations({.limit = 8})->next.has_value());
}

TEST_P(CatalogContract, BackupsAreListedNewestFirst) {
  MustPut({PutBackup{SampleBackup("acme", "2026a")}, PutBackup{SampleBackup("acme", "2026c")},
           PutBackup{SampleBackup("globex", "2026b")}});
  EXPECT_THAT(Ids(*catalog().ListBackups("acme", {}, 10)), ElementsAre("2026c", "2026a"));
  EXPECT_THAT(Ids(*catalog().ListBackups("acme", {"2026c", "acme"}, 10)), ElementsAre("2026a"));
  EXPECT_THAT(Ids(*catalog().ListBackups("", {}, 10)), ElementsAre("2026c", "2026b", "2026a"));
  EXPECT_THAT(Ids(*catalog().ListBackups("", {"2026c", "acme"}, 1)), ElementsAre("2026b"));
  EXPECT_THAT(Ids(Begin()->BackupsOfTenant("acme")), ElementsAre("2026c", "2026a"));
  domain::Backup verified = SampleBackup("acme", "2026a");
  verified.state = domain::BackupState::kVerified;
  verified.verify_time = At(7);
  MustPut({PutBackup{verified}, DeleteBackup{"acme", "2026c"}});
  EXPECT_THAT(*catalog().ListBackups("acme", {}, 10), ElementsAre(verified));
  EXPECT_EQ(*catalog().GetBackup("acme", "2026c"), std::nullopt);
}

TEST_P(CatalogContract, EveryTenantIsVisitedInOrderFromOneState) {
  MustPut({PutTenant{SampleTenant("b")}, PutTenant{SampleTenant("c")}, PutTenant{SampleTenant("a")}});
  std::vector<domain::Tenant> visited;
  const auto revision = catalog().ForEachTenant([&](const domain::Tenant& tenant) {
    if (visited.empty()) MustPut({PutTenant{SampleTenant("d")}});
    visited.push_back(tenant);
  });
  ASSERT_TRUE(revision.ok());
  EXPECT_EQ(revision->revision, 1);
  EXPECT_THAT(visited, ElementsAre(SampleTenant("a"), SampleTenant("b"), SampleTenant("c")));
}

TEST_P(CatalogContract, PlacementsHaveWhatLookupsNeedAndNoMore) {
  domain::Tenant acme = SampleTenant("acme");
  acme.aliases = {"shop.acme.com"};
  acme.suspend_mode = domain::SuspendMode::kReadOnly;
  acme.unconfirmed = true;
  acme.storage = {.level = domain::StorageLevel::kFull, .closed = true, .size_bytes = 7};
  acme.credentials.push_back({.login = "unpublished", .verifier = "v"});
  domain::Tenant purged = SampleTenant("purged");
  purged.state = domain::TenantState::kPurged;
  const domain::Tenant plain{.id = "plain", .placement = {.host = "h1"}};
  MustPut({PutTenant{plain}, PutTenant{acme}, PutTenant{purged}});

  domain::Tenant expected;
  expected.id = acme.id;
  expected.uid = acme.uid;
  expected.aliases = acme.aliases;
  expected.labels = acme.labels;
  expected.settings = acme.settings;
  expected.features = acme.features;
  expected.state = acme.state;
  expected.suspend_mode = acme.suspend_mode;
  expected.placement = acme.placement;
  expected.unconfirmed = true;
  expected.storage.closed = true;
  const domain::Credential& login = acme.credentials.front();
  ASSERT_TRUE(login.published);
  expected.credentials = {{.login = login.login,
                           .role = login.role,
                           .sealed_password = login.sealed_password,
                           .published = true}};

  std::deque<domain::Tenant> read;
  const domain::Revision before = catalog().revision();
  const auto revision = catalog().ReadPlacements([&]() -> domain::Tenant& {
    if (read.empty()) MustPut({PutTenant{SampleTenant("zulu")}});
    return read.emplace_back();
  });
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(*revision, before);
  EXPECT_THAT(read, ElementsAre(expected, plain));
}

TEST_P(CatalogContract, PlacementsAreWrittenOverWhatStoodThere) {
  domain::Tenant bare{.id = "bare", .placement = {.host = "h1"}};
  MustPut({PutTenant{SampleTenant("acme")}, PutTenant{bare}});
  domain::Tenant place;
  ASSERT_TRUE(catalog().ReadPlacements([&]() -> domain::Tenant& { return place; }).ok());
  EXPECT_EQ(place, bare);
}

TEST_P(CatalogContract, PagesOfBackupsSkipNoneOfEqualIds) {
  for (const char* tenant : {"initech", "acme", "globex"})
    MustPut({PutBackup{SampleBackup(tenant, "2026b")}, PutBackup{SampleBackup(tenant, "2026a")}});
  std::vector<std::string> seen;
  BackupPosition after;
  for (;;) {
    const std::vector<domain::Backup> page = *catalog().ListBackups("", after, 1);
    if (page.empty()) break;
    after = {page.back().id, page.back().tenant};
    seen.push_back(absl::StrCat(page.back().id, " ", page.back().tenant));
  }
  EXPECT_THAT(seen, ElementsAre("2026b acme", "2026b globex", "2026b initech", "2026a acme", "2026a globex",
                                "2026a initech"));
}

TEST_P(CatalogContract, SchedulesAreDueInTheOrderOfTheirTimes) {
  const domain::Schedule purge{.key = {domain::ScheduleKind::kPurge, "tenants/acme"}, .next_time = At(10)};
  const domain::Schedule compare{.key = {domain::ScheduleKind::kCompare, "hosts/h1"},
                                 .next_time = At(20),
                                 .refusals = 3,
                                 .refusal_reason = "TENANT_BUSY",
                                 .refusal_message = "é",
                                 .basis = int64_t{1} << 62};
  MustPut({PutSchedule{compare}, PutSchedule{purge}});
  EXPECT_THAT(*catalog().DueSchedules(At(9), 10), IsEmpty());
  EXPECT_THAT(*catalog().DueSchedules(At(10), 10), ElementsAre(purge));
  EXPECT_THAT(*catalog().DueSchedules(At(20), 10), ElementsAre(purge, compare));
  EXPECT_THAT(*catalog().DueSchedules(At(20), 1), ElementsAre(purge));
  domain::Schedule later = purge;
  later.next_time = At(30);
  MustPut({PutSchedule{later}, DeleteSchedule{compare.key}});
  EXPECT_THAT(*catalog().DueSchedules(At(30), 10), ElementsAre(later));
  EXPECT_EQ(Begin()->FindSchedule(purge.key), later);
  EXPECT_EQ(Begin()->FindSchedule(compare.key), std::nullopt);
  const std::unique_ptr<Transaction> transaction = Begin();
  transaction->Apply(DeleteSchedule{purge.key});
  EXPECT_EQ(transaction->FindSchedule(purge.key), std::nullopt);
}

TEST_P(CatalogContract, BackupPoliciesAreReadByIdAndReplacedWhole) {
  domain::BackupPolicy nightly = SampleBackupPolicy("nightly");
  const domain::BackupPolicy fleet = SampleBackupPolicy("fleet");
  MustPut({PutBackupPolicy{nightly}, PutBackupPolicy{fleet}});
  EXPECT_THAT(*catalog().ListBackupPolicies(), ElementsAre(fleet, nightly));
  EXPECT_THAT(Begin()->BackupPolicies(), ElementsAre(fleet, nightly));
  nightly.rules = {};
  nightly.selector.clear();
  nightly.rollout = {.open = true, .from = "m", .reached = "m"};
  {
    const std::unique_ptr<Transaction> transaction = Begin();
    transaction->Apply(PutBackupPolicy{nightly});
    transaction->Apply(DeleteBackupPolicy{"fleet"});
    EXPECT_THAT(transaction->BackupPolicies(), ElementsAre(nightly));
    EXPECT_THAT(*catalog().ListBackupPolicies(), testing::SizeIs(2)) << "not committed";
  }
  EXPECT_THAT(Begin()->BackupPolicies(), testing::SizeIs(2));
  MustPut({PutBackupPolicy{nightly}, DeleteBackupPolicy{"fleet"}});
  EXPECT_THAT(*catalog().ListBackupPolicies(), ElementsAre(nightly));
}

TEST_P(CatalogContract, TenantsAreReadOneAfterTheOtherWithTombstonesAndWithoutCredentials) {
  domain::Tenant acme = SampleTenant("acme"), globex = SampleTenant("globex"),
                 initech = SampleTenant("initech");
  globex.state = domain::TenantState::kPurged;
  MustPut({PutTenant{initech}, PutTenant{acme}, PutTenant{globex}});
  for (domain::Tenant* tenant : {&acme, &globex, &initech}) tenant->credentials.clear();
  EXPECT_THAT(Begin()->TenantsAfter("", 10), ElementsAre(acme, globex, initech));
  EXPECT_THAT(Begin()->TenantsAfter("", 2), ElementsAre(acme, globex));
  EXPECT_THAT(Begin()->TenantsAfter("globex", 2), ElementsAre(initech));
  EXPECT_THAT(Begin()->TenantsAfter("initech", 2), IsEmpty());
  EXPECT_THAT(Begin()->TenantsAfter("", 0), IsEmpty());
}

TEST_P(CatalogContract, ScheduleIsReadByItsKey) {
  const domain::Schedule purge{.key = {domain::ScheduleKind::kPurge, "tenants/acme"}, .next_time = At(10)};
  MustPut({PutSchedule{purge}});
  EXPECT_EQ(*catalog().GetSchedule(purge.key), purge);
  EXPECT_EQ(*catalog().GetSchedule({domain::ScheduleKind::kExpire, "tenants/acme"}), std::nullopt);
}

TEST_P(CatalogContract, ErasureIsFoundByUidAndTheNewestByTheTenantsId) {
  const auto put = [&](const std::string& uid, const std::string& tenant, int seconds) {
    domain::Erasure erasure{.uid = uid, .tenant = tenant, .time = At(seconds), .statement = uid + "\n"};
    MustPut({PutErasure{erasure}});
    return erasure;
  };
  const domain::Erasure second = put("u2", "acme", 20);
  const domain::Erasure first = put("u1", "acme", 10);
  const domain::Erasure namesake = put("acme2", "u1", 30);
  EXPECT_EQ(*catalog().GetErasure("acme"), second);
  EXPECT_EQ(*catalog().GetErasure("u2"), second);
  EXPECT_EQ(*catalog().GetErasure("u1"), first) << "a uid goes before a tenant that has it for an id";
  EXPECT_EQ(*catalog().GetErasure("acme2"), namesake);
  EXPECT_EQ(*catalog().GetErasure("globex"), std::nullopt);
}

TEST_P(CatalogContract, SchedulesThatAreRefusedAreFoundTheMostOftenRefusedFirst) {
  const auto put = [&](const std::string& tenant, int32_t refusals) {
    domain::Schedule schedule{
        .key = {domain::ScheduleKind::kPurge, tenant}, .next_time = At(10), .refusals = refusals};
    MustPut({PutSchedule{schedule}});
    return schedule;
  };
  put("tenants/never", 0);
  const domain::Schedule twice = put("tenants/twice", 2);
  const domain::Schedule often = put("tenants/often", 9);
  EXPECT_THAT(*catalog().RefusedSchedules(1, 10), ElementsAre(often, twice));
  EXPECT_THAT(*catalog().RefusedSchedules(3, 10), ElementsAre(often));
  EXPECT_THAT(*catalog().RefusedSchedules(1, 1), ElementsAre(often));
}

TEST_P(CatalogContract, OperationsThatEndedAreFoundByTheirEndAndDeletedWithTheirSteps) {
  std::vector<domain::Operation> operations;
  for (int i = 0; i < 4; ++i) {
    domain::Operation operation = SampleOperation(absl::StrCat("op-", i), "acme");
    if (i > 0) operation.state = domain::OperationState::kSucceeded;
    if (i > 0) operation.end_time = At(100 - i);
    MustPut({PutOperation{operation}});
  }
  EXPECT_THAT(Begin()->OperationsEndedBefore(At(99), 10), ElementsAre("op-3", "op-2"));
  EXPECT_THAT(Begin()->OperationsEndedBefore(At(1000), 1), ElementsAre("op-3"));
  MustPut({DeleteOperation{"op-3"}, DeleteOperation{"op-2"}, DeleteOperation{"op-none"}});
  EXPECT_THAT(Begin()->OperationsEndedBefore(At(1000), 10), ElementsAre("op-1"));
  EXPECT_EQ(*catalog().GetOperation("op-3"), std::nullopt);
  EXPECT_EQ(catalog().ListOperations({})->operations.size(), 2u);
  // A new one of the same name has nothing of the old one.
  domain::Operation again = SampleOperation("op-3", "globex");
  again.steps.clear();
  MustPut({PutOperation{again}});
  EXPECT_EQ(*catalog().GetOperation("op-3"), again);
}

TEST_P(CatalogContract, RunningOperationsOfAHostAreCountedByTheirCaller) {
  domain::Operation own = SampleOperation("op-1", "acme");
  own.caller = "system";
  MustPut({PutOperation{own}, PutOperation{SampleOperation("op-2", "globex")}});
  const std::string host = own.steps[*domain::CurrentStep(own)].host;
  EXPECT_EQ(Begin()->CountRunningOnHost(host, "system"), 1);
  EXPECT_EQ(Begin()->CountRunningOnHost("h9", "system"), 0);
}

TEST_P(CatalogContract, RunningOperationsOfAHostAreCountedByTheirCallerOrKindEachOnce) {
  domain::Operation own = SampleOperation("op-1", "acme");
  own.caller = "system";
  own.kind = domain::OperationKind::kRetire;
  domain::Operation retirement = SampleOperation("op-2", "globex");
  retirement.kind = domain::OperationKind::kRetire;
  domain::Operation rotation = SampleOperation("op-3", "initech");
  rotation.kind = domain::OperationKind::kRotate;
  MustPut({PutOperation{own}, PutOperation{retirement}, PutOperation{rotation}});
  const std::string host = own.steps[*domain::CurrentStep(own)].host;
  EXPECT_EQ(Begin()->CountRunningOnHost(host, "system", domain::OperationKind::kRetire), 2);
  EXPECT_EQ(Begin()->CountRunningOnHost(host, "system", domain::OperationKind::kVerify), 1);
  EXPECT_EQ(Begin()->CountRunningOnHost("h9", "system", domain::OperationKind::kRetire), 0);
}

TEST_P(CatalogContract, BackupsBeingMadeIntoAStoreAreCountedWhereTheirHostIsUp) {
  std::vector<Change> rows;
  for (const char* id : {"h1", "h2"}) {
    domain::Host host = SampleHost(id);
    host.up = id == std::string("h1");
    rows.push_back(PutHost{host});
    domain::Tenant tenant = SampleTenant(absl::StrCat("on-", id));
    tenant.placement.host = id;
    tenant.aliases.clear();
    rows.push_back(PutTenant{tenant});
    for (const char* backup : {"b1", "b2", "b3"}) {
      domain::Backup made = SampleBackup(tenant.id, backup);
      made.state =
          backup == std::string("b3") ? domain::BackupState::kAvailable : domain::BackupState::kCreating;
      made.store = "s1";
      rows.push_back(PutBackup{made});
    }
  }
  MustPut(rows);
  EXPECT_EQ(Begin()->CountBackupsBeingMade("s1", 10), 2);
  EXPECT_EQ(Begin()->CountBackupsBeingMade("s1", 1), 1);
  EXPECT_EQ(Begin()->CountBackupsBeingMade("s2", 10), 0);
}

TEST_P(CatalogContract, RequestsAreFoundByTheirTimeAndDeleted) {
  const RequestRecord first{"alice", "r1", "M", std::string("\x00h", 2), "a", At(1)};
  const RequestRecord second{"bob", "r1", "M", "h", "b", At(2)};
  MustPut({PutRequest{second}, PutRequest{first}});
  EXPECT_THAT(Begin()->RequestsBefore(At(1), 10), IsEmpty());
  EXPECT_THAT(Begin()->RequestsBefore(At(3), 10), ElementsAre(first, second));
  EXPECT_THAT(Begin()->RequestsBefore(At(3), 1), ElementsAre(first));
  MustPut({DeleteRequest{"alice", "r1"}});
  EXPECT_EQ(Begin()->FindRequest("alice", "r1"), std::nullopt);
  EXPECT_EQ(Begin()->FindRequest("bob", "r1"), second);
}

TEST_P(CatalogContract, AuditThatWasCutIsProvenFromItsCheckpoint) {
  for (int i = 0; i < 5; ++i) MustPut({AppendAudit{Event(absl::StrCat("M", i))}});
  const std::vector<domain::AuditRow> rows = *catalog().ListAudit(0, 10);
  EXPECT_EQ(Begin()->FindAuditRow(3)->hash, rows[2].hash);
  EXPECT_FALSE(Begin()->FindAuditRow(6).has_value());
  EXPECT_EQ(*catalog().GetAuditCheckpoint(), std::nullopt);
  const domain::AuditCheckpoint checkpoint{.head = {3, rows[2].hash},
                                           .time = rows[2].event.time,
                                           .cut_time = At(50),
                                           .signature = std::string("\x00s", 2)};
  MustPut({CutAudit{checkpoint}});
  EXPECT_EQ(*catalog().GetAuditCheckpoint(), checkpoint);
  EXPECT_EQ(catalog().ListAudit(0, 10)->size(), 2u);
  const auto verify = [&](const std::vector<AuditHead>& anchors, bool is_signed) {
    return VerifyAudit(
        catalog(), anchors, [&](absl::string_view, absl::string_view) { return is_signed; },
        [] { return false; });
  };
  const auto proven = verify({*catalog().RecordedAuditHead(), {2, rows[1].hash}, {3, rows[2].hash}}, true);
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->head, (AuditHead{5, rows[4].hash}));
  EXPECT_EQ(proven->pruned, checkpoint);
  // Nobody's cut, another end of what was cut, and rows that are missing after it.
  EXPECT_EQ(verify({}, false).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(verify({{3, rows[1].hash}}, true).ok());
  domain::AuditCheckpoint other = checkpoint;
  other.head = {4, rows[2].hash};
  MustPut({CutAudit{other}});
  EXPECT_FALSE(verify({}, true).ok());
  // What is written later follows all the same.
  domain::AuditCheckpoint all = checkpoint;
  all.head = {5, rows[4].hash};
  MustPut({CutAudit{all}});
  EXPECT_EQ(verify({*catalog().RecordedAuditHead()}, true)->head, (AuditHead{5, rows[4].hash}));
  MustPut({AppendAudit{Event("N")}});
  EXPECT_EQ(verify({}, true)->head.sequence, 6);
}

inline std::vector<std::string> SubjectsOf(const std::vector<domain::FleetEvent>& events) {
  std::vector<std::string> subjects;
  for (const domain::FleetEvent& event : events) subjects.push_back(event.subject);
  return subjects;
}

TEST_P(CatalogContract, EventsAreListedInTheOrderOfTheirChanges) {
  const domain::EventLog before = *catalog().GetEventLog();
  EXPECT_FALSE(before.uid.empty());
  EXPECT_EQ(before.pruned, before.last);
  MustPut({AppendEvent{SampleEvent("acme", 1)}, AppendEvent{SampleEvent("globex", 2)}});
  {
    const std::unique_ptr<Transaction> lost = Begin();
    lost->Apply(AppendEvent{SampleEvent("lost", 3)});
  }
  MustPut({AppendEvent{SampleEvent("acme", 4)}});
  const std::vector<domain::FleetEvent> events = catalog().ListEvents({})->events;
  EXPECT_THAT(SubjectsOf(events), ElementsAre("tenants/acme", "tenants/globex", "tenants/acme"));
  domain::FleetEvent first = SampleEvent("acme", 1);
  first.position = before.last + 1;
  EXPECT_EQ(events[0], first);
  EXPECT_LT(events[0].position, events[1].position);
  EXPECT_LT(events[1].position, events[2].position);
  EXPECT_THAT(SubjectsOf(catalog().ListEvents({.after = events[0].position, .limit = 1})->events),
              ElementsAre("tenants/globex"));
  EXPECT_THAT(catalog().ListEvents({.tenant = "acme"})->events, ElementsAre(events[0], events[2]));
  EXPECT_THAT(catalog().ListEvents({.after = events[0].position, .tenant = "acme"})->events,
              ElementsAre(events[2]));
  EXPECT_THAT(catalog().ListEvents({.after = events[2].position})->events, IsEmpty());
  EXPECT_EQ(catalog().ListEvents({})->log, *catalog().GetEventLog());
  EXPECT_EQ(catalog().GetEventLog()->last, events[2].position);
  EXPECT_EQ(catalog().GetEventLog()->uid, before.uid);
}

TEST_P(CatalogContract, EventsAreFoundByTheirTime) {
  MustPut({AppendEvent{SampleEvent("a", 1)}, AppendEvent{SampleEvent("b", 5)},
           AppendEvent{SampleEvent("c", 5)}, AppendEvent{SampleEvent("d", 9)}});
  const auto since = [&](int64_t seconds) {
    return SubjectsOf(catalog().ListEvents({.after = *catalog().PositionBefore(At(seconds))})->events);
  };
  EXPECT_THAT(since(1), ElementsAre("tenants/a", "tenants/b", "tenants/c", "tenants/d"));
  EXPECT_THAT(since(2), ElementsAre("tenants/b", "tenants/c", "tenants/d"));
  EXPECT_THAT(since(5), ElementsAre("tenants/b", "tenants/c", "tenants/d"));
  EXPECT_THAT(since(9), ElementsAre("tenants/d"));
  EXPECT_THAT(since(10), IsEmpty());
}

TEST_P(CatalogContract, EventsThatWereCutAreGoneAndTheirPositionsAreNotGivenOutAgain) {
  MustPut({AppendEvent{SampleEvent("a", 1)}, AppendEvent{SampleEvent("b", 2)},
           AppendEvent{SampleEvent("c", 3)}, AppendEvent{SampleEvent("late", 1)}});
  const std::vector<domain::FleetEvent> events = catalog().ListEvents({})->events;
  EXPECT_EQ(Begin()->OldestEvents(At(1), 10), EventRun());
  EXPECT_EQ(Begin()->OldestEvents(At(3), 10), (EventRun{2, events[1].position}));
  EXPECT_EQ(Begin()->OldestEvents(At(3), 1), (EventRun{1, events[0].position}));
  EXPECT_EQ(Begin()->OldestEvents(At(4), 10), (EventRun{4, events[3].position}));
  MustPut({CutEvents{events[1].position}});
  EXPECT_THAT(SubjectsOf(catalog().ListEvents({})->events), ElementsAre("tenants/c", "tenants/late"));
  EXPECT_EQ(catalog().GetEventLog()->pruned, events[1].position);
  MustPut({CutEvents{events[3].position}});
  EXPECT_THAT(catalog().ListEvents({})->events, IsEmpty());
  EXPECT_EQ(catalog().GetEventLog()->last, events[3].position);
  MustPut({AppendEvent{SampleEvent("next", 9)}});
  EXPECT_EQ(catalog().ListEvents({})->events.front().position, events[3].position + 1);
}

}  // namespace croft::catalog
