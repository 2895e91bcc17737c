#include <algorithm>
#include <sstream>
#include <string>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/tools/croftctl/control_plane.h"
#include "tests/tools/croftctl/terminal_program.h"
#include "tools/croftctl/run.h"

// Lists, help, quiet, and errors for programs.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;
using Line = std::vector<std::string>;

class Usability : public ::testing::Test, protected Pair {
 protected:
  static v1::Backup BackupOf(const std::string& tenant, int64_t size, absl::Duration age) {
    v1::Backup backup;
    backup.set_name(absl::StrCat("tenants/", tenant, "/backups/b1"));
    backup.set_size_bytes(size);
    backup.mutable_create_time()->set_seconds(absl::ToUnixSeconds(absl::Now() - age));
    return backup;
  }
  // Two tenants with a backup each.
  void TwoTenants() {
    v1::ListTenantsResponse tenants;
    v1::ListBackupsResponse backups;
    for (const char* id : {"acme", "globex"}) {
      v1::Tenant tenant = ReadyTenant(id);
      tenant.set_last_backup(absl::StrCat("tenants/", id, "/backups/b1"));
      *tenants.add_tenants() = tenant;
    }
    *backups.add_backups() = BackupOf("acme", 3 << 20, absl::Hours(49));
    *backups.add_backups() = BackupOf("globex", 500, absl::Hours(72));
    server.list_tenants.Answers(tenants);
    server.list_backups.Answers(backups);
  }
};

TEST_F(Usability, WideListsShowTheLastBackupItsAgeAndSize) {
  TwoTenants();
  const std::string out = desk.Run({"tenant", "list", "-o", "wide"}).out;
  EXPECT_THAT(out, AllOf(HasSubstr("LAST BACKUP"), HasSubstr("BACKUP AGE"), HasSubstr("2d1h"),
                         HasSubstr("3.0 MiB")));
  EXPECT_EQ(server.list_backups.asked().at(0).parent(), "tenants/-");
  EXPECT_THAT(desk.Run({"tenant", "list"}).out, Not(HasSubstr("LAST BACKUP")));
  EXPECT_THAT(server.list_backups.asked(), SizeIs(1)) << "asked for only where it is shown";
}

