#include <signal.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/raw_file.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/catalog/keeper_process.h"

namespace croft::catalog {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class DurabilityTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.File("catalog.db"); }
  std::unique_ptr<SqliteCatalog> MustOpen(const SqliteCatalogOptions& options = {}) {
    auto catalog = SqliteCatalog::Open(Path(), options);
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return catalog.ok() ? *std::move(catalog) : nullptr;
  }
  static absl::Status Put(Catalog& catalog, const Change& change) {
    CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Transaction> transaction, catalog.Begin());
    transaction->Apply(change);
    return transaction->Commit().status();
  }
  // Every tenant up to the last acknowledged number is there with its audit row and its event, and at most one more.
  static void ExpectAcknowledged(SqliteCatalog& catalog, int last) {
    for (int number = 0; number <= last; ++number) {
      ASSERT_TRUE(catalog.GetTenant(absl::StrCat("t", number))->has_value()) << number;
    }
    EXPECT_GE(*catalog.CountTenants(), last + 1);
    EXPECT_LE(*catalog.CountTenants(), last + 2);
    const auto head = VerifyAuditChain(catalog, {*catalog.RecordedAuditHead()});
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_EQ(head->sequence, *catalog.CountTenants());
    EXPECT_EQ(catalog.revision().revision, *catalog.CountTenants());
    const EventPage page = *catalog.ListEvents({.limit = 1'000'000});
    EXPECT_EQ(static_cast<int64_t>(page.events.size()), *catalog.CountTenants());
    for (size_t i = 0; i < page.events.size(); ++i) {
      EXPECT_EQ(page.events[i].tenant, absl::StrCat("t", i));
      EXPECT_EQ(page.events[i].position, page.log.pruned + 1 + static_cast<int64_t>(i));
    }
    EXPECT_TRUE(Put(catalog, AppendAudit{{At(0), "after", "", "", "", "", ""}}).ok());
  }

  TemporaryFolder folder_;
};

TEST_F(DurabilityTest, EverythingIsThereAfterReopening) {
  domain::Tenant acme = SampleTenant("acme");
  acme.aliases = {"shop.acme.com"};
  auto catalog = MustOpen();
  ASSERT_TRUE(Put(*catalog, PutTenant{acme}).ok());
  ASSERT_TRUE(Put(*catalog, PutHost{SampleHost("h1")}).ok());
  ASSERT_TRUE(Put(*catalog, AppendAudit{{At(0), "a", "", "", "", "", ""}}).ok());
  const domain::Revision revision = catalog->revision();
  catalog.reset();
  catalog = MustOpen();
  EXPECT_EQ(catalog->revision(), revision);
  EXPECT_EQ(*catalog->GetTenant("acme"), acme);
  EXPECT_EQ(*catalog->CountTenants(), 1);
  EXPECT_EQ((*catalog->Begin())->Hosts().size(), 1u);
  EXPECT_EQ((*catalog->Begin())->FindAlias("shop.acme.com"), "acme");
  ASSERT_TRUE(Put(*catalog, AppendAudit{{At(1), "b", "", "", "", "", ""}}).ok());
  EXPECT_TRUE(VerifyAuditChain(*catalog, {}).ok());
}

TEST_F(DurabilityTest, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
  for (int round = 0; round < 5; ++round) {
    TemporaryFolder folder;
    KeeperProcess keeper({"write", folder.File("catalog.db")});
    ASSERT_EQ(keeper.ReadLine(), "ready");
    for (int number = 0; number < 40 * round + 7; ++number)
      ASSERT_EQ(keeper.ReadLine(), absl::StrCat(number));
    keeper.Kill();
    const std::vector<std::string> rest = keeper.ReadAll();
    const int last = rest.empty() ? 40 * round + 6 : std::stoi(rest.back());
    auto catalog = SqliteCatalog::Open(folder.File("catalog.db"), {});
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    ExpectAcknowledged(**catalog, last);
  }
}

TEST_F(DurabilityTest, FullDiskEndsTheWriterAndLosesNothing) {
  for (const char* limit : {"600000", "1500000", "4500000"}) {
    TemporaryFolder folder;
    KeeperProcess keeper({"write", folder.File("catalog.db"), limit});
    std::vector<std::string> lines = keeper.ReadAll();
    EXPECT_EQ(keeper.ExitCode(), 1);
    ASSERT_GE(lines.size(), 3u);
    EXPECT_THAT(lines.back(), StartsWith("DISK_FULL: no room is left for "));
    auto catalog = SqliteCatalog::Open(folder.File("catalog.db"), {});
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    ExpectAcknowledged(**catalog, std::stoi(lines[lines.size() - 2]));
  }
}

