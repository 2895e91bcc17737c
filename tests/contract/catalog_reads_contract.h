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

TEST_P(CatalogContract, TenantIsDueByTheTimeOfItsState) {
  domain::Tenant preview = SampleTenant("preview");
  preview.expire_time = At(20);
  domain::Tenant retired = SampleTenant("retired");
  retired.state = domain::TenantState::kRetired;
  retired.expire_time = At(1);
  retired.purge_time = At(10);
  domain::Tenant busy = SampleTenant("busy");
  busy.expire_time = At(1);
  busy.current_operation = "op-1";
  domain::Tenant purged = SampleTenant("purged");
  purged.state = domain::TenantState::kPurged;
  purged.purge_time = At(1);
  MustPut({PutTenant{preview}, PutTenant{retired}, PutTenant{busy}, PutTenant{purged},
           PutTenant{SampleTenant("lasting")}});
  EXPECT_THAT(*catalog().DueTenants(At(9), 10), IsEmpty());
  EXPECT_THAT(*catalog().DueTenants(At(10), 10), ElementsAre(retired));
  EXPECT_THAT(*catalog().DueTenants(At(20), 10), ElementsAre(retired, preview));
  EXPECT_THAT(*catalog().DueTenants(At(20), 1), ElementsAre(retired));
}

TEST_P(CatalogContract, ProtectedTenantsAreNotDueUntilTheProtectionIsTakenOff) {
  domain::Tenant preview = SampleTenant("preview");
  preview.expire_time = At(20);
  preview.delete_protection = true;
  domain::Tenant retired = SampleTenant("retired");
  retired.state = domain::TenantState::kRetired;
  retired.purge_time = At(10);
  retired.delete_protection = true;
  MustPut({PutTenant{preview}, PutTenant{retired}});
  EXPECT_THAT(*catalog().DueTenants(At(30), 10), IsEmpty());
  preview.delete_protection = false;
  MustPut({PutTenant{preview}});
  EXPECT_THAT(*catalog().DueTenants(At(30), 10), ElementsAre(preview));
}

}  // namespace croft::catalog