TEST_F(Usability, AWideListGoesOnWithoutBackupsThatMayNotBeSeen) {
  TwoTenants();
  server.list_backups.Answers([](const v1::ListBackupsRequest&, v1::ListBackupsResponse&) {
    return GrpcError(absl::StatusCode::kPermissionDenied, "not yours", {.reason = "PERMISSION_DENIED"});
  });
  const Ran ran = desk.Run({"tenant", "list", "-o", "wide"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("acme"));
  EXPECT_THAT(ran.err, HasSubstr("not yours"));
}

TEST_F(Usability, ListsAreSortedByAnyColumnBeforeTheyAreCut) {
  TwoTenants();
  EXPECT_EQ(desk.Run({"tenant", "list", "--sort-by", "id:desc", "--limit", "1", "-o", "name"}).out,
            "tenants/globex\n");
  const Json json = Json::parse(desk.Run({"backup", "list", "--sort-by", "size", "-o", "json"}).out);
  EXPECT_EQ(json["backups"][0]["sizeBytes"], "500");
  const Ran unknown = desk.Run({"tenant", "list", "--sort-by", "colour"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--sort-by wants one of id, state"));
}

TEST_F(Usability, NegativeLimitsAreRefused) {
  for (const Line& line : {Line{"tenant", "list", "--limit", "-1"},
                           {"audit", "list", "--limit=-5"},
                           {"tenant", "update", "acme", "--connections", "-5"},
                           {"host", "update", "h1", "--databases", "-1"}}) {
    EXPECT_EQ(desk.Run(line).exit_code, 2) << line[0];
  }
  EXPECT_THAT(desk.Run({"tenant", "list", "--limit", "-1"}).err, HasSubstr("wants 0 or more, not -1"));
}

TEST_F(Usability, QuietIsQuiet) {
  server.create_tenant.Answers(Succeeded(Running("op-1", "tenants/acme")));
  server.update_tenant.Answers(ReadyTenant("acme"));
  server.cordon_host.Answers(v1::Host());
  for (const Line& line : {Line{"tenant", "create", "acme", "-q"},
                           {"tenant", "update", "acme", "--labels", "a=b", "-q"},
                           {"-q", "host", "cordon", "h1"},
                           {"tenant", "create", "acme", "-q", "--dry-run"}}) {
    const Ran ran = desk.Run(line);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out + ran.err, IsEmpty());
  }
  EXPECT_EQ(desk.Run({"tenant", "create", "acme", "-q", "-o", "name"}).out, "tenants/acme\n");
  server.get_tenant.Answers(ReadyTenant("acme"));
  EXPECT_THAT(desk.Run({"tenant", "get", "acme", "-q"}).out, HasSubstr("READY"))
      << "what was asked for is shown";
}

TEST_F(Usability, ATableIsCutOnATerminalAndWholeInAPipe) {
  v1::ListTenantsResponse tenants;
  *tenants.add_tenants() = ReadyTenant("acme");
  (*tenants.mutable_tenants(0)->mutable_labels())["app"] = std::string(63, 'x');
  server.list_tenants.Answers(tenants);
  TerminalProgram program(desk.CommandFor({"tenant", "list", "--color", "never"}), 60);
  const std::string screen = program.Finish().screen;
  EXPECT_THAT(screen, AllOf(HasSubstr("\xe2\x80\xa6"), Not(HasSubstr(std::string(63, 'x')))));
  EXPECT_THAT(desk.Run({"tenant", "list"}).out, HasSubstr(std::string(63, 'x')));
}

TEST_F(Usability, VersionAndHelpAnswerToTheirUsualNames) {
  const std::string version = desk.Run({"version"}).out;
  EXPECT_THAT(version, StartsWith("croftctl "));
  EXPECT_EQ(desk.Run({"--version"}).out, version);
  EXPECT_EQ(desk.Run({"help", "tenant", "create"}).out, desk.Run({"tenant", "create", "--help"}).out);
  EXPECT_THAT(desk.Run({"help"}).out, AllOf(HasSubstr("Usage: croftctl"), HasSubstr("doctor")));
  const Ran unknown = desk.Run({"help", "tenant", "craete"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'create'?"));
}

TEST_F(Usability, UsualWordsAreTakenOrAnsweredWithAdvice) {
  server.list_tenants.Answers(v1::ListTenantsResponse());
  EXPECT_EQ(desk.Run({"tenant", "ls"}).exit_code, 0);
  const std::pair<Line, const char*> cases[] = {
      {{"tenant", "rm", "acme"}, "croftctl tenant retire ID"},
      {{"tenant", "delete", "acme"}, "croftctl tenant retire ID"},
      {{"tenant", "delete", "acme"}, "croftctl tenant purge ID"},
      {{"host", "rm", "h1"}, "use 'croftctl host remove'"},
      {{"backup", "rm", "acme", "b1"}, "use 'croftctl backup delete'"},
      {{"op", "rm", "op-1"}, "croftctl op cancel ID"},
      {{"rm", "acme"}, "croftctl tenant retire ID"},
  };
  for (const auto& [line, advice] : cases) {
    const Ran ran = desk.Run(line);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("is not known here"), HasSubstr(advice)));
  }
}

TEST_F(Usability, ErrorsAsJsonAreTheLastLineOfStandardError) {
  server.get_tenant.Answers([](const v1::GetTenantRequest&, v1::Tenant&) {
    return GrpcError(absl::StatusCode::kNotFound, "there is no tenant acme",
                     {.reason = "TENANT_NOT_FOUND", .metadata = {{"tenant", "acme"}}});
  });
  const Ran ran = desk.Run({"tenant", "get", "acme", "-o", "json"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(Json::parse(ran.err),
            Json::parse(R"({"error":{"code":"NOT_FOUND","message":"there is no tenant acme",
      "exitCode":3,"reason":"TENANT_NOT_FOUND","metadata":{"tenant":"acme"},
      "nextStep":"croftctl tenant list --show-retired shows the tenants there are"}})"));
  for (const Line& line : {Line{"tenant", "get", "-o", "json"},
                           {"tenant", "craete", "--output=json"},
                           {"-ojson", "tenant", "lst"}}) {
    const Json error = Json::parse(desk.Run(line).err)["error"];
    EXPECT_EQ(error["exitCode"], 2);
    EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
  }
}

TEST_F(Usability, SeveralIdsAreOneList) {
  server.get_tenant.Answers([](const v1::GetTenantRequest& request, v1::Tenant& tenant) {
    tenant = ReadyTenant(request.name().substr(8));
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"tenant", "get", "acme", "globex", "-o", "name"}).out,
            "tenants/acme\ntenants/globex\n");
  v1::ListTenantsResponse tenants;
  *tenants.add_tenants() = ReadyTenant("acme");
  server.list_tenants.Answers(tenants);
  EXPECT_THAT(Json::parse(desk.Run({"tenant", "get", "-l", "app=shop", "-o", "json"}).out)["tenants"],
              SizeIs(1));
  EXPECT_EQ(desk.Run({"tenant", "get", "acme", "-l", "app=shop"}).exit_code, 2);
  server.get_operation.Answers([](const v1::GetOperationRequest& request, v1::Operation& operation) {
    operation = Succeeded(Running(request.name().substr(11), "tenants/acme"));
    return grpc::Status::OK;
  });
  EXPECT_THAT(Json::parse(desk.Run({"op", "wait", "op-1", "op-2", "-o", "json"}).out)["operations"],
              SizeIs(2));
}

TEST_F(Usability, AliasesAreSetAddedAndRemoved) {
  v1::Tenant tenant = ReadyTenant("acme");
  for (const char* alias : {"a.example", "b.example"}) tenant.add_aliases(alias);
  server.get_tenant.Answers(tenant);
  server.update_tenant.Answers(tenant);
  const std::pair<Line, std::vector<std::string>> cases[] = {
      {{"--add-alias", "c.example", "--remove-alias", "a.example"}, {"b.example", "c.example"}},
      {{"--add-alias", "b.example"}, {"a.example", "b.example"}},
      {{"--alias", "c.example"}, {"c.example"}},
      {{"--no-aliases"}, {}}};
  for (const auto& [flags, aliases] : cases) {
    Line line = {"tenant", "update", "acme"};
    line.insert(line.end(), flags.begin(), flags.end());
    const Ran ran = desk.Run(line);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const v1::UpdateTenantRequest request = server.update_tenant.asked().back();
    EXPECT_THAT(request.tenant().aliases(), ::testing::ElementsAreArray(aliases));
    EXPECT_EQ(request.tenant().etag(), "e1");
    EXPECT_THAT(request.update_mask().paths(), ::testing::ElementsAre("aliases"));
  }
  EXPECT_THAT(desk.Run({"tenant", "update", "acme", "--alias", "c.example"}).err,
              HasSubstr("tenants/acme loses the alias a.example, b.example"));
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--alias", "x", "--add-alias", "y"}).exit_code, 2);
}

TEST_F(Usability, NothingIsOfferedThatIsNotThere) {
  EXPECT_EQ(desk.Run({"tenant", "lookup", "acme", "--purpose", "pooled"}).exit_code, 2);
}

TEST_F(Usability, StorageQuotaAndGraceAreSetWithoutTheRestOfTheQuota) {
  const v1::Tenant tenant = ReadyTenant("acme");
  server.get_tenant.Answers(tenant);
  server.update_tenant.Answers(tenant);
  const auto asked = [&](const Line& flags) {
    Line line = {"tenant", "update", "acme"};
    line.insert(line.end(), flags.begin(), flags.end());
    const Ran ran = desk.Run(line);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return server.update_tenant.asked().back();
  };
  v1::UpdateTenantRequest request = asked({"--storage", "10GiB"});
  EXPECT_THAT(request.update_mask().paths(), ::testing::ElementsAre("quota.storage_bytes"));
  EXPECT_EQ(request.tenant().quota().storage_bytes(), int64_t{10} << 30);
  request = asked({"--storage", "0", "--connections", "7"});
  EXPECT_THAT(request.update_mask().paths(), ::testing::ElementsAre("quota"));
  EXPECT_EQ(request.tenant().quota().connections(), 7);
  request = asked({"--storage-grace", "24h"});
  EXPECT_THAT(request.update_mask().paths(), ::testing::ElementsAre("storage_grace_time"));
  EXPECT_NEAR(static_cast<double>(request.tenant().storage_grace_time().seconds()),
              static_cast<double>(absl::ToUnixSeconds(absl::Now()) + 24 * 3600), 60);
  request = asked({"--storage-grace", "0"});
  EXPECT_FALSE(request.tenant().has_storage_grace_time());
  EXPECT_EQ(desk.Run({"tenant", "update", "acme", "--storage", "much"}).exit_code, 2);
}

TEST_F(Usability, ATenantThatIsClosedForGrowthIsShownSo) {
  v1::Tenant tenant = ReadyTenant("acme");
  tenant.mutable_quota()->set_storage_bytes(int64_t{10} << 30);
  server.get_tenant.Answers(tenant);
  EXPECT_THAT(desk.Run({"tenant", "get", "acme", "-o", "wide"}).out,
              AllOf(HasSubstr("10.0 GiB"), HasSubstr("open")));
  tenant.set_closed_for_growth(true);
  server.get_tenant.Answers(tenant);
  EXPECT_THAT(desk.Run({"tenant", "get", "acme", "-o", "wide"}).out, HasSubstr("closed"));
}

TEST_F(Usability, StatusTellsTheLastFleetCheck) {
  v1::GetStatusResponse status;
  server.get_status.Answers(status);
  EXPECT_THAT(desk.Run({"status"}).out, AllOf(HasSubstr("fleet checked"), HasSubstr("not yet")));
  status.mutable_fleet_check_time()->set_seconds(1'700'000'000);
  status.set_fleet_problem_count(3);
  server.get_status.Answers(status);
  EXPECT_THAT(desk.Run({"status"}).out,
              AllOf(HasSubstr("2023-11-14T22:13:20Z"), HasSubstr("fleet problems      3")));
}

TEST_F(Usability, StatusSaysThatAllIsWellOrWhatHelps) {
  v1::GetStatusResponse status;
  server.get_status.Answers(status);
  EXPECT_THAT(desk.Run({"status"}).out, HasSubstr("all is well"));
  v1::Attention& attention = *status.add_attention();
  attention.set_subject("host h1");
  attention.set_message("has been away for 3 hours");
  attention.set_remedy("look at its agent");
  server.get_status.Answers(status);
  EXPECT_THAT(desk.Run({"status"}).out,
              AllOf(HasSubstr("1 thing needs you"), HasSubstr("host h1: has been away for 3 hours"),
                    HasSubstr("remedy: look at its agent"), Not(HasSubstr("all is well"))));
}

// What the program says to a line, run in this process.
std::string Said(const Line& line) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  World world{.environment = Environment({{"HOME", "/nonexistent"}, {"CROFT_CA", "/nonexistent"}}),
              .in = in,
              .out = out,
              .err = err,
              .terminals = {}};
  [[maybe_unused]] const int code = Run(line, world);
  return out.str() + err.str();
}

// The words of a shell's line; quotation marks hold blanks together.
Line WordsOf(absl::string_view text) {
  Line words = {""};
  bool quoted = false;
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// Every noun and verb, as completion knows them.
void CollectPaths(const Line& path, std::vector<Line>& paths) {
  paths.push_back(path);
  Line words = {"__complete", "--"};
  words.insert(words.end(), path.begin(), path.end());
  words.emplace_back();
  if (path.size() >= 3) return;
  for (const std::string& word :
       std::vector<std::string>(absl::StrSplit(Said(words), '\n', absl::SkipEmpty()))) {
    if (absl::StartsWith(word, "-")) continue;
    Line below = path;
    below.push_back(word);
    Line help = {"help"};
    help.insert(help.end(), below.begin(), below.end());
    if (absl::StrContains(Said(help), "Usage: croftctl")) CollectPaths(below, paths);
  }
}

TEST(Help, EveryNounAndVerbHasExamplesThatParse) {
  std::vector<Line> paths;
  CollectPaths({}, paths);
  EXPECT_GT(paths.size(), 70u);
  for (const Line& path : paths) {
    Line help = {"help"};
    help.insert(help.end(), path.begin(), path.end());
    const std::string text = Said(help);
    const size_t examples = text.find("\nExamples:\n");
    ASSERT_NE(examples, std::string::npos) << text;
    const std::vector<std::string> lines = absl::StrSplit(text.substr(examples), "\n  croftctl ");
    ASSERT_GT(lines.size(), 1u) << text;
    for (size_t i = 1; i < lines.size(); ++i) {
      Line words = WordsOf(absl::StripAsciiWhitespace(lines[i]));
      const auto timeout = std::find(words.begin(), words.end(), "--timeout");
      if (timeout == words.end()) {
        words.insert(words.begin(), {"--timeout", "never"});
      } else {
        *(timeout + 1) = "never";
      }
      // What is wrong with the line itself would be said first.
      EXPECT_THAT(Said(words), HasSubstr("--timeout wants a duration")) << lines[i];
    }
  }
}

}  // namespace
}  // namespace croft::ctl
