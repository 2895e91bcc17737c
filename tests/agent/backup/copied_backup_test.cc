// A backup in a second store: byte by byte, as good as the first, and never one that is not.

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/backup/manifest.h"
#include "agent/tasks/backup_tasks.h"
#include "tests/agent/backup/backup_fixture.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CopiedBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    auto second = OpenFileStore(folder_.path() + "/second", random_);
    ASSERT_TRUE(second.ok()) << second.status();
    stores_.push_back(*std::move(second));
    tenant_ = MadeTenant();
    Fill(tenant_, {"CREATE TABLE t AS SELECT g AS v, md5(g::text) AS w FROM generate_series(1, 20000) g"});
    work_ = BackUpOf();
    work_.wrapped_data_key = "a wrapped key";
    made_ = MakeBackup(tenant_, work_);
    archive_ = ArchiveObject(tenant_.objects.uid, work_.backup);
    manifest_ = ManifestObject(tenant_.objects.uid, work_.backup);
  }

  std::string SecondPath(const std::string& name) const { return folder_.path() + "/second/" + name; }
  CopyBackupWork CopyOf() const {
    return {.backup = work_.backup,
            .from_store = stores_[0]->id(),
            .to_store = stores_[1]->id(),
            .sha256 = made_.sha256,
            .wrapped_data_key = work_.wrapped_data_key};
  }
  std::string Refusal(const CopyBackupWork& work) { return DetailsOf(RunDone(tenant_, work)).reason; }

  TestTenant tenant_;
  BackUpWork work_;
  BackedUp made_;
  std::string archive_;
  std::string manifest_;
};

TEST_F(CopiedBackupTest, CopyIsTheSameBytesAndTheKeyAndRestoresAlone) {
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  for (const std::string& object : {archive_, manifest_, KeyObject(tenant_.objects.uid)})
    EXPECT_EQ(ReadAll(SecondPath(object)), ReadAll(StorePath(object))) << object;
  fs::remove_all(StorePath(tenant_.objects.uid));
  BackupSource source = SourceOf(tenant_, work_, made_);
  source.store = stores_[1]->id();
  ExpectVerified(tenant_, source);
  const TestTenant next = NextGeneration(tenant_);
  ASSERT_TRUE(Restore(next, source).ok());
  ASSERT_TRUE(Unfence(next).ok());
  EXPECT_EQ(Ask<int64_t>(next, "SELECT count(*) FROM t"), 20000);
}

TEST_F(CopiedBackupTest, RepeatOfOneWhoseReportWasLostIsDoneAtOnce) {
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  const auto written = fs::last_write_time(SecondPath(archive_));
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  EXPECT_EQ(fs::last_write_time(SecondPath(archive_)), written);
}

TEST_F(CopiedBackupTest, RepeatThatIsCancelledLeavesTheCopyThatIsThere) {
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  for (const int stop_at : {0, 1}) {
    EXPECT_EQ(DetailsOf(RunDone(tenant_, CopyOf(), stop_at)).reason, "CANCELLED") << stop_at;
    EXPECT_TRUE(fs::exists(SecondPath(manifest_))) << stop_at;
  }
}

TEST_F(CopiedBackupTest, DamageIsNotSpread) {
  const std::string path = StorePath(archive_);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
  file.write("????", 4);
  file.close();
  EXPECT_EQ(Refusal(CopyOf()), "COPY_DAMAGED");
  EXPECT_FALSE(fs::exists(SecondPath(archive_)));
  EXPECT_FALSE(fs::exists(SecondPath(manifest_)));
}

TEST_F(CopiedBackupTest, DamagedCopyIsMadeAnew) {
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  fs::resize_file(SecondPath(archive_), 100);
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  EXPECT_EQ(ReadAll(SecondPath(archive_)), ReadAll(StorePath(archive_)));
}

TEST_F(CopiedBackupTest, StoresThatAreNotReachedAndBackupsThatAreNotThereAreRefused) {
  CopyBackupWork elsewhere = CopyOf();
  elsewhere.to_store = "store-elsewhere";
  EXPECT_EQ(Refusal(elsewhere), "STORE_NOT_REACHED");
  fs::remove(StorePath(manifest_));
  EXPECT_EQ(Refusal(CopyOf()), "OBJECT_NOT_FOUND");
  EXPECT_FALSE(fs::exists(SecondPath(archive_)));
}

TEST_F(CopiedBackupTest, DeletionInOneStoreLeavesTheOther) {
  ASSERT_TRUE(RunDone(tenant_, CopyOf()).ok());
  ASSERT_TRUE(RunDone(tenant_, DeleteBackupWork{.store = stores_[1]->id(), .all = true}).ok());
  EXPECT_TRUE(stores_[1]->List(tenant_.objects.uid)->empty());
  EXPECT_TRUE(fs::exists(StorePath(archive_)));
}

}  // namespace
}  // namespace croft::agent
