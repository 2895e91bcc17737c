#include <map>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "tests/tools/croftctl/control_plane.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/settings.h"

// Which settings hold, and the file of contexts.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::ordered_json;

absl::StatusOr<std::vector<std::string>> ServersOf(const std::string& text) {
  const auto settings =
      ResolveSettings({.connection = {{"server", text}}},
                      Environment(std::map<std::string, std::string>{{"HOME", "/nonexistent"}}));
  if (!settings.ok()) return settings.status();
  const auto connection = ToConnection(*settings);
  if (!connection.ok()) return connection.status();
  return connection->servers;
}

TEST(Servers, ThePortMayBeLeftOut) {
  EXPECT_THAT(*ServersOf(""), ElementsAre("127.0.0.1:7443"));
  EXPECT_THAT(*ServersOf("a,b:1, [::1]:2,[::1]"), ElementsAre("a:7443", "b:1", "[::1]:2", "[::1]:7443"));
  for (const char* bad : {"a:0", "a:65536", "a:x", ":1", "a/b", "::1", "https://a", ",", "[::1"}) {
    EXPECT_FALSE(ServersOf(bad).ok()) << bad;
  }
}

class Config : public ::testing::Test, protected Pair {
 protected:
  Config() {
    // What the variables name is kept for contexts.
    for (const char* name : {"CROFT_SERVER", "CROFT_CA", "CROFT_CERT", "CROFT_KEY"}) {
      files_[name] = desk.environment[name];
      desk.environment.erase(name);
    }
    server.get_status.Answers(v1::GetStatusResponse());
  }
  // Makes a context for the server that runs, with the certificate that the variables named.
  void SetContext(const std::string& name) {
    ASSERT_EQ(desk.Run({"config", "set", name, "--server", server.address(), "--ca", files_["CROFT_CA"],
                        "--cert", files_["CROFT_CERT"], "--key", files_["CROFT_KEY"]})
                  .exit_code,
              0);
  }
  std::string path() const { return desk.folder().File(".config/croftctl/config.toml"); }
  // Of one setting, as `config show` has it: "value from source".
  std::string Shown(const std::string& setting, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.end(), {"config", "show", "-o", "json"});
    const Json shown = Json::parse(desk.Run(std::move(arguments)).out)[setting];
    return absl::StrCat(shown["value"].get<std::string>(), " from ", shown["source"].get<std::string>());
  }

  std::map<std::string, std::string> files_;
};

TEST_F(Config, FlagThenContextFlagThenVariablesThenCurrentContextThenDefault) {
  EXPECT_EQ(Shown("server"), "127.0.0.1:7443 from default");
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", "a:1"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"config", "set", "test", "--server", "t:1"}).exit_code, 0);
  EXPECT_EQ(Shown("server"), "a:1 from context prod");
  desk.environment["CROFT_SERVER"] = "b:2";
  EXPECT_EQ(Shown("server"), "b:2 from CROFT_SERVER");
  EXPECT_EQ(Shown("server", {"--context", "test"}), "t:1 from context test");
  EXPECT_EQ(Shown("server", {"--server", "c:3"}), "c:3 from --server");
}

TEST_F(Config, AContextFlagWinsOverEveryVariable) {
  SetContext("prod");
  for (const char* name : {"CROFT_CA", "CROFT_CERT", "CROFT_KEY", "CROFT_TOKEN_FILE"})
    desk.environment[name] = "/nonexistent";
  desk.environment["CROFT_SERVER"] = "127.0.0.1:1";
  EXPECT_EQ(desk.Run({"status", "--context", "prod"}).exit_code, 0);
  EXPECT_EQ(server.client_name(), "admin");
  EXPECT_EQ(server.authorization(), "");
}

TEST_F(Config, VariablesLeaveNothingOfTheCurrentContext) {
  SetContext("prod");
  desk.environment["CROFT_SERVER"] = "b:2";
  EXPECT_EQ(Shown("server"), "b:2 from CROFT_SERVER");
  for (const char* setting : {"ca", "cert", "key", "token_file"}) EXPECT_EQ(Shown(setting), " from ");
  desk.environment.erase("CROFT_SERVER");
  desk.environment["CROFT_TOKEN_FILE"] = "/mine";
  EXPECT_EQ(Shown("server"), "127.0.0.1:7443 from default")
      << "a token is not shown to the context's server";
  EXPECT_EQ(Shown("cert"), " from ");
}

