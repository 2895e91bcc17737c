#include "controlplane/server/catalog_copies.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "controlplane/catalog/sqlite/catalog_copy.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SettableClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'795'000'000);
};

class CatalogCopiesTest : public testing::Test {
 protected:
  std::string Folder() const { return folder_.path() + "/copies"; }
  std::vector<std::string> Names() { return *copies_.List(); }
  std::vector<std::string> Files() {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(Folder()))
      files.push_back(entry.path().filename().string());
    return files;
  }
  static std::string Contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
  }
  void Put(const std::string& tenant) {
    const auto transaction = *catalog_->Begin();
    transaction->Apply(catalog::PutTenant{catalog::SampleTenant(tenant)});
    ASSERT_TRUE(transaction->Commit().ok());
  }

  TemporaryFolder folder_;
  SettableClock clock_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_ =
      *catalog::SqliteCatalog::Open(folder_.path() + "/catalog.db", {});
  CatalogCopies copies_{*catalog_, Folder(), clock_};
};

TEST_F(CatalogCopiesTest, MakesOneAnHourWithItsDigestBesideIt) {
  Put("acme");
  ASSERT_TRUE(copies_.Maintain().ok());
  ASSERT_THAT(Names(), SizeIs(1));
  const std::string name = Names().front();
  EXPECT_TRUE(absl::StartsWith(name, "catalog-2026")) << name;
  const std::string path = Folder() + "/" + name;
  EXPECT_EQ(Contents(path + ".sha256"), crypto::Hex(crypto::Sha256(Contents(path))) + "  " + name + "\n");
  EXPECT_EQ(catalog::RevisionOfCopy(path)->revision, 1);
  struct stat facts {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(Folder().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);

  clock_.now += absl::Minutes(59);
  ASSERT_TRUE(copies_.Maintain().ok());
  EXPECT_THAT(Names(), SizeIs(1));
  clock_.now += absl::Minutes(1);
  ASSERT_TRUE(copies_.Maintain().ok());
  EXPECT_THAT(Names(), SizeIs(2));
}

TEST_F(CatalogCopiesTest, KeepsTheNewestTwentyFour) {
  for (int hour = 0; hour < 30; ++hour) {
    ASSERT_TRUE(copies_.Maintain().ok());
    clock_.now += absl::Hours(1);
  }
  EXPECT_THAT(Names(), SizeIs(24));
  EXPECT_THAT(Files(), SizeIs(48)) << "digests go with their copies";
  const std::string newest = Names().back();
  ASSERT_TRUE(copies_.Maintain().ok());
  EXPECT_LT(newest, Names().back());
}

TEST_F(CatalogCopiesTest, OtherPeoplesFilesAreNotTouched) {
  fs::create_directory(Folder());
  for (const char* name : {"catalog-mine.db", "notes", "catalog-20200101t000000z.txt"}) {
    std::ofstream(Folder() + "/" + name) << "mine";
  }
  for (int hour = 0; hour < 30; ++hour) {
    ASSERT_TRUE(copies_.Maintain().ok());
    clock_.now += absl::Hours(1);
  }
  EXPECT_THAT(Files(), SizeIs(48 + 3));
}

TEST_F(CatalogCopiesTest, ACopyIsReadPieceByPieceAndLeavesNoFile) {
  Put("acme");
  std::string bytes;
  {
    const auto copy = copies_.Copy();
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_THAT(Files(), IsEmpty());
    Put("later");  // writes go on
    for (;;) {
      const std::string piece = *(*copy)->Read(static_cast<int64_t>(bytes.size()), 1000);
      if (piece.empty()) break;
      bytes += piece;
    }
    EXPECT_EQ((*copy)->facts().size_bytes, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ((*copy)->facts().sha256, crypto::Hex(crypto::Sha256(bytes)));
    EXPECT_EQ((*copy)->facts().revision.revision, 1);
  }
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(CatalogCopiesTest, OnlySoManyAreReadAtOnce) {
  std::vector<std::shared_ptr<const handlers::CatalogCopy>> open;
  for (int i = 0; i < CatalogCopies::kOpenAtOnce; ++i) open.push_back(*copies_.Copy());
  EXPECT_EQ(DetailsOf(copies_.Copy().status()).reason, "OVERLOADED");
  open.pop_back();
  EXPECT_TRUE(copies_.Copy().ok());
}

TEST_F(CatalogCopiesTest, WhatACutCopyLeftIsRemovedAtTheStart) {
  fs::create_directory(Folder());
  for (const char* name : {".outgoing-1-0", "catalog-20200101t000000z.db.part"}) {
    std::ofstream(Folder() + "/" + name) << "half";
  }
  copies_.Start();
  copies_.Stop();
  for (const std::string& file : Files()) {
    EXPECT_FALSE(absl::StartsWith(file, ".outgoing") || absl::EndsWith(file, ".part")) << file;
  }
}

TEST_F(CatalogCopiesTest, AFolderThatCannotBeMadeIsNamed) {
  CatalogCopies elsewhere(*catalog_, folder_.path() + "/no/copies", clock_);
  const absl::Status status = elsewhere.Maintain();
  EXPECT_EQ(DetailsOf(status).reason, "FILE_IO");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/no/copies"));
}

}  // namespace
}  // namespace croft::server
