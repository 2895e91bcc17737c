#include <filesystem>
#include <fstream>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>

#include "agent/backup/manifest.h"
#include "agent/postgres/database_tag.h"
#include "tests/agent/backup/backup_fixture.h"

// A backup that the version before made, of a database whose values are written in forms of its own.
namespace croft::agent {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class OldBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    const fs::path folder = OLD_BACKUP;
    manifest_ = *ReadUnprovenManifest(ReadAll(folder / "manifest.json"));
    const ArchiveIdentity& identity = manifest_.identity;
    for (const auto& [file, object] :
         {std::pair("archive", ArchiveObject(identity.uid, identity.backup)),
          std::pair("manifest.json", ManifestObject(identity.uid, identity.backup))}) {
      fs::create_directories(fs::path(StorePath(object)).parent_path());
      fs::copy_file(folder / file, StorePath(object));
    }
    key_ = absl::HexStringToBytes(absl::StripAsciiWhitespace(ReadAll(folder / "key")));
  }

  BackupSource Source() const {
    return {.backup = manifest_.identity.backup,
            .store = stores_[0]->id(),
            .key = key_,
            .uid = manifest_.identity.uid,
            .generation = manifest_.identity.generation,
            .sha256 = manifest_.archive.sha256,
            .owner_role = manifest_.owner_role,
            .reader_role = manifest_.reader_role};
  }

  // A tenant whose database has the forms, and whose tag says that it is the one that was backed up.
  TestTenant TenantThatWasBackedUp() {
    const TestTenant tenant = MadeTenant();
    const std::string& database = tenant.objects.database;
    Connection admin = postgres_.Admin();
    EXPECT_TRUE(admin.Execute({"ALTER DATABASE %I SET timezone = 'Europe/Vienna'", {database}}).ok());
    EXPECT_TRUE(admin.Execute({"ALTER DATABASE %I SET bytea_output = 'escape'", {database}}).ok());
    Tag(tenant, manifest_.identity.uid);
    return tenant;
  }
  void Tag(const TestTenant& tenant, const std::string& uid) {
    const std::string tag = FormatDatabaseTag({.uid = uid, .generation = tenant.objects.generation});
    EXPECT_TRUE(
        postgres_.Admin().Execute({"COMMENT ON DATABASE %I IS %L", {tenant.objects.database, tag}}).ok());
  }
  // So that it is dropped with the test.
  void TagAsItsOwn(const TestTenant& tenant) { Tag(tenant, tenant.objects.uid); }

  Manifest manifest_;
  std::string key_;
};

TEST_F(OldBackupTest, IsProvenWhereItsDatabaseLives) {
  ASSERT_TRUE(manifest_.old);
  const TestTenant tenant = TenantThatWasBackedUp();
  const absl::StatusOr<Outcome> outcome = Run(tenant, VerifyWork{Source()});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  for (const Finding& finding : std::get<Verified>(*outcome).findings) {
    EXPECT_EQ(finding.severity, Severity::kNote) << finding.object << ": " << finding.message;
  }
  ExpectNothingLeft(tenant);
  TagAsItsOwn(tenant);
}

TEST_F(OldBackupTest, IsRestored) {
  const TestTenant tenant = TenantThatWasBackedUp();
  const TestTenant copy = NewTenant("copy");
  const absl::Status restored = Restore(copy, Source());
  TagAsItsOwn(tenant);
  ASSERT_TRUE(restored.ok()) << restored;
  ASSERT_TRUE(Unfence(copy).ok());
  EXPECT_EQ(Ask<int64_t>(copy, "SELECT count(*) FROM kinds"), 200);
  EXPECT_EQ(Ask<std::string>(copy, "SELECT (max(ts) AT TIME ZONE 'UTC')::text FROM kinds"),
            "2027-02-08 02:11:00");
  EXPECT_EQ(Ask<std::string>(copy, "SELECT encode(b, 'hex') FROM kinds WHERE id = 7"),
            "8f14e45fceea167a5a36dedd4bea2543");
  EXPECT_EQ(Ask<int64_t>(copy, "SELECT length(lo_get(4711))::bigint"), 300'000);
  EXPECT_EQ(Ask<int64_t>(copy, "SELECT nextval('counter')"), 78);
}

}  // namespace
}  // namespace croft::agent
