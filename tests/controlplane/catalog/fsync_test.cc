#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/failing_vfs.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_samples.h"

namespace croft::catalog {
namespace {

class FsyncTest : public ::testing::Test {
 protected:
  static absl::StatusOr<domain::Revision> Put(Catalog& catalog, const std::string& tenant) {
    CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Transaction> transaction, catalog.Begin());
    transaction->Apply(PutTenant{SampleTenant(tenant)});
    return transaction->Commit();
  }

  FailingVfs disk_;
  TemporaryFolder folder_;
};

TEST_F(FsyncTest, AFailedFsyncIsAClearErrorAndNothingIsWrittenAfterIt) {
  auto catalog = *SqliteCatalog::Open(folder_.File("catalog.db"), {});
  ASSERT_TRUE(Put(*catalog, "before").ok());
  disk_.FailSyncs(true);
  const absl::Status failed = Put(*catalog, "lost").status();
  EXPECT_EQ(DetailsOf(failed).reason, "DATABASE_IO") << failed;
  EXPECT_NE(std::string(failed.message()).find("the disk failed under"), std::string::npos) << failed;
  disk_.FailSyncs(false);
  EXPECT_EQ(Put(*catalog, "after").status(), failed) << "an fsync is never tried again";
  EXPECT_EQ(DetailsOf(catalog->Begin().status()).reason, "DATABASE_IO");
  catalog.reset();
  const auto again = *SqliteCatalog::Open(folder_.File("catalog.db"), {});
  EXPECT_TRUE((*again->GetTenant("before")).has_value());
  EXPECT_FALSE((*again->GetTenant("after")).has_value());
}

TEST_F(FsyncTest, ACatalogIsNotMadeOnADiskThatDoesNotSync) {
  disk_.FailSyncs(true);
  const auto catalog = SqliteCatalog::Open(folder_.File("catalog.db"), {});
  EXPECT_EQ(DetailsOf(catalog.status()).reason, "DATABASE_IO") << catalog.status();
}

}  // namespace
}  // namespace croft::catalog
