#include "controlplane/server/scheduler.h"

#include <memory>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "common/random.h"
#include "controlplane/catalog/audit_chain.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/server/writer.h"
#include "tests/common/sqlite/raw_file.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

class NoEffects final : public engine::EffectExecutor {
 public:
  void Send(const engine::SendTask&) override {}
  void Cancel(const engine::CancelTask&) override {}
  void Acknowledge(const engine::AcknowledgeTask&) override {}
  void Erase(const engine::EraseKey&) override {}
  void End(const engine::EndSession&) override {}
  void Compare(const engine::CompareInventory&) override {}
};

class NoListener final : public CommitListener {
 public:
  void OnCommit(const std::vector<catalog::Change>&, domain::Revision) override {}
};

class SchedulerTest : public ::testing::Test {
 protected:
  ~SchedulerTest() override { writer_.Stop(); }

  void Start() {
    writer_.Start(effects_, listener_);
    Settle();
  }
  // Waits until what was handed in is decided.
  void Settle() { (void)writer_.Call({.name = "test"}, engine::CancelOperation{"op-none"}); }
  void Put(const std::vector<catalog::Change>& changes) {
    auto transaction = *catalog_->Begin();
    for (const catalog::Change& change : changes) transaction->Apply(change);
    ASSERT_TRUE(transaction->Commit().ok());
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  SystemRandom random_;
  const keyring::Keyring keyring_ = keyring::Keyring::Generate(random_);
  std::unique_ptr<keyring::KeyStore> keys_ =
      *keyring::KeyStore::Open(folder_.path() + "/keys.db", keyring_, random_);
  std::unique_ptr<catalog::Catalog> catalog_ =
      *catalog::SqliteCatalog::Open(folder_.path() + "/catalog.db", {});
  const domain::SchedulePolicy policy_{.keep_audit = absl::Hours(1)};
  NoEffects effects_;
  NoListener listener_;
  Writer writer_{*catalog_, clock_, [](const absl::Status& status) { ADD_FAILURE() << status; },
                 Writer::Limits(), policy_};
  handlers::SecretMaker secrets_{keyring_, *keys_, random_, clock_};
  const catalog::IsSigned is_signed_ = [](absl::string_view text, absl::string_view signature) {
    return signature == absl::StrCat("signed ", text);
  };
  Scheduler scheduler_{*catalog_, writer_,
                       secrets_,  clock_,
                       policy_,   [](absl::string_view text) { return absl::StrCat("signed ", text); },
                       is_signed_};
};

// As when a fleet of previews ends in the same minute.
TEST_F(SchedulerTest, TenThousandThatAreDueTogetherAreSpreadAndCostFewCommits) {
  constexpr int kTenants = 10'000;
  constexpr int kHosts = 400;
  std::vector<catalog::Change> changes;
  for (int i = 0; i < kHosts; ++i) {
    changes.push_back(catalog::PutHost{catalog::SampleHost(absl::StrCat("h", i))});
  }
  for (int i = 0; i < kTenants; ++i) {
    domain::Tenant tenant = catalog::SampleTenant(absl::StrCat("t", i));
    tenant.aliases.clear();
    tenant.state = domain::TenantState::kFailed;
    tenant.expire_time = clock_.Now() - absl::Seconds(1);
    tenant.placement.host = absl::StrCat("h", i % kHosts);
    changes.push_back(catalog::PutTenant{tenant});
    changes.push_back(catalog::PutSchedule{*domain::ScheduleOf(tenant)});
  }
  Put(changes);
  Start();
  const int64_t before = catalog_->revision().revision;
  int64_t begun = 0;
  int looks = 0;
  for (; begun < kTenants && looks < 100; ++looks) {
    scheduler_.LookOnce();
    Settle();
    const int64_t now = *catalog_->CountRunningOperations();
    EXPECT_LE(now - begun, Scheduler::kAtOnce);
    begun = now;
  }
  EXPECT_EQ(begun, kTenants);
  EXPECT_LE(catalog_->revision().revision - before, 100);
  RecordProperty("looks", looks);
  RecordProperty("commits", static_cast<int>(catalog_->revision().revision - before));
}

TEST_F(SchedulerTest, ATenantIsRetiredWithABackupOfItsOwn) {
  domain::Tenant tenant = catalog::SampleTenant("acme");
  tenant.expire_time = clock_.Now() - absl::Seconds(1);
  ASSERT_TRUE(keys_->Create(tenant.uid, tenant.id).ok());
  domain::Host host = catalog::SampleHost(tenant.placement.host);
  host.report.missing_rights.clear();
  Put({catalog::PutHost{host}, catalog::PutTenant{tenant},
       catalog::PutSchedule{*domain::ScheduleOf(tenant)}});
  Start();
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ((*catalog_->GetTenant("acme"))->state, domain::TenantState::kRetired);
  const auto backups = *catalog_->ListBackups("acme", {}, 10);
  ASSERT_EQ(backups.size(), 1u);
  EXPECT_EQ(backups.front().origin, domain::BackupOrigin::kFinal);
  EXPECT_NE(backups.front().wrapped_key, "");
}

TEST_F(SchedulerTest, WithoutItsKeyATenantWaits) {
  domain::Tenant tenant = catalog::SampleTenant("acme");
  tenant.expire_time = clock_.Now() - absl::Seconds(1);
  Put({catalog::PutTenant{tenant}, catalog::PutSchedule{*domain::ScheduleOf(tenant)}});
  Start();
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ((*catalog_->GetTenant("acme"))->state, domain::TenantState::kReady);
  EXPECT_EQ((*catalog_->Begin())->FindSchedule({domain::ScheduleKind::kExpire, "tenants/acme"})->refusals,
            1);
}

TEST_F(SchedulerTest, TheAuditIsCutBeforeWhatMustBeKept) {
  std::vector<catalog::Change> changes;
  for (int i = 0; i < 1'500; ++i) {
    changes.push_back(catalog::AppendAudit{
        {.time = clock_.Now() - absl::Hours(i < 1'200 ? 2 : 0), .caller = "admin", .method = "M"}});
  }
  Put(changes);
  Start();
  Put({catalog::PutSchedule{
      {.key = {domain::ScheduleKind::kPruneAudit, ""}, .next_time = clock_.Now() - absl::Seconds(1)}}});
  const auto first = [&] { return catalog_->ListAudit(0, 1)->front().sequence; };
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ(first(), 1'001) << "no more than one transaction should take";
  Put({catalog::PutSchedule{
      {.key = {domain::ScheduleKind::kPruneAudit, ""}, .next_time = clock_.Now() - absl::Seconds(1)}}});
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ(first(), 1'201);
  const auto proven = catalog::VerifyAudit(*catalog_, {}, is_signed_, [] { return false; });
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->pruned->head.sequence, 1'200);
}

TEST_F(SchedulerTest, AnAuditThatWasChangedFromOutsideIsNotCut) {
  const domain::ScheduleKey pruning{domain::ScheduleKind::kPruneAudit, ""};
  const catalog::Change old =
      catalog::AppendAudit{{.time = clock_.Now() - absl::Hours(2), .caller = "admin", .method = "M"}};
  Put({old, old, old});
  RawFile(folder_.path() + "/catalog.db").Run("UPDATE audit SET caller = 'mallory' WHERE sequence = 2");
  Start();
  Put({catalog::PutSchedule{{.key = pruning, .next_time = clock_.Now() - absl::Seconds(1)}}});
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ(catalog_->ListAudit(0, 1)->front().sequence, 1);
  EXPECT_FALSE(catalog_->GetAuditCheckpoint()->has_value());
  EXPECT_EQ((*catalog_->Begin())->FindSchedule(pruning)->refusals, 1);
}

TEST_F(SchedulerTest, AnAuditWhoseCutIsNobodysIsNotCutAgain) {
  const domain::ScheduleKey pruning{domain::ScheduleKind::kPruneAudit, ""};
  const catalog::Change old =
      catalog::AppendAudit{{.time = clock_.Now() - absl::Hours(2), .caller = "admin", .method = "M"}};
  Put({old, old, old});
  const domain::AuditRow first = catalog_->ListAudit(0, 1)->front();
  Put({catalog::CutAudit{{.head = {first.sequence, first.hash}, .signature = "mallory's"}}});
  Start();
  Put({catalog::PutSchedule{{.key = pruning, .next_time = clock_.Now() - absl::Seconds(1)}}});
  scheduler_.LookOnce();
  Settle();
  EXPECT_EQ((*catalog_->GetAuditCheckpoint())->head.sequence, 1);
  EXPECT_EQ((*catalog_->Begin())->FindSchedule(pruning)->refusals, 1);
}

}  // namespace
}  // namespace croft::server
