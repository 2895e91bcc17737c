#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/croftctl/control_plane.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/object_names.h"
#include "tools/croftctl/suggest.h"

// Names, suggestions, completion.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ObjectNames, TheUidIsReadOffAnyNameOfATenantsObject) {
  constexpr char kUid[] = "abcdefgh234567ab";
  const std::pair<const char*, const char*> cases[] = {{"", "the role that owns its objects"},
                                                       {"_a", "a login of its application"},
                                                       {"_rb", "a login that only reads"},
                                                       {"_g12", "its database, generation 12"},
                                                       {"_g12_f", "its database, generation 12, sealed"},
                                                       {"_m7k3q", "a short-lived role of Croft's (m7k3q)"}};
  for (const auto& [suffix, what] : cases) {
    for (const char* slug : {"acme", "acme_shop", "aaaaaaaaaaaaaaaa", "1042"}) {
      const auto name = ParseObjectName(absl::StrCat("t_", slug, "_", kUid, suffix));
      ASSERT_TRUE(name.ok()) << name.status();
      EXPECT_EQ(name->uid, kUid);
      EXPECT_EQ(name->what, what);
    }
  }
  EXPECT_EQ(ParseObjectName(kUid)->uid, kUid);
  for (const char* other : {"", "t_", "postgres", "t_acme", "x_acme_abcdefgh234567ab", "t_abcdefgh234567ab",
                            "t_acme_ABCDEFGH234567AB"}) {
    EXPECT_FALSE(ParseObjectName(other).ok()) << other;
  }
}

TEST(Printable, KeepsTextAndDropsControl) {
  EXPECT_EQ(Printable("Zürich\tx\ny"), "Zürich x y");
  EXPECT_EQ(Printable(absl::string_view("a\0\x7f\x1b", 4)), "a???");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J\xc2\xa0"),
            "??2J\xc2\xa0");
}

// An interactive zsh on a terminal of its own. `^Xs` prints the line that is being typed and begins a new one.
constexpr char kZshTyping[] = R"zsh(
zmodload zsh/zpty
export TERM=dumb PS1='' LINES=24 COLUMNS=400
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -u -D; eval "$(croftctl completion zsh)"
show() { print -r -- "LINE<$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^Xs" show; print READY'
zpty -r shell answer $'*\nREADY*'
complete() {
  zpty -w -n shell "$1"$'\t\x18s'
  zpty -r shell answer '*LINE<*>*'
  print -r -- "${${answer##*LINE<}%%>*}"
}
)zsh";

