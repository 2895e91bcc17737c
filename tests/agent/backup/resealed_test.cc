#include <filesystem>
#include <fstream>
#include <functional>

#include "agent/backup/manifest.h"
#include "tests/agent/backup/backup_fixture.h"
#include "tests/agent/backup/memory_object.h"
#include "tests/agent/support/dump/parsed_dump.h"

// Somebody with the backup's key changes what is in the archive, seals it again, and makes a manifest that is true of
// it: the catalog has recorded another digest, so nothing of it is restored.
namespace croft::agent {
namespace {

struct Change {
  std::string what;
  std::function<void(ParsedDump&)> make;
};

TocEntry& Entry(ParsedDump& dump, absl::string_view kind, absl::string_view tag) {
  TocEntry* entry = dump.Find(kind, tag);
  if (entry == nullptr) {
    ADD_FAILURE() << "no " << kind << " " << tag;
    std::abort();
  }
  return *entry;
}

std::string& Rows(ParsedDump& dump, absl::string_view table) {
  return dump.tables.at(Entry(dump, "TABLE DATA", table).dump_id);
}

std::function<void(ParsedDump&)> Edit(const std::string& kind, const std::string& tag,
                                      const std::string& from, const std::string& to) {
  return [=](ParsedDump& dump) {
    std::string& definition = Entry(dump, kind, tag).definition;
    const size_t at = definition.find(from);
    ASSERT_NE(at, std::string::npos) << definition;
    definition.replace(at, from.size(), to);
  };
}

std::function<void(ParsedDump&)> Drop(const std::string& kind, const std::string& tag) {
  return [=](ParsedDump& dump) { dump.Remove(Entry(dump, kind, tag).dump_id); };
}

std::vector<Change> Changes() {
  return {
      {"a row", [](auto& dump) { Rows(dump, "account").erase(0, Rows(dump, "account").find('\n') + 1); }},
      {"a row more", [](auto& dump) { Rows(dump, "other").insert(0, "2\n"); }},
      {"one bit of a value", [](auto& dump) { Rows(dump, "account")[0] ^= 1; }},
      {"a NULL", [](auto& dump) { Rows(dump, "other").replace(0, 1, "\\N"); }},
      {"all rows", [](auto& dump) { Rows(dump, "other") = "\\.\n\n\n"; }},
      {"rows of two partitions swapped",
       [](auto& dump) { std::swap(Rows(dump, "part_1"), Rows(dump, "part_2")); }},
      {"a large object's last byte",
       [](auto& dump) { dump.large_objects.begin()->second.front().bytes.back() ^= 1; }},
      {"a large object", [](auto& dump) { dump.large_objects.begin()->second.pop_back(); }},
      {"a sequence", Edit("SEQUENCE SET", "counter", "77", "78")},
      {"a default", Edit("TABLE", "account", "nobody", "somebody")},
      {"a column's type", Edit("TABLE", "account", "double precision", "real")},
      {"a check", Edit("TABLE", "account", "<> (0)", "<> (1)")},
      {"a policy's role", Edit("POLICY", "account mine", "TO ", "TO PUBLIC, ")},
      {"a policy", Drop("POLICY", "account mine")},
      {"row security", Drop("ROW SECURITY", "account")},
      {"a grant", Drop("ACL", "TABLE \"other\"")},
      {"a right of a grant", Edit("ACL", "TABLE \"other\"", "SELECT", "DELETE")},
      {"a table",
       [](auto& dump) {
         Drop("TABLE DATA", "other")(dump);
         Drop("TABLE", "other")(dump);
       }},
      {"an index", Drop("INDEX", "account_name")},
      {"a constraint", Drop("CONSTRAINT", "account account_pkey")},
      {"a function's body", Edit("FUNCTION", "double(integer)", "* 2", "* 3")},
      {"a view", Edit("VIEW", "rich", "100", "101")},
      {"a comment", Edit("COMMENT", "TABLE \"account\"", "money", "more money")},
      {"an owner", [](auto& dump) { Entry(dump, "TABLE", "account").owner = "postgres"; }},
  };
}

class ResealedBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    tenant_ = MadeTenant();
    Fill(tenant_,
         {"CREATE TABLE account (id int CONSTRAINT account_pkey PRIMARY KEY, name text DEFAULT 'nobody', "
          "balance float8 CHECK (balance <> 0))",
          "INSERT INTO account SELECT g, 'account ' || g, g + 0.1 FROM generate_series(1, 100) AS g",
          "CREATE INDEX account_name ON account (name)", "COMMENT ON TABLE account IS 'money'",
          "ALTER TABLE account ENABLE ROW LEVEL SECURITY",
          "CREATE POLICY mine ON account TO CURRENT_USER USING (true)", "CREATE TABLE other (v int)",
          "INSERT INTO other VALUES (1)", "GRANT SELECT ON other TO PUBLIC",
          "CREATE TABLE part (k int, v text) PARTITION BY LIST (k)",
          "CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1)",
          "CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2)",
          "INSERT INTO part VALUES (1, 'one'), (2, 'two')",
          "CREATE VIEW rich AS SELECT id FROM account WHERE balance > 100",
          "CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2'",
          "CREATE SEQUENCE counter", "SELECT setval('counter', 77)",
          "SELECT lo_from_bytea(4711, 'first'), lo_from_bytea(4712, 'second')"});
    work_ = BackUpOf();
    made_backup_ = MakeBackup(tenant_, work_);
    manifest_ = *ReadUnprovenManifest(ReadObjectOf(ManifestObject(tenant_.objects.uid, work_.backup)));
    MemoryReader archive(ReadObjectOf(ArchiveObject(tenant_.objects.uid, work_.backup)));
    std::string dump;
    const auto read = ReadArchive(archive, work_.key, manifest_.identity, [&](absl::string_view bytes) {
      dump.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    });
    ASSERT_TRUE(read.ok()) << read.status();
    dump_ = *ParseDump(dump);
  }

