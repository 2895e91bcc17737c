#include "agent/backup/manifest.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/random.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Manifest Sample() {
  Manifest manifest{.identity = {.uid = "u1", .generation = 3, .backup = "b1"},
                    .database = "t_x_u1_g3",
                    .owner_role = "t_x_u1",
                    .reader_role = "t_x_u1_r",
                    .create_time = absl::FromUnixSeconds(1'800'000'000),
                    .archive = {.size_bytes = 1234, .sha256 = "ab"},
                    .wrapped_key = std::string("\0\xff wrapped", 10),
                    .table_count = 2,
                    .row_count = 7};
  manifest.facts = {
      .server_version = "15.20",
      .server_major = 15,
      .locale = {.encoding = "UTF8",
                 .provider = "c",
                 .collate = "C.UTF-8",
                 .ctype = "C.UTF-8",
                 .icu_locale = "",
                 .collation_version = "2.36"},
      .database_bytes = 8'000'000,
      .table_count = 3,
      .extensions = {{"citext", "1.6", "public", {"table public.queue"}}},
      .settings = {{.role = "t_x_u1_a", .in_database = false, .name = "work_mem", .value = "64MB"}}};
  manifest.not_dumped = {
      {.severity = Severity::kMissing, .reason = "FOREIGN_OWNER", .object = "TABLE \"t \"\"1\"\"\""}};
  manifest.findings = {{.severity = Severity::kNote,
                        .reason = "INVALID_INDEX",
                        .object = "o",
                        .owner = "w",
                        .message = "m",
                        .postgres_message = "p",
                        .remedy = "r"}};
  return manifest;
}

class ManifestTest : public testing::Test {
 protected:
  SystemRandom random_;
  std::string key_ = random_.Bytes(crypto::kKeyBytes);
};

TEST_F(ManifestTest, DecodesToWhatWasEncoded) {
  const Manifest manifest = Sample();
  const absl::StatusOr<Manifest> decoded = DecodeManifest(EncodeManifest(manifest, key_), key_);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->identity, manifest.identity);
  EXPECT_EQ(decoded->database, manifest.database);
  EXPECT_EQ(decoded->owner_role, manifest.owner_role);
  EXPECT_EQ(decoded->reader_role, manifest.reader_role);
  EXPECT_EQ(decoded->create_time, manifest.create_time);
  EXPECT_EQ(decoded->archive, manifest.archive);
  EXPECT_EQ(decoded->wrapped_key, manifest.wrapped_key);
  EXPECT_EQ(decoded->table_count, manifest.table_count);
  EXPECT_EQ(decoded->row_count, manifest.row_count);
  EXPECT_EQ(decoded->facts, manifest.facts);
  EXPECT_EQ(decoded->not_dumped, manifest.not_dumped);
  EXPECT_EQ(decoded->findings, manifest.findings);
  EXPECT_FALSE(decoded->old);
}

// As the version of Croft before wrote it.
std::string OldManifest() {
  return R"({"version": 1, "uid": "u1", "generation": 3, "backup": "b1", "database": "d", "owner_role": "o",
    "reader_role": "r", "create_time": "2026-11-23T03:11:00+00:00", "server_version": "15.20", "server_major": 15,
    "locale": "C.UTF-8", "size_bytes": 1, "sha256": "ab", "wrapped_key": "",
    "content": {"tables": [{"schema": "public", "name": "a", "rows": 7, "digest": "1"},
                           {"schema": "public", "name": "b", "rows": 5, "digest": "2"}],
                "large_objects": 0, "large_objects_digest": "0", "objects": {}},
    "extensions": ["citext"], "all_tables_publications": [], "foreign_roles": [], "foreign_policies": []})";
}

TEST_F(ManifestTest, OneOfTheVersionBeforeIsReadAsFarAsItGoes) {
  const absl::StatusOr<Manifest> manifest = ReadUnprovenManifest(OldManifest());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(manifest->old);
  EXPECT_EQ(manifest->identity.uid, "u1");
  EXPECT_EQ(manifest->table_count, 2);
  EXPECT_EQ(manifest->row_count, 12);
  EXPECT_EQ(manifest->facts.server_major, 15);
  EXPECT_EQ(manifest->facts.locale.collate, "C.UTF-8");
  ASSERT_EQ(manifest->facts.extensions.size(), 1u);
  EXPECT_EQ(manifest->facts.extensions[0].name, "citext");
}

TEST_F(ManifestTest, NeverHoldsTheKey) {
  const std::string json = EncodeManifest(Sample(), key_);
  EXPECT_THAT(json, Not(HasSubstr(key_)));
}

TEST_F(ManifestTest, ChangedFieldIsFound) {
  const std::string json = EncodeManifest(Sample(), key_);
  const std::string changed = absl::StrReplaceAll(json, {{"\"row_count\": 7", "\"row_count\": 8"}});
  ASSERT_NE(changed, json);
  EXPECT_EQ(DetailsOf(DecodeManifest(changed, key_).status()).reason, "MANIFEST_DAMAGED");
}

TEST_F(ManifestTest, AnothersKeyIsFound) {
  EXPECT_EQ(DetailsOf(DecodeManifest(EncodeManifest(Sample(), key_), random_.Bytes(32)).status()).reason,
            "MANIFEST_DAMAGED");
}

TEST_F(ManifestTest, NewerVersionIsNamed) {
  const std::string json =
      absl::StrReplaceAll(EncodeManifest(Sample(), key_), {{"\"version\": 2", "\"version\": 4"}});
  EXPECT_EQ(DetailsOf(DecodeManifest(json, key_).status()).reason, "MANIFEST_NEWER");
}

// Agents of the version before take tables without rows for damage, so they must not read it.
TEST_F(ManifestTest, TablesWithoutRowsMakeItNewer) {
  Manifest manifest = Sample();
  EXPECT_THAT(EncodeManifest(manifest, key_), HasSubstr("\"version\": 2"));
  manifest.without_rows = {{"cache", "a \"b\".c"}, {"public", "jobs"}};
  const std::string json = EncodeManifest(manifest, key_);
  EXPECT_THAT(json, HasSubstr("\"version\": 3"));
  const absl::StatusOr<Manifest> decoded = DecodeManifest(json, key_);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->without_rows, manifest.without_rows);
  const std::string shorter = absl::StrReplaceAll(json, {{"\"jobs\"", "\"orders\""}});
  EXPECT_EQ(DetailsOf(DecodeManifest(shorter, key_).status()).reason, "MANIFEST_DAMAGED");
}

TEST_F(ManifestTest, GarbageIsDamaged) {
  for (const std::string garbage :
       {"", "{", "[]", "null", "{}", "{\"version\":\"x\"}", "{\"version\":1,\"seal\":5}", "\xff\xfe",
        "{\"version\":1,\"seal\":\"!!\"}"}) {
    SCOPED_TRACE(garbage);
    EXPECT_EQ(DetailsOf(DecodeManifest(garbage, key_).status()).reason, "MANIFEST_DAMAGED");
  }
}

TEST_F(ManifestTest, NamesOfAnyBytesStaySealed) {
  Manifest manifest = Sample();
  manifest.findings[0].object = "caf\xe9";
  EXPECT_TRUE(DecodeManifest(EncodeManifest(manifest, key_), key_).ok());
}

}  // namespace
}  // namespace croft::agent
