#include "agent/backup/manifest.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/backup/archive_grants.h"
#include "agent/backup/archive_list.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/random.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Manifest Sample() {
  return {.identity = {.uid = "u1", .generation = 3, .backup = "b1"},
          .database = "t_x_u1_g3",
          .owner_role = "t_x_u1",
          .reader_role = "t_x_u1_r",
          .create_time = absl::FromUnixSeconds(1'800'000'000),
          .server_version = "15.20",
          .server_major = 15,
          .locale = "C.UTF-8",
          .archive = {.size_bytes = 1234, .sha256 = "ab"},
          .wrapped_key = std::string("\0\xff wrapped", 10),
          .content = {.tables = {{.schema = "public", .name = "t \"1\"", .rows = 7, .digest = "-12"}},
                      .large_objects = 2,
                      .large_objects_digest = "5",
                      .objects = {{"view", 3}}},
          .extensions = {"citext"},
          .all_tables_publications = {"everything"},
          .foreign_roles = {"other"},
          .foreign_policies = {{"public", "t", "p"}}};
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
  EXPECT_EQ(decoded->server_version, manifest.server_version);
  EXPECT_EQ(decoded->server_major, manifest.server_major);
  EXPECT_EQ(decoded->locale, manifest.locale);
  EXPECT_EQ(decoded->archive, manifest.archive);
  EXPECT_EQ(decoded->wrapped_key, manifest.wrapped_key);
  EXPECT_EQ(decoded->content, manifest.content);
  EXPECT_EQ(decoded->extensions, manifest.extensions);
  EXPECT_EQ(decoded->all_tables_publications, manifest.all_tables_publications);
  EXPECT_EQ(decoded->foreign_roles, manifest.foreign_roles);
  EXPECT_EQ(decoded->foreign_policies, manifest.foreign_policies);
}

TEST_F(ManifestTest, NeverHoldsTheKey) {
  const std::string json = EncodeManifest(Sample(), key_);
  EXPECT_THAT(json, Not(HasSubstr(key_)));
}

TEST_F(ManifestTest, ChangedFieldIsFound) {
  const std::string json = EncodeManifest(Sample(), key_);
  const std::string changed = absl::StrReplaceAll(json, {{"\"rows\": 7", "\"rows\": 8"}});
  ASSERT_NE(changed, json);
  EXPECT_EQ(DetailsOf(DecodeManifest(changed, key_).status()).reason, "MANIFEST_DAMAGED");
}

TEST_F(ManifestTest, AnothersKeyIsFound) {
  EXPECT_EQ(DetailsOf(DecodeManifest(EncodeManifest(Sample(), key_), random_.Bytes(32)).status()).reason,
            "MANIFEST_DAMAGED");
}

TEST_F(ManifestTest, NewerVersionIsNamed) {
  const std::string json =
      absl::StrReplaceAll(EncodeManifest(Sample(), key_), {{"\"version\": 1", "\"version\": 2"}});
  EXPECT_EQ(DetailsOf(DecodeManifest(json, key_).status()).reason, "MANIFEST_NEWER");
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
  manifest.content.tables[0].name = "caf\xe9";
  EXPECT_TRUE(DecodeManifest(EncodeManifest(manifest, key_), key_).ok());
}

TEST(PartListTest, GrantsApartAndWhatCannotBeRestoredNowhere) {
  const std::string list =
      "; Archive created at 2026-11-23\n"
      "5; 2615 2200 SCHEMA - app t_x_u1\n"
      "200; 1259 16385 TABLE public t t_x_u1\n"
      "3000; 0 0 ACL public TABLE t t_x_u1\n"
      "1800; 826 16390 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES t_x_u1\n"
      "1801; 826 16391 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES t_x_u1_a\n"
      "3100; 3466 16400 EVENT TRIGGER - snoop postgres\n"
      "3101; 0 0 COMMENT - EVENT TRIGGER snoop postgres\n"
      "3200; 6104 16401 PUBLICATION - everything postgres\n"
      "3201; 6104 16402 PUBLICATION - everything_else t_x_u1\n"
      "3202; 6106 16403 PUBLICATION TABLE public everything_else t t_x_u1\n"
      "3300; 3256 16404 POLICY public t p t_x_u1\n"
      "3301; 3256 16405 POLICY public t p2 t_x_u1\n"
      "3400; 0 16385 TABLE DATA public t t_x_u1\n";
  const RestoreLists lists = PartList(list, Sample());
  EXPECT_EQ(lists.contents,
            "5; 2615 2200 SCHEMA - app t_x_u1\n"
            "200; 1259 16385 TABLE public t t_x_u1\n"
            "3201; 6104 16402 PUBLICATION - everything_else t_x_u1\n"
            "3202; 6106 16403 PUBLICATION TABLE public everything_else t t_x_u1\n"
            "3301; 3256 16405 POLICY public t p2 t_x_u1\n"
            "3400; 0 16385 TABLE DATA public t t_x_u1\n");
  EXPECT_EQ(lists.grants,
            "3000; 0 0 ACL public TABLE t t_x_u1\n"
            "1800; 826 16390 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES t_x_u1\n");
  EXPECT_EQ(lists.grant_count, 2);
}

TEST(ReadGrantsTest, RolesAreRenamedAndNothingElseIs) {
  const std::string script =
      "--\n-- PostgreSQL database dump; with a semicolon\n--\n\nSET statement_timeout = 0;\n"
      "SELECT pg_catalog.set_config('search_path', '', false);\n\n"
      "--\n-- Name: TABLE \"old\"; Type: ACL\n--\n\n"
      "REVOKE ALL ON TABLE \"old\".\"a;b\"\"c\" FROM \"old\";\n"
      "GRANT SELECT(\"TO\") ON TABLE \"public\".\"old\" TO \"old_r\";\n"
      "GRANT ALL ON SCHEMA \"public\" TO PUBLIC;\n"
      "ALTER DEFAULT PRIVILEGES FOR ROLE \"old\" GRANT SELECT ON TABLES  TO \"stranger\" WITH GRANT "
      "OPTION;\n"
      "DROP TABLE \"old\";\n";
  EXPECT_THAT(
      ReadGrants(script, {{"old", "new"}, {"old_r", "new_r"}}),
      testing::ElementsAre(
          GrantStatement{"REVOKE ALL ON TABLE \"old\".\"a;b\"\"c\" FROM \"new\"", "new"},
          GrantStatement{"GRANT SELECT(\"TO\") ON TABLE \"public\".\"old\" TO \"new_r\"", "new_r"},
          GrantStatement{"GRANT ALL ON SCHEMA \"public\" TO PUBLIC", ""},
          GrantStatement{
              "ALTER DEFAULT PRIVILEGES FOR ROLE \"new\" GRANT SELECT ON TABLES  TO \"stranger\" WITH "
              "GRANT OPTION",
              "stranger"}));
}

TEST(ReadGrantsTest, UnendingScriptsEnd) {
  for (const char* script : {"\"", "GRANT \"a", "--", "GRANT x", ";;;", "\"\"\"", ""}) {
    EXPECT_TRUE(ReadGrants(script, {}).empty()) << script;
  }
}

}  // namespace
}  // namespace croft::agent