class Completion : public ::testing::Test, protected Pair {
 protected:
  // What a real bash offers for the last of `words`.
  std::string Offered(const std::string& words, int count) const {
    return InShell("/bin/bash",
                   absl::StrCat("eval \"$(croftctl completion bash)\"; COMP_WORDS=(", words,
                                "); COMP_CWORD=", count, "; _croftctl; printf '%s ' \"${COMPREPLY[@]}\""));
  }
  // What a real fish offers for the command line `line`, each with a space behind it.
  std::string FishOffers(const std::string& line) const {
    return InShell("/usr/bin/fish", absl::StrCat("croftctl completion fish | source; complete -C '", line,
                                                 "' | tr '\\n' ' '"));
  }
  // What a real zsh makes of `typed` when the tabulator key is pressed behind it.
  std::string ZshMakes(const std::string& typed) const {
    return InShell("/usr/bin/zsh", absl::StrCat(kZshTyping, "complete '", typed, "'"));
  }
  std::string InShell(const std::string& shell, const std::string& script) const {
    Command command = desk.CommandFor({});
    const std::string program = command.arguments[0];
    command.environment["PATH"] = absl::StrCat(program.substr(0, program.rfind('/')), ":/usr/bin:/bin");
    command.arguments = {shell, "-c", script};
    const auto result = croft::Run(command, absl::Now() + absl::Seconds(60));
    return result.ok() ? result->standard_out + result->standard_error
                       : std::string(result.status().message());
  }
  // What the hidden verb offers for the last of `words`.
  std::string Complete(std::vector<std::string> words) const {
    words.insert(words.begin(), {"__complete", "--"});
    const Ran ran = desk.Run(std::move(words));
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
};

TEST_F(Completion, BashOffersWhatFitsWhereItStands) {
  EXPECT_THAT(Offered("croftctl te", 1), HasSubstr("tenant "));
  EXPECT_THAT(Offered("croftctl tenant re", 2),
              AllOf(HasSubstr("resume "), HasSubstr("retire "), HasSubstr("restore ")));
  EXPECT_THAT(Offered("croftctl -o json tenant create --la", 5), HasSubstr("--labels "));
  EXPECT_THAT(Offered("croftctl tenant get --la", 3), Not(HasSubstr("--labels")));
  EXPECT_THAT(Offered("croftctl host list --out", 3), HasSubstr("--output "));
}

TEST_F(Completion, BashOffersValuesBehindAnEqualsSign) {
  EXPECT_EQ(Offered("croftctl tenant list --output = js", 5), "json ");
  EXPECT_EQ(Offered("croftctl tenant list --output =", 4), "table wide json yaml name csv ");
}

TEST_F(Completion, FishOffersWhatFitsWhereItStands) {
  EXPECT_EQ(FishOffers("croftctl te"), "tenant ");
  EXPECT_EQ(FishOffers("croftctl tenant re"), "restore resume retire ");
  EXPECT_EQ(FishOffers("croftctl tenant list -o js"), "json ");
  EXPECT_EQ(FishOffers("croftctl tenant list --output=js"), "--output=json ");
  v1::ListTenantsResponse tenants;
  for (const char* id : {"acme", "globex"}) *tenants.add_tenants() = ReadyTenant(id);
  server.list_tenants.Answers(tenants);
  EXPECT_EQ(FishOffers("croftctl tenant get "), "acme globex ");
}

TEST_F(Completion, ZshCompletesWhatFitsWhereItStands) {
  EXPECT_EQ(ZshMakes("croftctl ten"), "croftctl tenant \n");
  EXPECT_EQ(ZshMakes("croftctl tenant reti"), "croftctl tenant retire \n");
  EXPECT_EQ(ZshMakes("croftctl tenant list --output=js"), "croftctl tenant list --output=json \n");
  v1::ListTenantsResponse tenants;
  for (const char* id : {"acme", "globex"}) *tenants.add_tenants() = ReadyTenant(id);
  server.list_tenants.Answers(tenants);
  EXPECT_EQ(ZshMakes("croftctl tenant get gl"), "croftctl tenant get globex \n");
}

TEST_F(Completion, IdsAreAskedOfTheControlPlane) {
  v1::ListTenantsResponse tenants;
  for (const char* id : {"acme", "globex"}) *tenants.add_tenants() = ReadyTenant(id);
  server.list_tenants.Answers(tenants);
  v1::ListBackupsResponse backups;
  backups.add_backups()->set_name("tenants/acme/backups/b7");
  server.list_backups.Answers(backups);
  v1::ListHostsResponse hosts;
  hosts.add_hosts()->set_name("hosts/h1");
  server.list_hosts.Answers(hosts);
  EXPECT_EQ(Complete({"tenant", "get", "ac"}), "acme\n");
  EXPECT_EQ(Complete({"tenant", "retire", "acme", ""}), "acme\nglobex\n");
  EXPECT_EQ(Complete({"backup", "get", "acme", ""}), "latest\nb7\n");
  EXPECT_EQ(server.list_backups.asked().at(0).parent(), "tenants/acme");
  EXPECT_EQ(Complete({"backup", "verify", "acme", "b"}), "b7\n");
  EXPECT_EQ(Complete({"tenant", "restore", "acme", "--host", ""}), "h1\n");
  EXPECT_EQ(Complete({"host", "cordon", ""}), "h1\n");
  EXPECT_THAT(Offered("croftctl tenant get ac", 3), HasSubstr("acme "));
}

TEST_F(Completion, ValuesAndContextsAreOffered) {
  EXPECT_EQ(Complete({"tenant", "suspend", "acme", "--mode", ""}), "blocked\nread-only\n");
  EXPECT_EQ(Complete({"tenant", "update", "acme", "--delete-protection", "o"}), "on\noff\n");
  EXPECT_THAT(Complete({"host", "list", "--state", "a"}),
              AllOf(HasSubstr("away\n"), HasSubstr("awaited\n")));
  EXPECT_THAT(Complete({"tenant", "list", "-o", ""}), HasSubstr("wide\n"));
  ASSERT_EQ(desk.Run({"config", "set", "prod", "--server", server.address()}).exit_code, 0);
  EXPECT_EQ(Complete({"--context", ""}), "prod\n");
  EXPECT_EQ(Complete({"config", "use", ""}), "prod\n");
}

TEST_F(Completion, AServerThatIsAwayOffersNothingAndSaysNothing) {
  {
    const ControlPlane gone(certificates);
    desk.environment["CROFT_SERVER"] = gone.address();
  }
  const absl::Time start = absl::Now();
  EXPECT_EQ(Complete({"tenant", "get", ""}), "");
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST_F(Completion, EveryShellIsServedAndOthersRefused) {
  EXPECT_THAT(desk.Run({"completion", "zsh"}).out, HasSubstr("#compdef croftctl"));
  EXPECT_THAT(desk.Run({"completion", "fish"}).out, HasSubstr("complete -c croftctl"));
  EXPECT_EQ(desk.Run({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace croft::ctl
