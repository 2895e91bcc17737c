#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/catalog.h"
#include "tests/contract/catalog_samples.h"

// What every implementation of the catalog must do; catalog_reads_contract.h goes on. Include both in one file and
// instantiate CatalogContract with a factory for each implementation.
namespace croft::catalog {

// A catalog that is empty when it is made, with whatever keeps it alive.
class CatalogHolder {
 public:
  virtual ~CatalogHolder() = default;
  virtual Catalog& catalog() = 0;
};

struct CatalogFactory {
  std::string name;
  std::function<std::unique_ptr<CatalogHolder>()> make;
};

class CatalogContract : public ::testing::TestWithParam<CatalogFactory> {
 protected:
  CatalogContract() : holder_(GetParam().make()) {}

  Catalog& catalog() { return holder_->catalog(); }

  std::unique_ptr<Transaction> Begin() {
    auto transaction = catalog().Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    return *std::move(transaction);
  }
  absl::StatusOr<domain::Revision> Put(std::vector<Change> changes) {
    const std::unique_ptr<Transaction> transaction = Begin();
    for (const Change& change : changes) transaction->Apply(change);
    return transaction->Commit();
  }
  void MustPut(std::vector<Change> changes) {
    const auto revision = Put(std::move(changes));
    ASSERT_TRUE(revision.ok()) << revision.status();
  }
  std::vector<std::string> List(const TenantQuery& query) {
    const auto page = catalog().ListTenants(query);
    EXPECT_TRUE(page.ok()) << page.status();
    return Ids(page->tenants);
  }
  // All that meets the query, page after page.
  std::vector<std::string> ListAll(TenantQuery query) {
    std::vector<std::string> all;
    std::optional<std::string> after = query.after_id;
    while (after.has_value()) {
      query.after_id = *after;
      auto page = catalog().ListTenants(query);
      EXPECT_TRUE(page.ok()) << page.status();
      EXPECT_LE(page->tenants.size(), static_cast<size_t>(query.limit));
      for (std::string& id : Ids(page->tenants)) all.push_back(std::move(id));
      after = std::move(page->next_after);
      EXPECT_TRUE(!after.has_value() || *after > query.after_id) << "a page that leads nowhere";
    }
    return all;
  }
  template <typename Things>
  static std::vector<std::string> Ids(const Things& things) {
    std::vector<std::string> ids;
    for (const auto& thing : things) ids.push_back(thing.id);
    return ids;
  }
  static domain::AuditEvent Event(const std::string& method) {
    return {At(1), "alice", "10.0.0.1:4242", method, "tenants/acme", "OK", "r1"};
  }

