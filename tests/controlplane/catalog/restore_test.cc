#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/catalog_copy.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/raw_file.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_samples.h"

namespace croft::catalog {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSeconds = 1795000000;  // of At(0)

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

class RestoreTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.File("catalog.db"); }
  std::string CopyPath() const { return folder_.File("copy.db"); }

  // A catalog with these in it, and a copy of it.
  void Make(const std::vector<Change>& changes) {
    const auto catalog = *SqliteCatalog::Open(Path(), {.machine_id = "m"});
    Put(*catalog, changes);
    ASSERT_TRUE(catalog->BackUpTo(CopyPath()).ok());
  }
  static void Put(Catalog& catalog, const std::vector<Change>& changes) {
    const std::unique_ptr<Transaction> transaction = *catalog.Begin();
    for (const Change& change : changes) transaction->Apply(change);
    ASSERT_TRUE(transaction->Commit().ok());
  }
  absl::StatusOr<RestoredCatalog> Restore(absl::Time now = At(100), const std::string& sha256 = "") {
    return RestoreCatalog(Path(), {.copy = CopyPath(), .sha256 = sha256, .machine_id = "m", .now = now});
  }
  // The catalog that is there, as a control plane would open it.
  std::unique_ptr<SqliteCatalog> Open() {
    auto catalog = SqliteCatalog::Open(Path(), {.machine_id = "m"});
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return catalog.ok() ? *std::move(catalog) : nullptr;
  }
  void ExpectRefused(const std::string& reason, const std::string& sha256 = "") {
    const std::string before = Contents(Path());
    const absl::Status status = Restore(At(100), sha256).status();
    EXPECT_EQ(DetailsOf(status).reason, reason) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(CopyPath()));
    EXPECT_EQ(Contents(Path()), before);
    EXPECT_TRUE(Open() != nullptr);
  }

  TemporaryFolder folder_;
};

TEST_F(RestoreTest, TakesTheCatalogsPlaceWithARaisedEpochAndSetsTheOldOneAside) {
  Make({PutTenant{SampleTenant("acme")}});
  {
    const auto catalog = Open();
    Put(*catalog, {PutTenant{SampleTenant("later")}});
  }
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->tenants, 1);
  EXPECT_EQ(restored->epoch, kSeconds + 101);
  EXPECT_EQ(restored->copied.epoch, 1);
  EXPECT_TRUE(std::filesystem::exists(restored->set_aside));
  const auto catalog = Open();
  ASSERT_TRUE(catalog);
  EXPECT_EQ(catalog->revision().epoch, kSeconds + 101);
  EXPECT_TRUE((*catalog->GetTenant("acme")).has_value());
  EXPECT_FALSE((*catalog->GetTenant("later")).has_value());
  Put(*catalog, {PutTenant{SampleTenant("new")}});
}

TEST_F(RestoreTest, TheEpochRisesAboveTheCopysAndThatOfTheCatalogInItsPlaceWhateverTheClockSays) {
  Make({PutTenant{SampleTenant("acme")}});
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(SqliteCatalog::Open(Path(), {.take_over = true, .machine_id = "m"}).ok());
  EXPECT_EQ(Restore(absl::FromUnixSeconds(2))->epoch, 7);
}

TEST_F(RestoreTest, EveryCounterRisesAboveAllThatCanHaveBeenGivenOut) {
  domain::Tenant acme = SampleTenant("acme");
  acme.order = 7;
  acme.last_generation = 3;
  domain::Tenant ahead = SampleTenant("ahead");
  ahead.order = kSeconds * 2;
  domain::Tenant gone = SampleTenant("gone");
  gone.state = domain::TenantState::kPurged;
  gone.last_generation = 9;
  Make({PutTenant{acme}, PutTenant{ahead}, PutTenant{gone}});
  ASSERT_TRUE(Restore().ok());
  const auto catalog = Open();
  EXPECT_EQ((*catalog->GetTenant("acme"))->order, kSeconds + 101);
  EXPECT_EQ((*catalog->GetTenant("acme"))->last_generation, kSeconds + 101);
  EXPECT_EQ((*catalog->GetTenant("acme"))->placement.generation, 1) << "where it lives is not changed";
  EXPECT_EQ((*catalog->GetTenant("ahead"))->order, kSeconds * 2 + 1);
  EXPECT_EQ((*catalog->GetTenant("gone"))->last_generation, kSeconds + 101)
      << "also of those that were purged";
}