  std::string ReadObjectOf(const std::string& name) const {
    std::ifstream file(StorePath(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void WriteObjectOf(const std::string& name, const std::string& bytes) const {
    std::ofstream(StorePath(name), std::ios::binary | std::ios::trunc) << bytes;
  }

  // Archive and manifest in the store; the archive's own digest.
  std::string Reseal(const ParsedDump& dump) {
    MemoryWriter object;
    ArchiveWriter archive(object, work_.key, manifest_.identity);
    EXPECT_TRUE(archive.Append(WriteDump(dump)).ok());
    Manifest manifest = manifest_;
    manifest.archive = *archive.Finish();
    WriteObjectOf(ArchiveObject(tenant_.objects.uid, work_.backup), object.bytes);
    WriteObjectOf(ManifestObject(tenant_.objects.uid, work_.backup), EncodeManifest(manifest, work_.key));
    return manifest.archive.sha256;
  }

  TestTenant tenant_;
  BackUpWork work_;
  BackedUp made_backup_;
  Manifest manifest_;
  ParsedDump dump_;
};

TEST_F(ResealedBackupTest, AnyChangeIsRefused) {
  for (const Change& change : Changes()) {
    SCOPED_TRACE(change.what);
    ParsedDump changed = dump_;
    change.make(changed);
    ASSERT_TRUE(WriteDump(changed) != WriteDump(dump_));
    Reseal(changed);
    const BackupSource source = SourceOf(tenant_, work_, made_backup_);
    EXPECT_EQ(DetailsOf(RunDone(tenant_, VerifyWork{source})).reason, "ARCHIVE_DAMAGED");
    const TestTenant next = NextGeneration(tenant_);
    EXPECT_EQ(DetailsOf(Restore(next, source)).reason, "ARCHIVE_DAMAGED");
    EXPECT_FALSE(CanLogIn(next, next.a()));
  }
  ExpectNothingLeft(tenant_);
}

// So that it is the recorded digest which refuses the others.
TEST_F(ResealedBackupTest, OneThatIsRecordedIsProven) {
  made_backup_.sha256 = Reseal(dump_);
  ExpectVerified(tenant_, SourceOf(tenant_, work_, made_backup_));
}

}  // namespace
}  // namespace croft::agent