  std::unique_ptr<CatalogHolder> holder_;
};

using IdList = std::vector<std::string>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(CatalogContract, EmptyCatalogHasNothing) {
  EXPECT_EQ(*catalog().GetTenant("acme"), std::nullopt);
  EXPECT_EQ(*catalog().GetHost("h1"), std::nullopt);
  EXPECT_EQ(*catalog().GetOperation("op-1"), std::nullopt);
  EXPECT_EQ(*catalog().GetBackup("acme", "b1"), std::nullopt);
  EXPECT_THAT(List({}), IsEmpty());
  EXPECT_EQ(*catalog().CountTenants(), 0);
  EXPECT_EQ(catalog().revision().revision, 0);
  EXPECT_GT(catalog().revision().epoch, 0);
}

TEST_P(CatalogContract, RevisionRisesByOneWithEachCommitThatChanges) {
  const domain::Revision before = catalog().revision();
  const auto revision = Put({PutTenant{SampleTenant("acme")}, PutTenant{SampleTenant("globex")}});
  ASSERT_TRUE(revision.ok());
  EXPECT_EQ(*revision, (domain::Revision{before.epoch, before.revision + 1}));
  EXPECT_EQ(catalog().revision(), *revision);
  EXPECT_EQ(*Put({}), *revision);
}

TEST_P(CatalogContract, TransactionSeesItsOwnChangesAndReadersSeeCommits) {
  const std::unique_ptr<Transaction> transaction = Begin();
  domain::Tenant acme = SampleTenant("acme");
  acme.aliases = {"shop.acme.com"};
  transaction->Apply(PutTenant{acme});
  transaction->Apply(PutHost{SampleHost("h1")});
  transaction->Apply(PutOperation{SampleOperation("op-1", "acme")});
  transaction->Apply(PutBackup{SampleBackup("acme", "b1")});
  transaction->Apply(PutRequest{{"alice", "r1", "M", "hash", "tenants/acme", At(0)}});
  EXPECT_EQ(transaction->FindTenant("acme"), acme);
  EXPECT_EQ(transaction->FindAlias("shop.acme.com"), "acme");
  EXPECT_EQ(transaction->FindHost("h1"), SampleHost("h1"));
  EXPECT_THAT(transaction->Hosts(), ElementsAre(SampleHost("h1")));
  EXPECT_EQ(transaction->FindOperation("op-1"), SampleOperation("op-1", "acme"));
  EXPECT_THAT(Ids(transaction->RunningOperations()), ElementsAre("op-1"));
  EXPECT_EQ(transaction->FindBackup("acme", "b1"), SampleBackup("acme", "b1"));
  EXPECT_THAT(Ids(transaction->BackupsOfTenant("acme")), ElementsAre("b1"));
  EXPECT_TRUE(transaction->FindRequest("alice", "r1").has_value());
  EXPECT_EQ(transaction->CountTenantsOnHost("h1"), 1);

  EXPECT_EQ(*catalog().GetTenant("acme"), std::nullopt);
  EXPECT_EQ(*catalog().CountTenants(), 0);
  EXPECT_THAT(*catalog().ListHosts(), IsEmpty());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(*catalog().GetTenant("acme"), acme);
  EXPECT_EQ(*catalog().CountTenants(), 1);
  EXPECT_THAT(*catalog().ListHosts(), ElementsAre(SampleHost("h1")));
}

TEST_P(CatalogContract, UncommittedTransactionLeavesNoTrace) {
  MustPut({PutHost{SampleHost("h1")}, PutHost{SampleHost("h2")}, AppendAudit{Event("A")}});
  const domain::Revision before = catalog().revision();
  {
    const std::unique_ptr<Transaction> transaction = Begin();
    domain::Host changed = SampleHost("h1");
    changed.cordoned = true;
    transaction->Apply(PutHost{changed});
    transaction->Apply(DeleteHost{"h1"});
    transaction->Apply(DeleteHost{"h2"});
    transaction->Apply(PutHost{SampleHost("h3")});
    transaction->Apply(PutTenant{SampleTenant("acme")});
    transaction->Apply(AppendAudit{Event("lost")});
    EXPECT_THAT(Ids(transaction->Hosts()), ElementsAre("h3"));
  }
  EXPECT_EQ(catalog().revision(), before);
  EXPECT_EQ(*catalog().CountTenants(), 0);
  EXPECT_THAT(Begin()->Hosts(), ElementsAre(SampleHost("h1"), SampleHost("h2")));
  MustPut({AppendAudit{Event("B")}});
  EXPECT_EQ(VerifyAuditChain(catalog(), {})->sequence, 2);
}

TEST_P(CatalogContract, PutReplacesTheWholeTenant) {
  MustPut({PutTenant{SampleTenant("acme")}});
  domain::Tenant changed = SampleTenant("acme");
  changed.labels = {{"app", "blog"}};
  changed.aliases = {"blog.acme.com"};
  changed.credentials.pop_back();
  changed.credentials[0].disable_time = At(5);
  changed.settings.clear();
  changed.expire_time = At(100);
  MustPut({PutTenant{changed}});
  EXPECT_EQ(*catalog().GetTenant("acme"), changed);
  EXPECT_THAT(catalog().ListTenants({})->tenants, ElementsAre(changed));
  EXPECT_EQ(*catalog().CountTenants(), 1);
  changed.credentials = SampleTenant("acme").credentials;
  changed.labels.clear();
  MustPut({PutTenant{changed}});
  EXPECT_EQ(*catalog().GetTenant("acme"), changed);
}

TEST_P(CatalogContract, TombstoneStaysButIsNotListed) {
  domain::Tenant acme = SampleTenant("acme");
  acme.aliases = {"shop.acme.com"};
  MustPut({PutTenant{acme}, PutTenant{SampleTenant("globex")}});
  acme.state = domain::TenantState::kPurged;
  MustPut({PutTenant{acme}});
  EXPECT_EQ(*catalog().GetTenant("acme"), acme);
  EXPECT_EQ(*catalog().GetTenantByUid(acme.uid), acme);
  EXPECT_EQ(*catalog().GetTenantByUid("nobody"), std::nullopt);
  EXPECT_EQ(Begin()->FindTenant("acme"), acme);
  EXPECT_EQ(Begin()->FindAlias("shop.acme.com"), std::nullopt);
  EXPECT_EQ(Begin()->CountTenantsOnHost("h1"), 1);
  EXPECT_THAT(List({.show_retired = true}), ElementsAre("globex"));
  EXPECT_EQ(*catalog().CountTenants(), 1);
  IdList visited;
  ASSERT_TRUE(
      catalog().ForEachTenant([&](const domain::Tenant& tenant) { visited.push_back(tenant.id); }).ok());
  EXPECT_THAT(visited, ElementsAre("globex"));
}

TEST_P(CatalogContract, PurgedIdCanBeTakenAgain) {
  domain::Tenant acme = SampleTenant("acme");
  acme.aliases = {"shop.acme.com"};
  acme.state = domain::TenantState::kPurged;
  MustPut({PutTenant{acme}});
  domain::Tenant again = SampleTenant("acme");
  again.uid = "another";
  again.create_time = At(50);
  again.aliases = {"shop.acme.com"};
  MustPut({PutTenant{again}});
  EXPECT_EQ(*catalog().GetTenant("acme"), again);
  EXPECT_EQ(*catalog().GetTenantByUid("another"), again);
  EXPECT_EQ(*catalog().GetTenantByUid(acme.uid), std::nullopt);
  EXPECT_EQ(Begin()->FindAlias("shop.acme.com"), "acme");
  using Field = TenantQuery::Condition::Field;
  EXPECT_THAT(List({.conditions = {{.field = Field::kUid, .value = "another"}}}), ElementsAre("acme"));
  EXPECT_THAT(List({.conditions = {{.field = Field::kUid, .value = acme.uid}}}), IsEmpty());
  EXPECT_EQ(*catalog().CountTenants(), 1);
}

TEST_P(CatalogContract, AliasCanMoveWithinOneTransaction) {
  domain::Tenant acme = SampleTenant("acme");
  domain::Tenant globex = SampleTenant("globex");
  acme.aliases = {"b", "a", "a"};
  MustPut({PutTenant{acme}, PutTenant{globex}});
  EXPECT_EQ(catalog().GetTenant("acme")->value().aliases, acme.aliases);
  acme.aliases = {"b"};
  globex.aliases = {"a"};
  MustPut({PutTenant{acme}, PutTenant{globex}});
  EXPECT_EQ(Begin()->FindAlias("a"), "globex");
  EXPECT_EQ(Begin()->FindAlias("b"), "acme");
}

TEST_P(CatalogContract, AliasOfAnotherTenantMakesCommitFail) {
  domain::Tenant acme = SampleTenant("acme");
  domain::Tenant globex = SampleTenant("globex");
  acme.aliases = globex.aliases = {"shop.example.com"};
  MustPut({PutTenant{acme}});
  EXPECT_FALSE(Put({PutTenant{globex}, PutTenant{SampleTenant("third")}}).ok());
  EXPECT_THAT(List({}), ElementsAre("acme"));
}

TEST_P(CatalogContract, UidOfAnotherTenantMakesCommitFail) {
  MustPut({PutTenant{SampleTenant("acme")}});
  domain::Tenant twin = SampleTenant("globex");
  twin.uid = SampleTenant("acme").uid;
  EXPECT_FALSE(Put({PutTenant{twin}}).ok());
  EXPECT_THAT(List({}), ElementsAre("acme"));
}

TEST_P(CatalogContract, DeletedHostIsGone) {
  MustPut({PutHost{SampleHost("h2")}, PutHost{SampleHost("h1")}});
  EXPECT_THAT(Ids(*catalog().ListHosts()), ElementsAre("h1", "h2"));
  MustPut({DeleteHost{"h1"}});
  EXPECT_THAT(Ids(*catalog().ListHosts()), ElementsAre("h2"));
  EXPECT_EQ(*catalog().GetHost("h1"), std::nullopt);
  EXPECT_EQ(Begin()->FindHost("h1"), std::nullopt);
}

TEST_P(CatalogContract, DeletedUserIsGoneWithTokensAndCertificates) {
  const domain::User alice = SampleUser("alice"), bob = SampleUser("bob");
  MustPut({PutUser{bob}, PutUser{alice}});
  EXPECT_THAT(*catalog().ListUsers(), ElementsAre(alice, bob));
  EXPECT_EQ(*catalog().GetUser("bob"), bob);
  EXPECT_EQ(Begin()->FindCertificate("fingerprint-of-bob"), "bob");
  MustPut({DeleteUser{"bob"}});
  EXPECT_EQ(*catalog().GetUser("bob"), std::nullopt);
  EXPECT_EQ(Begin()->FindUser("bob"), std::nullopt);
  EXPECT_EQ(Begin()->FindCertificate("fingerprint-of-bob"), std::nullopt);
  MustPut({PutUser{bob}});
  EXPECT_EQ(*catalog().GetUser("bob"), bob);
}

TEST_P(CatalogContract, TokenAndCertificateStandForOneUserOnly) {
  MustPut({PutUser{SampleUser("alice")}});
  domain::User mallory = SampleUser("mallory");
  mallory.tokens = SampleUser("alice").tokens;
  EXPECT_FALSE(Put({PutUser{mallory}}).ok());
}

TEST_P(CatalogContract, UseOfATokenIsNotedWhereItStillIs) {
  domain::User alice = SampleUser("alice");
  MustPut({PutUser{alice}});
  MustPut({NoteTokenUse{"alice", "tk-alice", At(5)}, NoteTokenUse{"alice", "tk-gone", At(5)},
           NoteTokenUse{"nobody", "tk-alice", At(5)}});
  alice.tokens.front().last_used_time = At(5);
  EXPECT_EQ(*catalog().GetUser("alice"), alice);
}

TEST_P(CatalogContract, RunningOperationsAreFoundByWhatTheyHold) {
  domain::Operation restore = SampleOperation("op-b", "copy");
  restore.source_tenant = "acme";
  restore.steps = {{.host = "h1", .state = domain::StepState::kDone}, {.host = "h2"}};
  domain::Operation ended = SampleOperation("op-c", "acme");
  ended.state = domain::OperationState::kFailed;
  domain::Operation own = SampleOperation("op-0", "other");
  own.steps = {{.task = domain::EraseKeyTask()}};
  MustPut({PutOperation{SampleOperation("op-z", "acme")}, PutOperation{restore}, PutOperation{ended},
           PutOperation{own}});
  const std::unique_ptr<Transaction> facts = Begin();
  EXPECT_THAT(Ids(facts->RunningOperations()), ElementsAre("op-z", "op-b", "op-0"));
  EXPECT_THAT(Ids(facts->RunningOperationsOfTenant("acme")), ElementsAre("op-z", "op-b"));
  EXPECT_THAT(Ids(facts->RunningOperationsOfTenant("copy")), ElementsAre("op-b"));
  EXPECT_THAT(Ids(facts->RunningOperationsOnHost("h1")), ElementsAre("op-z"));
  EXPECT_THAT(Ids(facts->RunningOperationsOnHost("h2")), ElementsAre("op-b"));
  EXPECT_EQ(*catalog().CountRunningOperations(), 3);
}

TEST_P(CatalogContract, AsManyOperationsRunAsAreListed) {
  domain::Operation own_work = SampleOperation("op-z-clean", "acme");
  own_work.kind = domain::OperationKind::kCleanUp;
  MustPut({PutOperation{SampleOperation("op-z", "acme")}, PutOperation{own_work}});
  EXPECT_EQ(catalog().ListOperations({.ended = false})->operations.size(), 1u);
  EXPECT_EQ(*catalog().CountRunningOperations(), 1);
}

TEST_P(CatalogContract, UnconfirmedTenantsAreCounted) {
  domain::Tenant unconfirmed = SampleTenant("acme");
  unconfirmed.unconfirmed = true;
  MustPut({PutTenant{unconfirmed}, PutTenant{SampleTenant("globex")}});
  EXPECT_EQ(*catalog().CountUnconfirmedTenants(), 1);
  unconfirmed.unconfirmed = false;
  MustPut({PutTenant{unconfirmed}});
  EXPECT_EQ(*catalog().CountUnconfirmedTenants(), 0);
}

TEST_P(CatalogContract, TenantsWithAStorageQuotaAreListedById) {
  domain::Tenant limited = SampleTenant("b");
  limited.quota.storage_bytes = 1;
  domain::Tenant closed = SampleTenant("c");
  closed.quota.storage_bytes = 0;
  closed.storage = {.level = domain::StorageLevel::kFull, .closed = true, .size_bytes = 7};
  domain::Tenant plain = SampleTenant("a");
  plain.quota.storage_bytes = 0;
  MustPut({PutTenant{closed}, PutTenant{limited}, PutTenant{plain}});
  for (domain::Tenant* tenant : {&limited, &closed}) tenant->credentials.clear();
  EXPECT_THAT(*catalog().ListStorageLimited("", 10), ElementsAre(limited, closed));
  EXPECT_THAT(*catalog().ListStorageLimited("", 1), ElementsAre(limited));
  EXPECT_THAT(*catalog().ListStorageLimited("b", 10), ElementsAre(closed));
  closed.storage.closed = false;
  MustPut({PutTenant{closed}});
  EXPECT_THAT(*catalog().ListStorageLimited("b", 10), testing::IsEmpty());
}

TEST_P(CatalogContract, OperationFollowsItsSteps) {
  domain::Operation operation = SampleOperation("op-1", "acme");
  MustPut({PutOperation{operation}, PutOperation{SampleOperation("op-2", "acme")}});
  operation.steps[0].state = domain::StepState::kDone;
  operation.steps.push_back(
      {.task = domain::DropTask{.databases = {"a", "b"}}, .host = "h2", .undo = true});
  operation.state = domain::OperationState::kUndoing;
  operation.error = {absl::StatusCode::kUnavailable, "HOST_UNREACHABLE", "gone"};
  MustPut({PutOperation{operation}});
  EXPECT_EQ(*catalog().GetOperation("op-1"), operation);
  EXPECT_THAT(Ids(Begin()->RunningOperationsOnHost("h2")), ElementsAre("op-1"));
  EXPECT_THAT(Ids(Begin()->RunningOperations()), ElementsAre("op-1", "op-2"));
  operation.steps.pop_back();
  operation.state = domain::OperationState::kCancelled;
  operation.error.reset();
  MustPut({PutOperation{operation}});
  EXPECT_EQ(*catalog().GetOperation("op-1"), operation);
  EXPECT_THAT(Ids(Begin()->RunningOperations()), ElementsAre("op-2"));
}

TEST_P(CatalogContract, RequestIsFoundByItsCallerForADay) {
  const RequestRecord record{"alice",           "r1", "TenantService/CreateTenant", std::string("\x00h", 2),
                             "operations/op-1", At(0)};
  MustPut({PutRequest{record}});
  for (int i = 0; i < 20; ++i) {
    MustPut({PutRequest{{"bob", absl::StrCat("r", i), "M", "h", "a", At(86400)}}});
  }
  EXPECT_EQ(Begin()->FindRequest("alice", "r1"), record);
  EXPECT_EQ(Begin()->FindRequest("mallory", "r1"), std::nullopt);
}

TEST_P(CatalogContract, AuditIsChained) {
  MustPut({AppendAudit{Event("A")}, AppendAudit{Event("B")}});
  MustPut({AppendAudit{Event("C")}});
  const auto rows = catalog().ListAudit(0, 10);
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[2].event, Event("C"));
  EXPECT_EQ((*rows)[2].previous_hash, (*rows)[1].hash);
  EXPECT_EQ(catalog().ListAudit(1, 1)->front().sequence, 2);
  const auto head = VerifyAuditChain(catalog(), {{2, (*rows)[1].hash}});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(*head, (AuditHead{3, (*rows)[2].hash}));
  EXPECT_EQ(*catalog().RecordedAuditHead(), *head);
  const auto newest = catalog().ListAuditBefore(3, 1);
  ASSERT_EQ(newest->size(), 1u);
  EXPECT_EQ(newest->front().sequence, 2);
  EXPECT_FALSE(VerifyAuditChain(catalog(), {{3, (*rows)[2].hash}, {2, (*rows)[0].hash}}).ok());
  EXPECT_EQ(VerifyAuditChain(catalog(), {}, [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_FALSE(VerifyAuditChain(catalog(), {{4, (*rows)[2].hash}}).ok());
  EXPECT_FALSE(VerifyAuditChain(catalog(), {{2, (*rows)[0].hash}}).ok());
}

TEST_P(CatalogContract, ReadersNeverSeeHalfACommit) {
  domain::Tenant tenant = SampleTenant("acme");
  tenant.version = 0;
  MustPut({PutTenant{tenant}});
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      int64_t last = 0;
      while (!stop) {
        const domain::Revision before = catalog().revision();
        const auto seen = catalog().GetTenant("acme");
        if (!seen.ok() || (*seen)->version < last) ++torn;
        last = (*seen)->version;
        // Commits put the tenant's version into every part.
        const std::string part = absl::StrCat((*seen)->version);
        if ((*seen)->version > 0 && (*seen)->labels.at("v") != part) ++torn;
        if ((*seen)->version > 0 && (*seen)->credentials[1].login != part) ++torn;
        if (catalog().revision().revision < before.revision) ++torn;
      }
    });
  }
  for (int64_t version = 1; version <= 200; ++version) {
    tenant.version = version;
    tenant.labels["v"] = absl::StrCat(version);
    tenant.credentials[1].login = absl::StrCat(version);
    MustPut({PutTenant{tenant}});
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace croft::catalog