TEST_F(Config, AContextsIdentityIsForItsOwnServersAlone) {
  SetContext("prod");
  EXPECT_EQ(Shown("cert", {"--server", "other:1"}), " from ");
  EXPECT_EQ(Shown("cert", {"--server", server.address()}), files_["CROFT_CERT"] + " from context prod");
  const Ran refused = desk.Run({"status", "--context", "prod", "--server", "other:1"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--context prod is for " + server.address()));
}

TEST_F(Config, WhoTheCallerIsComesFromOnePlace) {
  SetContext("prod");
  EXPECT_EQ(Shown("token_file", {"--token-file", "/t"}), "/t from --token-file");
  EXPECT_EQ(Shown("cert", {"--token-file", "/t"}), " from ");
  EXPECT_EQ(Shown("ca", {"--token-file", "/t"}), files_["CROFT_CA"] + " from context prod");
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--token-file", "/t"}).exit_code, 0);
  EXPECT_EQ(Shown("token_file"), "/t from context prod");
  EXPECT_EQ(Shown("cert"), " from ");
}

TEST_F(Config, AContextVariableBesideOthersIsRefused) {
  SetContext("prod");
  desk.environment["CROFT_CONTEXT"] = "prod";
  EXPECT_EQ(desk.Run({"status"}).exit_code, 0);
  desk.environment["CROFT_SERVER"] = "b:2";
  const Ran refused = desk.Run({"status"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("CROFT_CONTEXT is set beside CROFT_SERVER"), HasSubstr("--context")));
  EXPECT_EQ(desk.Run({"status", "--context", "prod"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"version"}).exit_code, 0) << "needs no connection";
}

TEST_F(Config, WhatIsInForceIsSaid) {
  SetContext("prod");
  EXPECT_THAT(desk.Run({"status", "-v"}).err, HasSubstr("come from context prod, the current one"));
  EXPECT_THAT(desk.Run({"status", "-v", "--context", "prod"}).err, HasSubstr("context prod, by --context"));
  EXPECT_THAT(desk.Run({"config", "show"}).err, HasSubstr("in force: context prod"));
  EXPECT_THAT(desk.Run({"doctor"}).out, HasSubstr("come from context prod, the current one"));
  desk.environment["CROFT_SERVER"] = "b:2";
  EXPECT_THAT(desk.Run({"config", "show"}).err, HasSubstr("in force: the variable CROFT_SERVER"));
  EXPECT_THAT(desk.Run({"config", "show", "--token-file", "/t"}).err,
              HasSubstr("CROFT_SERVER, with --token-file"));
}

TEST_F(Config, AContextIsEnoughToConnect) {
  SetContext("prod");
  EXPECT_EQ(desk.Run({"status"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"config", "set", "other", "--server", "127.0.0.1:1"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"status", "--context", "prod"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"config", "use", "other"}).exit_code, 0);
  EXPECT_EQ(Shown("server"), "127.0.0.1:1 from context other");
}

TEST_F(Config, ADryRunChangesNoContext) {
  EXPECT_EQ(desk.Run({"config", "set", "prod", "--server", "a:1", "--dry-run"}).exit_code, 2);
  EXPECT_EQ(Shown("server"), "127.0.0.1:7443 from default");
}

TEST_F(Config, ContextsAreListedAndForgotten) {
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", "a:1"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"config", "set", "test", "--server", "b:1"}).exit_code, 0);
  const Json list = Json::parse(desk.Run({"config", "list", "-o", "json"}).out)["contexts"];
  EXPECT_EQ(list[0]["name"], "prod");
  EXPECT_TRUE(list[0]["current"].get<bool>());
  EXPECT_EQ(desk.Run({"config", "delete", "prod"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"config", "delete", "prod"}).exit_code, 3);
  EXPECT_EQ(desk.Run({"config", "use", "prod"}).exit_code, 3);
  EXPECT_EQ(Shown("server"), "127.0.0.1:7443 from default");
}

TEST_F(Config, TheFileIsForTheOwnerAloneAndRefusedOtherwise) {
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", "a:1"}).exit_code, 0);
  EXPECT_FALSE(OpenToOthers(path()));
  chmod(path().c_str(), 0640);
  const Ran ran = desk.Run({"config", "show"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("chmod 600"));
}

TEST_F(Config, AnythingElseInTheFileIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"current = \n", "line 1"},
      {"[contexts.prod]\npassword = \"x\"\n", "contexts.prod.password"},
      {"[contexts.prod]\nserver = 5\n", "contexts.prod.server"},
      {"current = \"gone\"\n", "'gone'"}};
  for (const auto& [text, named] : cases) {
    ASSERT_TRUE(WritePrivateFile(path(), text).ok());
    const Ran ran = desk.Run({"config", "show"});
    EXPECT_EQ(ran.exit_code, 2) << text;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(named), HasSubstr(named[0] == '\'' ? "config list" : path())));
  }
}

TEST_F(Config, ACertificateWithoutItsKeyIsRefused) {
  desk.environment["CROFT_SERVER"] = server.address();
  desk.environment["CROFT_CERT"] = files_["CROFT_CERT"];
  EXPECT_EQ(desk.Run({"status"}).exit_code, 2);
  EXPECT_THAT(server.get_status.asked(), IsEmpty());
}

TEST_F(Config, OutputAndTimeoutComeFromVariablesToo) {
  SetContext("prod");
  desk.environment["CROFT_OUTPUT"] = "json";
  EXPECT_TRUE(Json::parse(desk.Run({"status"}).out).is_object());
  desk.environment["CROFT_TIMEOUT"] = "soon";
  EXPECT_THAT(desk.Run({"status"}).err, HasSubstr("CROFT_TIMEOUT"));
}

}  // namespace
}  // namespace croft::ctl
