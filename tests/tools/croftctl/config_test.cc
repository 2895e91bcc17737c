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
    desk.environment.erase("CROFT_SERVER");
    server.get_status.Answers(v1::GetStatusResponse());
  }
  std::string path() const { return desk.folder().File(".config/croftctl/config.toml"); }
  // Of one setting, as `config show` has it: "value from source".
  std::string Shown(const std::string& setting, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.end(), {"config", "show", "-o", "json"});
    const Json shown = Json::parse(desk.Run(std::move(arguments)).out)[setting];
    return absl::StrCat(shown["value"].get<std::string>(), " from ", shown["source"].get<std::string>());
  }
};

TEST_F(Config, FlagBeatsVariableBeatsContextBeatsDefault) {
  EXPECT_EQ(Shown("server"), "127.0.0.1:7443 from default");
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", "a:1"}).exit_code, 0);
  EXPECT_EQ(Shown("server"), "a:1 from context prod");
  desk.environment["CROFT_SERVER"] = "b:2";
  EXPECT_EQ(Shown("server"), "b:2 from CROFT_SERVER");
  EXPECT_EQ(Shown("server", {"--server", "c:3"}), "c:3 from --server");
}

TEST_F(Config, AContextIsEnoughToConnect) {
  const std::string ca = desk.environment["CROFT_CA"];
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", server.address(), "--ca", ca}).exit_code, 0);
  desk.environment.erase("CROFT_CA");
  EXPECT_EQ(desk.Run({"status"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"config", "set", "other", "--server", "127.0.0.1:1"}).exit_code, 0);
  EXPECT_EQ(desk.Run({"status", "--context", "prod"}).exit_code, 0);
  ASSERT_EQ(desk.Run({"config", "use", "other"}).exit_code, 0);
  EXPECT_EQ(Shown("server"), "127.0.0.1:1 from context other");
  desk.environment["CROFT_CONTEXT"] = "prod";
  EXPECT_EQ(desk.Run({"status"}).exit_code, 0);
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
  desk.environment.erase("CROFT_KEY");
  EXPECT_EQ(desk.Run({"status"}).exit_code, 2);
  EXPECT_THAT(server.get_status.asked(), IsEmpty());
}

TEST_F(Config, OutputAndTimeoutComeFromVariablesToo) {
  desk.environment["CROFT_SERVER"] = server.address();
  desk.environment["CROFT_OUTPUT"] = "json";
  EXPECT_TRUE(Json::parse(desk.Run({"status"}).out).is_object());
  desk.environment["CROFT_TIMEOUT"] = "soon";
  EXPECT_THAT(desk.Run({"status"}).err, HasSubstr("CROFT_TIMEOUT"));
}

}  // namespace
}  // namespace croft::ctl
