#include "common/config/options.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace croft::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

enum class Colour { kRed, kGreen };

// A program with an option of each kind.
struct Program {
  Program() {
    options.Text("state", state, "DIR", "Folder");
    options.Address("listen", listen, "Where to listen");
    options.List("server-name", names, "NAME", "Names");
    options.Whole("calls-per-second", calls, {1, 1000}, "Calls").Reloads();
    options.Seconds("interval", interval, {5, 600}, "Seconds");
    options.Choice<Colour>("colour", colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}}, "Colour")
        .Reloads();
  }

  std::vector<std::string> Load(const Sources& sources) {
    std::vector<std::string> lines;
    for (const Problem& problem : options.Load(sources)) lines.push_back(problem.Line());
    return lines;
  }

  std::string state = "/var/lib/x";
  std::string listen = "127.0.0.1:1";
  std::vector<std::string> names;
  double calls = 10;
  absl::Duration interval = absl::Seconds(60);
  Colour colour = Colour::kRed;
  Options options{"X_"};
};

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/options.XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), 0644);
    return path;
  }

  Sources File(const std::string& text) { return {.file = Write("x.toml", text), .file_must_exist = true}; }

  std::string folder_;
  Program program_;
};

TEST_F(OptionsTest, DefaultsStayWhereNothingIsGiven) {
  EXPECT_THAT(program_.Load({.file = folder_ + "/none.toml"}), IsEmpty());
  EXPECT_EQ(program_.state, "/var/lib/x");
  EXPECT_EQ(program_.options.Get("state").place.origin, Origin::kDefault);
}

TEST_F(OptionsTest, FileSetsEveryKind) {
  EXPECT_THAT(program_.Load(File("state = '/srv'\nlisten = '[::]:7443'\nserver_name = ['a', 'b']\n"
                                 "calls_per_second = 7\ninterval = 9\ncolour = 'green'\n")),
              IsEmpty());
  EXPECT_EQ(program_.state, "/srv");
  EXPECT_EQ(program_.listen, "[::]:7443");
  EXPECT_THAT(program_.names, ElementsAre("a", "b"));
  EXPECT_EQ(program_.calls, 7);
  EXPECT_EQ(program_.interval, absl::Seconds(9));
  EXPECT_EQ(program_.colour, Colour::kGreen);
}

TEST_F(OptionsTest, FlagBeatsVariableBeatsFileBeatsDefault) {
  Sources sources = File("state = '/file'\nlisten = 'file:1'\nserver_name = ['file']\n");
  sources.environment = {{"X_LISTEN", "variable:1"}, {"X_SERVER_NAME", "v1,v2"}};
  sources.flags = {{"server-name", {"f1", "f2,f3"}}};
  EXPECT_THAT(program_.Load(sources), IsEmpty());
  EXPECT_EQ(program_.state, "/file");
  EXPECT_EQ(program_.listen, "variable:1");
  EXPECT_THAT(program_.names, ElementsAre("f1", "f2", "f3"));
  EXPECT_EQ(program_.options.Get("state").place.text, sources.file + ":1:9");
  EXPECT_EQ(program_.options.Get("listen").place.text, "X_LISTEN");
  EXPECT_EQ(program_.options.Get("server-name").place.text, "--server-name");
}

TEST_F(OptionsTest, LaterFilesOfConfDWin) {
  const Sources sources = File("state = '/first'\ninterval = 10\n");
  Write("x.conf.d/20-late.toml", "state = '/last'\n");
  Write("x.conf.d/10-early.toml", "state = '/middle'\n");
  Write("x.conf.d/30-old.toml.dpkg-old", "state = '/never'\n");
  EXPECT_THAT(program_.Load(sources), IsEmpty());
  EXPECT_EQ(program_.state, "/last");
  EXPECT_EQ(program_.interval, absl::Seconds(10));
}

TEST_F(OptionsTest, UnknownKeyIsNamedWithPlaceAndSuggestion) {
  const Sources sources = File("state = '/srv'\n\n  lisen = 'a:1'\n");
  EXPECT_THAT(program_.Load(sources),
              ElementsAre(sources.file + ":3:3: there is no option 'lisen'; did you mean 'listen'?"));
}

TEST_F(OptionsTest, KeyWithDashesIsTakenForTheOneWithUnderscores) {
  EXPECT_THAT(program_.Load(File("calls-per-second = 5\n")),
              ElementsAre(HasSubstr("did you mean 'calls_per_second'?")));
}

