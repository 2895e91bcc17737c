// What a store could do to a backup: each is refused, by its reason.

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/backup/manifest.h"
#include "agent/tasks/backup_tasks.h"
#include "tests/agent/backup/backup_fixture.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class DamagedBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    tenant_ = MadeTenant();
    Fill(tenant_, {"CREATE TABLE t AS SELECT g AS v, md5(g::text) AS w FROM generate_series(1, 20000) g"});
    work_ = BackUpOf();
    made_backup_ = MakeBackup(tenant_, work_);
    archive_ = StorePath(ArchiveObject(tenant_.objects.uid, work_.backup));
    manifest_ = StorePath(ManifestObject(tenant_.objects.uid, work_.backup));
  }

  // Verify and restore both say `reason`, and leave nothing that could be taken for a restored database.
  void ExpectRefused(const std::string& reason) {
    const BackupSource source = SourceOf(tenant_, work_, made_backup_);
    EXPECT_EQ(ReasonOf(RunDone(tenant_, VerifyWork{source})), reason);
    const TestTenant next = NextGeneration(tenant_);
    EXPECT_EQ(ReasonOf(Restore(next, source)), reason);
    EXPECT_FALSE(CanLogIn(next, next.a()));
    Connection admin = postgres_.Admin();
    EXPECT_EQ(*admin.Value<int64_t>("SELECT count(*) FROM pg_database WHERE datname LIKE 'v\\_%%'"), 0);
    ExpectNothingLeft(tenant_);
  }

  TestTenant tenant_;
  BackUpWork work_;
  BackedUp made_backup_;
  std::string archive_;
  std::string manifest_;
};

TEST_F(DamagedBackupTest, FlippedByteIsRefused) {
  std::string bytes = ReadAll(archive_);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
  WriteAll(archive_, bytes);
  ExpectRefused("ARCHIVE_DAMAGED");
}

TEST_F(DamagedBackupTest, CutTailIsRefused) {
  fs::resize_file(archive_, fs::file_size(archive_) - 100);
  ExpectRefused("ARCHIVE_DAMAGED");
}

TEST_F(DamagedBackupTest, AnotherTenantsArchiveAndManifestAreRefused) {
  const TestTenant other = MadeTenant("other");
  const BackUpWork other_work = BackUpOf(work_.backup);
  MakeBackup(other, other_work);
  fs::copy_file(StorePath(ArchiveObject(other.objects.uid, work_.backup)), archive_,
                fs::copy_options::overwrite_existing);
  fs::copy_file(StorePath(ManifestObject(other.objects.uid, work_.backup)), manifest_,
                fs::copy_options::overwrite_existing);
  ExpectRefused("MANIFEST_DAMAGED");
}

TEST_F(DamagedBackupTest, OlderCopyOfTheSameBackupIsRefused) {
  const std::string old_archive = ReadAll(archive_);
  const std::string old_manifest = ReadAll(manifest_);
  fs::remove(manifest_);
  made_backup_ = MakeBackup(tenant_, work_);
  WriteAll(archive_, old_archive);
  WriteAll(manifest_, old_manifest);
  ExpectRefused("ARCHIVE_DAMAGED");
}

TEST_F(DamagedBackupTest, OlderArchiveUnderTheNewManifestIsRefused) {
  const std::string old_archive = ReadAll(archive_);
  fs::remove(manifest_);
  made_backup_ = MakeBackup(tenant_, work_);
  WriteAll(archive_, old_archive);
  ExpectRefused("ARCHIVE_DAMAGED");
}

TEST_F(DamagedBackupTest, ChangedManifestIsRefused) {
  std::string json = ReadAll(manifest_);
  const size_t at = json.find("\"row_count\": 20000");
  ASSERT_NE(at, std::string::npos);
  json[at + 13] = '3';
  WriteAll(manifest_, json);
  ExpectRefused("MANIFEST_DAMAGED");
}

TEST_F(DamagedBackupTest, BackupWithoutItsManifestDoesNotExist) {
  fs::remove(manifest_);
  ExpectRefused("BACKUP_NOT_FOUND");
}

TEST_F(DamagedBackupTest, DeletedBackupIsGoneAndAllWithIt) {
  const DeleteBackupWork one{.store = work_.store, .backups = {work_.backup, "never-was"}};
  EXPECT_TRUE(RunDone(tenant_, one).ok());
  EXPECT_TRUE(RunDone(tenant_, one).ok());
  EXPECT_FALSE(fs::exists(archive_));
  EXPECT_TRUE(fs::exists(StorePath(KeyObject(tenant_.objects.uid))));
  EXPECT_TRUE(RunDone(tenant_, DeleteBackupWork{.store = work_.store, .all = true}).ok());
  EXPECT_TRUE(stores_[0]->List(tenant_.objects.uid)->empty());
}

}  // namespace
}  // namespace croft::agent
