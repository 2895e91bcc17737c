#include "tools/croftctl/libpq.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/subprocess.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tools/croftctl/files.h"

namespace croft::ctl {
namespace {

v1::LookupResponse Placement() {
  v1::LookupResponse placement;
  placement.set_tenant("tenants/acme");
  v1::Endpoint* endpoint = placement.add_endpoints();
  endpoint->set_host("db1.example");
  endpoint->set_port(7500);
  endpoint->set_database("t_acme_abcdefgh234567ab_g1");
  endpoint->set_user("t_acme_abcdefgh234567ab_a");
  placement.set_password("a:b\\c'd\"e $f");
  placement.set_sslmode("verify-full");
  placement.set_root_certificate("-----BEGIN CERTIFICATE-----\n");
  placement.set_uri("postgresql://t_acme_abcdefgh234567ab_a@db1.example:7500/d?sslmode=verify-full");
  return placement;
}

std::string Value(const Variables& variables, const std::string& name) {
  for (const auto& [key, value] : variables) {
    if (key == name) return value;
  }
  return "(none)";
}

mode_t ModeOf(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 0777 : 0;
}

TEST(Libpq, QuotedWordsComeOutOfARealShellAsTheyWentIn) {
  for (const std::string text :
       {"", "plain", "a b", "it's", "''", "$HOME `id` \\ \"x\"", "line\nbreak", "-n", "*", "~"}) {
    const auto result =
        croft::Run({.arguments = {"/bin/bash", "-c", absl::StrCat("printf %s ", ShellQuoted(text))}},
                   absl::Now() + absl::Seconds(30));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->standard_out, text);
  }
}

TEST(Libpq, PassfileLinesEscapeColonsAndBackslashes) {
  EXPECT_EQ(PassfileLine(Placement().endpoints(0), "a:b\\c"),
            "db1.example:7500:t_acme_abcdefgh234567ab_g1:t_acme_abcdefgh234567ab_a:a\\:b\\\\c");
}

TEST(Libpq, TheFilesAreForTheOwnerAlone) {
  const TemporaryFolder folder;
  const Variables variables = *ConnectionVariables(Placement(), folder.File("cache/croftctl"));
  EXPECT_EQ(ModeOf(Value(variables, "PGPASSFILE")), 0600);
  EXPECT_EQ(ModeOf(Value(variables, "PGSSLROOTCERT")), 0600);
  EXPECT_EQ(ModeOf(folder.File("cache/croftctl")), 0700);
  EXPECT_EQ(*ReadFile(Value(variables, "PGSSLROOTCERT"), ""), Placement().root_certificate());
}

TEST(Libpq, NoVariableHoldsThePassword) {
  const TemporaryFolder folder;
  const Variables variables = *ConnectionVariables(Placement(), folder.path());
  for (const auto& [name, value] : variables) {
    EXPECT_EQ(value.find(Placement().password()), std::string::npos) << name;
    EXPECT_NE(name, "PGPASSWORD");
  }
}

TEST(Libpq, SeveralEndpointsBecomeLists) {
  const TemporaryFolder folder;
  v1::LookupResponse placement = Placement();
  *placement.add_endpoints() = placement.endpoints(0);
  placement.mutable_endpoints(1)->set_host("db2.example");
  placement.mutable_endpoints(1)->set_port(7501);
  const Variables variables = *ConnectionVariables(placement, folder.path());
  EXPECT_EQ(Value(variables, "PGHOST"), "db1.example,db2.example");
  EXPECT_EQ(Value(variables, "PGPORT"), "7500,7501");
}

TEST(Libpq, WithoutAPasswordThereIsNoPassfile) {
  const TemporaryFolder folder;
  v1::LookupResponse placement = Placement();
  placement.clear_password();
  placement.clear_root_certificate();
  const Variables variables = *ConnectionVariables(placement, folder.path());
  EXPECT_EQ(Value(variables, "PGPASSFILE"), "(none)");
  EXPECT_EQ(Value(variables, "PGSSLROOTCERT"), "(none)");
  EXPECT_EQ(*ConnectionUri(placement, folder.path()), placement.uri());
}

TEST(Libpq, ANewPasswordReplacesTheOldOneOfTheSameLogin) {
  const TemporaryFolder folder;
  v1::LookupResponse placement = Placement();
  const std::string before = Value(*ConnectionVariables(placement, folder.path()), "PGPASSFILE");
  placement.set_password("new");
  const std::string after = Value(*ConnectionVariables(placement, folder.path()), "PGPASSFILE");
  EXPECT_EQ(before, after);
  EXPECT_EQ(*ReadFile(after, ""), PassfileLine(placement.endpoints(0), "new") + "\n");
  placement.mutable_endpoints(0)->set_user("t_acme_abcdefgh234567ab_b");
  EXPECT_NE(Value(*ConnectionVariables(placement, folder.path()), "PGPASSFILE"), before);
}

TEST(Libpq, TheUriNamesTheRootFileEscaped) {
  const TemporaryFolder folder;
  EXPECT_EQ(ConnectionUri(Placement(), folder.File("a b&c"))
                ->find(Placement().uri() + "&sslrootcert=" + folder.path() + "/a%20b%26c/roots/"),
            0u);
}

TEST(Libpq, ALoginThatWouldNameAFileElsewhereIsRefused) {
  const TemporaryFolder folder;
  v1::LookupResponse placement = Placement();
  placement.mutable_endpoints(0)->set_user("../../evil");
  EXPECT_FALSE(ConnectionVariables(placement, folder.path()).ok());
}

}  // namespace
}  // namespace croft::ctl