TEST_F(OptionsTest, EverythingWrongIsSaidAtOnce) {
  const Sources sources = File(
      "listen = 'nowhere'\ncalls_per_second = 1001\ninterval = '5'\ncolour = 'gren'\n[log]\nlevel = 1\n");
  const std::string& file = sources.file;
  EXPECT_THAT(
      program_.Load(sources),
      ElementsAre(
          file + ":5:2: log: options are not in tables; write it as `key = value`, above any [section]",
          file + ":1:10: listen: 'nowhere' is no address and port, such as 0.0.0.0:7443 or [::]:7443",
          file + ":2:20: calls_per_second: '1001' is no whole number from 1 to 1000",
          file + ":3:12: interval: must be a whole number without quotes, not a text in quotes",
          file + ":4:10: colour: 'gren' is none of red, green; did you mean 'green'?"));
}

TEST_F(OptionsTest, BrokenFileIsNamedWithLineAndColumn) {
  const Sources sources = File("state = '/srv'\nlisten = \n");
  EXPECT_THAT(program_.Load(sources), ElementsAre(HasSubstr(sources.file + ":2:10: ")));
}

TEST_F(OptionsTest, WrongVariableAndFlagAreNamed) {
  Sources sources{.file = "/dev/null"};
  sources.environment = {{"X_INTERVAL", "soon"}};
  sources.flags = {{"calls-per-second", {"0"}}};
  EXPECT_THAT(program_.Load(sources),
              ElementsAre("X_INTERVAL: interval: 'soon' is no whole number from 5 to 600",
                          "--calls-per-second: calls_per_second: '0' is no whole number from 1 to 1000"));
}

TEST_F(OptionsTest, VariableThatIsNoOptionIsToldWithASuggestion) {
  const Problems problems =
      program_.options.UnknownVariables({{"X_LISTN", "a"}, {"X_CONFIG", "b"}, {"Y_LISTEN", "c"}});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].Line(),
            "X_LISTN: there is no such option, so it does nothing; did you mean 'X_LISTEN'?");
}

TEST_F(OptionsTest, NamedFileThatIsNotThereIsAProblem) {
  EXPECT_THAT(program_.Load({.file = folder_ + "/none.toml", .file_must_exist = true}),
              ElementsAre(folder_ + "/none.toml: cannot be read: No such file or directory"));
}

TEST_F(OptionsTest, FileThatAnybodyMayChangeIsRefused) {
  const Sources sources = File("state = '/srv'\n");
  chmod(sources.file.c_str(), 0666);
  EXPECT_THAT(program_.Load(sources), ElementsAre(HasSubstr("anybody may change it")));
  EXPECT_EQ(program_.state, "/var/lib/x");
}

TEST_F(OptionsTest, FileOfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP();
  const Sources sources = File("state = '/srv'\n");
  ASSERT_EQ(chown(sources.file.c_str(), 12345, 0), 0);
  EXPECT_THAT(program_.Load(sources), ElementsAre(HasSubstr("belongs to user 12345")));
}

TEST_F(OptionsTest, DumpIsAFileThatGivesTheSameValues) {
  Sources sources = File("state = 'quo\"te \\ and #'\nserver_name = ['a', 'b']\n");
  ASSERT_THAT(program_.Load(sources), IsEmpty());
  const std::string dump = program_.options.Dump();
  EXPECT_THAT(dump, HasSubstr("server_name = [\"a\", \"b\"]  # " + sources.file + ":2:15\n"));
  EXPECT_THAT(dump, HasSubstr("interval = 60  # default\n"));
  Program other;
  EXPECT_THAT(other.Load({.file = Write("dump.toml", dump), .file_must_exist = true}), IsEmpty());
  EXPECT_EQ(other.state, program_.state);
  EXPECT_EQ(other.names, program_.names);
}

TEST_F(OptionsTest, ChangesTellWhatNeedsARestart) {
  ASSERT_THAT(program_.Load(File("state = '/srv'\n")), IsEmpty());
  Program next;
  ASSERT_THAT(next.Load(File("state = '/other'\ncalls_per_second = 11\n")), IsEmpty());
  const Changes changes = Compare(program_.options, next.options);
  EXPECT_THAT(changes.reloadable, ElementsAre(&next.options.Get("calls-per-second")));
  EXPECT_THAT(changes.restart, ElementsAre(&next.options.Get("state")));
  program_.options.Adopt(*changes.reloadable[0]);
  EXPECT_EQ(program_.calls, 11);
}

}  // namespace
}  // namespace croft::config