TEST_F(RestoreTest, HostsAndTenantsAreUnconfirmedAndNothingIsDue) {
  domain::Tenant retired = SampleTenant("retired");
  retired.state = domain::TenantState::kRetired;
  retired.purge_time = At(1);
  domain::Tenant failed = SampleTenant("failed");
  failed.state = domain::TenantState::kFailed;
  failed.placement.host.clear();
  domain::Host missing = SampleHost("h2");
  missing.missing = true;
  missing.unconfirmed = false;
  domain::Host expected = SampleHost("h3");
  expected.certificate_fingerprint.clear();
  expected.unconfirmed = false;
  Make({PutTenant{retired}, PutTenant{failed}, PutHost{SampleHost("h1")}, PutHost{missing},
        PutHost{expected}});
  EXPECT_EQ(Restore()->hosts, 1);
  const auto catalog = Open();
  EXPECT_TRUE((*catalog->GetTenant("retired"))->unconfirmed);
  EXPECT_FALSE((*catalog->GetTenant("failed"))->unconfirmed) << "it has nothing anywhere";
  EXPECT_TRUE((*catalog->GetHost("h1"))->unconfirmed);
  EXPECT_FALSE((*catalog->GetHost("h1"))->up);
  EXPECT_FALSE((*catalog->GetHost("h1"))->awaited);
  EXPECT_FALSE((*catalog->GetHost("h2"))->unconfirmed);
  EXPECT_FALSE((*catalog->GetHost("h3"))->unconfirmed);
  EXPECT_THAT(*catalog->DueSchedules(At(1000), 10), IsEmpty()) << "it may have been undeleted since";
}

TEST_F(RestoreTest, WhatWasUnderWayHasEndedAndCleanUpsGoOn) {
  domain::Tenant acme = SampleTenant("acme");
  acme.state = domain::TenantState::kCreating;
  acme.current_operation = "op-1";
  domain::Operation create = SampleOperation("op-1", "acme");
  domain::Operation clean_up = SampleOperation("op-2", "acme");
  clean_up.kind = domain::OperationKind::kCleanUp;
  domain::Backup backup = SampleBackup("acme", "b1");
  Make({PutTenant{acme}, PutOperation{create}, PutOperation{clean_up}, PutBackup{backup}});
  EXPECT_EQ(Restore()->operations, 1);
  const auto catalog = Open();
  const domain::Operation ended = **catalog->GetOperation("op-1");
  EXPECT_EQ(ended.state, domain::OperationState::kFailed);
  EXPECT_EQ(ended.error->reason, "CATALOG_RESTORED");
  EXPECT_TRUE(ended.end_time.has_value());
  EXPECT_FALSE(domain::Ended(**catalog->GetOperation("op-2")));
  EXPECT_EQ((*catalog->GetTenant("acme"))->state, domain::TenantState::kReady)
      << "if it came to be; else check-fleet says";
  EXPECT_EQ((*catalog->GetTenant("acme"))->current_operation, "");
  EXPECT_EQ((*catalog->GetBackup("acme", "b1"))->state, domain::BackupState::kFailed);
}

TEST_F(RestoreTest, TheAuditGoesOnWithARowOfTheRestore) {
  Make({AppendAudit{{At(0), "a", "", "", "", "", ""}}});
  ASSERT_TRUE(Restore().ok());
  const auto catalog = Open();
  const auto head = VerifyAuditChain(*catalog, {*catalog->RecordedAuditHead()});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->sequence, 2);
  EXPECT_EQ(catalog->ListAudit(1, 10)->front().event.method, "croftd/restore-catalog");
}

TEST_F(RestoreTest, PositionsOfEventsThatTheCopyDoesNotHaveAreNotGivenOutAgain) {
  Make({AppendEvent{SampleEvent("before", 1)}});
  const domain::EventLog copied = *Open()->GetEventLog();
  Put(*Open(), {AppendEvent{SampleEvent("lost", 2)}});
  const int64_t lost = Open()->GetEventLog()->last;
  ASSERT_TRUE(Restore().ok());
  Put(*Open(), {AppendEvent{SampleEvent("after", 3)}});
  const auto catalog = Open();
  EXPECT_EQ(catalog->GetEventLog()->uid, copied.uid);
  const std::vector<domain::FleetEvent> events = catalog->ListEvents({})->events;
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].subject, "tenants/before");
  EXPECT_EQ(events[1].type, "croft.catalog.restored");
  EXPECT_GT(events[1].position, lost);
  EXPECT_EQ(events[2].subject, "tenants/after");
  EXPECT_GT(events[2].position, events[1].position);
}

TEST_F(RestoreTest, PositionsOfEventsRiseAboveThoseOfALostCatalogToo) {
  Make({AppendEvent{SampleEvent("before", 1)}});
  Put(*Open(), {AppendEvent{SampleEvent("lost", 2)}});
  const int64_t lost = Open()->GetEventLog()->last;
  std::filesystem::remove(Path());
  ASSERT_TRUE(Restore(absl::Now()).ok());
  EXPECT_GT(Open()->GetEventLog()->last, lost);
}