TEST_F(DurabilityTest, FailedCommitIsSticky) {
  const auto catalog = MustOpen();
  domain::Tenant twin = SampleTenant("twin");
  twin.uid = SampleTenant("acme").uid;
  ASSERT_TRUE(Put(*catalog, PutTenant{SampleTenant("acme")}).ok());
  EXPECT_EQ(DetailsOf(Put(*catalog, PutTenant{twin})).reason, "DATABASE_CONSTRAINT");
  EXPECT_FALSE(Put(*catalog, PutTenant{SampleTenant("third")}).ok());
  EXPECT_TRUE((*catalog->GetTenant("acme")).has_value());
}

TEST_F(DurabilityTest, FailedReadMakesCommitFail) {
  const auto catalog = MustOpen();
  ASSERT_TRUE(Put(*catalog, PutTenant{SampleTenant("acme")}).ok());
  RawFile(Path()).Run("UPDATE tenants SET labels = 'nonsense'");
  const std::unique_ptr<Transaction> transaction = *catalog->Begin();
  EXPECT_EQ(transaction->FindTenant("acme"), std::nullopt);
  transaction->Apply(PutHost{SampleHost("h1")});
  EXPECT_EQ(transaction->Commit().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(catalog->GetTenant("acme").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(catalog->ListHosts()->empty());
}

TEST_F(DurabilityTest, ZombieFindsItselfFenced) {
  const auto catalog = MustOpen();
  ASSERT_TRUE(Put(*catalog, PutTenant{SampleTenant("acme")}).ok());
  RawFile(Path()).Run("UPDATE meta SET epoch = epoch + 1");
  const absl::Status status = Put(*catalog, PutTenant{SampleTenant("late")});
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DetailsOf(status).reason, "FENCED");
  EXPECT_EQ(*catalog->GetTenant("late"), std::nullopt);
}

TEST_F(DurabilityTest, BackupIsACatalogOfItsOwn) {
  const auto catalog = MustOpen();
  ASSERT_TRUE(Put(*catalog, PutTenant{SampleTenant("acme")}).ok());
  const std::string copy = folder_.File("copy.db");
  ASSERT_TRUE(catalog->BackUpTo(copy).ok());
  ASSERT_TRUE(Put(*catalog, PutTenant{SampleTenant("later")}).ok());
  EXPECT_EQ(catalog->BackUpTo(copy).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(DetailsOf(SqliteCatalog::Open(copy, {}).status()).reason, "CATALOG_COPIED");
  const auto opened = SqliteCatalog::Open(copy, {.take_over = true});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*(*opened)->GetTenant("acme"), SampleTenant("acme"));
  EXPECT_EQ(*(*opened)->GetTenant("later"), std::nullopt);
}

class AuditTest : public DurabilityTest {
 protected:
  AuditTest() : catalog_(MustOpen()) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(
          Put(*catalog_, AppendAudit{{At(i), absl::StrCat("caller", i), "p", "m", "r", "OK", ""}}).ok());
    }
  }
  // The sequence of the row that is found at fault after `sql`.
  std::string FaultAfter(const std::string& sql) {
    RawFile(Path()).Run(sql);
    const absl::Status status = VerifyAuditChain(*catalog_, {*catalog_->RecordedAuditHead()}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(DetailsOf(status).reason, "AUDIT_BROKEN");
    return DetailsOf(status).metadata["sequence"];
  }

  std::unique_ptr<SqliteCatalog> catalog_;
};

TEST_F(AuditTest, ChangedRowIsFound) {
  EXPECT_EQ(FaultAfter("UPDATE audit SET caller = 'mallory' WHERE sequence = 3"), "3");
}

TEST_F(AuditTest, ChangedTimeIsFound) {
  EXPECT_EQ(FaultAfter("UPDATE audit SET time = time + 1 WHERE sequence = 2"), "2");
}

TEST_F(AuditTest, TextMovedBetweenColumnsIsFound) {
  EXPECT_EQ(FaultAfter("UPDATE audit SET peer = 'pm', method = '' WHERE sequence = 2"), "2");
}

TEST_F(AuditTest, DroppedRowIsFound) { EXPECT_EQ(FaultAfter("DELETE FROM audit WHERE sequence = 2"), "2"); }

TEST_F(AuditTest, DroppedAndRenumberedRowIsFound) {
  EXPECT_EQ(FaultAfter("DELETE FROM audit WHERE sequence = 2; "
                       "UPDATE audit SET sequence = 2 WHERE sequence = 3; "
                       "UPDATE audit SET sequence = 3 WHERE sequence = 4;"
                       "UPDATE audit SET sequence = 4 WHERE sequence = 5;"),
            "2");
}

TEST_F(AuditTest, SwappedRowsAreFound) {
  EXPECT_EQ(FaultAfter("UPDATE audit SET sequence = 99 WHERE sequence = 2; "
                       "UPDATE audit SET sequence = 2 WHERE sequence = 3; "
                       "UPDATE audit SET sequence = 3 WHERE sequence = 99;"),
            "2");
}

TEST_F(AuditTest, RowCutOffAtTheEndIsFound) {
  EXPECT_EQ(FaultAfter("DELETE FROM audit WHERE sequence = 5"), "5");
}

}  // namespace
}  // namespace croft::catalog