TEST_F(RestoreTest, ALostCatalogIsNothingInTheWay) {
  Make({PutTenant{SampleTenant("acme")}});
  std::filesystem::remove(Path());
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->set_aside, "");
  EXPECT_EQ(*Open()->CountTenants(), 1);
}

TEST_F(RestoreTest, ALogThatOutlivedItsCatalogIsSetAside) {
  Make({PutTenant{SampleTenant("acme")}});
  {
    // As a control plane leaves it that was killed.
    const auto catalog = Open();
    Put(*catalog, {PutTenant{SampleTenant("later")}});
    std::filesystem::copy(Path() + "-wal", Path() + "-kept");
  }
  std::filesystem::remove(Path());
  std::filesystem::rename(Path() + "-kept", Path() + "-wal");
  ASSERT_TRUE(Restore().ok());
  const auto catalog = Open();
  ASSERT_TRUE(catalog);
  EXPECT_TRUE((*catalog->GetTenant("acme")).has_value());
  EXPECT_FALSE((*catalog->GetTenant("later")).has_value());
}

TEST_F(RestoreTest, TheEpochRisesAboveTheHighestThatIsKnownAndTheAuditSaysWhatWasDone) {
  Make({PutTenant{SampleTenant("acme")}});
  {
    const auto lock = LockCatalog(Path());
    ASSERT_TRUE(lock.ok()) << lock.status();
    const auto restored = RestoreCatalog(*lock, Path(),
                                         {.copy = CopyPath(),
                                          .machine_id = "m",
                                          .now = At(100),
                                          .epoch = kSeconds * 2,
                                          .audited_as = "croftd/rebuild-catalog"});
    ASSERT_TRUE(restored.ok()) << restored.status();
    EXPECT_EQ(restored->epoch, kSeconds * 2 + 1);
  }
  EXPECT_EQ(Open()->ListAudit(0, 10)->front().event.method, "croftd/rebuild-catalog");
}

TEST_F(RestoreTest, ADamagedCatalogIsSetAside) {
  Make({PutTenant{SampleTenant("acme")}});
  std::ofstream(Path()) << "not a database any more";
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(Contents(restored->set_aside), "not a database any more");
}

TEST_F(RestoreTest, NotUnderARunningControlPlane) {
  Make({PutTenant{SampleTenant("acme")}});
  const auto catalog = Open();
  EXPECT_EQ(DetailsOf(Restore().status()).reason, "CATALOG_LOCKED");
}

TEST_F(RestoreTest, ACopyWithAnotherDigestIsRefused) {
  Make({PutTenant{SampleTenant("acme")}});
  ExpectRefused("DIGEST_MISMATCH", std::string(64, 'a'));
}

TEST_F(RestoreTest, ADamagedCopyIsRefused) {
  Make({PutTenant{SampleTenant("acme")}});
  std::filesystem::resize_file(CopyPath(), std::filesystem::file_size(CopyPath()) / 2);
  ExpectRefused("DATABASE_CORRUPT");
}

TEST_F(RestoreTest, AnotherProgramsFileIsRefused) {
  Make({PutTenant{SampleTenant("acme")}});
  std::filesystem::remove(CopyPath());
  RawFile(CopyPath()).Run("CREATE TABLE bookmarks(url)");
  ExpectRefused("DATABASE_FOREIGN");
}

TEST_F(RestoreTest, ACopyOfANewerVersionIsRefused) {
  Make({PutTenant{SampleTenant("acme")}});
  RawFile(CopyPath()).Run("PRAGMA user_version = 999");
  ExpectRefused("DATABASE_NEWER");
}

TEST_F(RestoreTest, AMissingCopyIsNamed) {
  Make({});
  std::filesystem::remove(CopyPath());
  ExpectRefused("DATABASE_UNOPENABLE");
}

TEST_F(RestoreTest, ACatalogWhoseRestoreWasCutIsNotOpened) {
  Make({PutTenant{SampleTenant("acme")}});
  std::ofstream(Path() + ".restoring") << "half";
  EXPECT_EQ(DetailsOf(SqliteCatalog::Open(Path(), {.machine_id = "m"}).status()).reason, "RESTORE_CUT");
  ASSERT_TRUE(Restore().ok()) << "run again, it goes through";
  EXPECT_TRUE(Open() != nullptr);
}

TEST_F(RestoreTest, ACopyHoldsNoDataKeys) {
  Make({PutTenant{SampleTenant("acme")}});
  for (const std::string& column : RawFile(CopyPath())
                                       .Run("SELECT m.name || '.' || c.name FROM sqlite_schema m, "
                                            "pragma_table_info(m.name) c WHERE m.type = 'table'")) {
    EXPECT_THAT(column, testing::Not(HasSubstr("data_key")));
  }
}

}  // namespace
}  // namespace croft::catalog
