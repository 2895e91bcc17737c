#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "tools/croftctl/libpq.h"
#include "tools/croftctl/verbs.h"

// Completion of nouns, verbs and flags, written from the command tree itself.
namespace croft::ctl {
namespace {

// What can stand behind one path of words.
struct Level {
  std::string path;                                        // such as "tenant create"; empty at the root
  std::vector<std::pair<std::string, std::string>> verbs;  // with their descriptions
  std::vector<std::pair<std::string, std::string>> flags;
};

void Collect(const CLI::App& app, const std::string& path, std::vector<Level>& levels) {
  Level level{.path = path};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      level.flags.emplace_back(absl::StrCat("--", name), option->get_description());
    }
  }
  const auto subs = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subs) level.verbs.emplace_back(sub->get_name(), sub->get_description());
  levels.push_back(std::move(level));
  for (const CLI::App* sub : subs)
    Collect(*sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()), levels);
}

std::string Words(const Level& level, const Level& root) {
  std::vector<std::string> words;
  for (const auto& [verb, description] : level.verbs) words.push_back(verb);
  for (const auto& [flag, description] : level.flags) words.push_back(flag);
  for (const auto& [flag, description] : root.flags) words.push_back(flag);
  return absl::StrJoin(words, " ");
}

// In bash and zsh alike: `path` becomes the words so far that are nouns and verbs.
std::string FindPath(const std::vector<Level>& levels) {
  std::string cases;
  for (const Level& level : levels) {
    if (!level.path.empty()) absl::StrAppend(&cases, cases.empty() ? "" : "|", ShellQuoted(level.path));
  }
  return absl::StrCat("    case \"${path:+$path }$word\" in\n      ", cases,
                      ") path=\"${path:+$path }$word\" ;;\n    esac\n");
}

std::string CasesOf(const std::vector<Level>& levels) {
  std::string cases;
  for (const Level& level : levels) {
    absl::StrAppend(&cases, "    ", ShellQuoted(level.path),
                    ") words=", ShellQuoted(Words(level, levels.front())), " ;;\n");
  }
  return cases;
}

std::string Bash(const std::vector<Level>& levels) {
  return absl::StrCat(
      "_croftctl() {\n  local path= word words=\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
      FindPath(levels), "  done\n  case \"$path\" in\n", CasesOf(levels), "  esac\n",
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n",
      "complete -o default -F _croftctl croftctl\n");
}

std::string Zsh(const std::vector<Level>& levels) {
  return absl::StrCat("#compdef croftctl\n_croftctl() {\n  local path_= word all=\n",
                      "  local path=\n  for word in \"${(@)words[2,CURRENT-1]}\"; do\n", FindPath(levels),
                      "  done\n  case \"$path\" in\n",
                      absl::StrReplaceAll(CasesOf(levels), {{") words=", ") all="}}),
                      "  esac\n  compadd -- ${=all}\n}\ncompdef _croftctl croftctl\n");
}

std::string Fish(const std::vector<Level>& levels) {
  std::string script =
      "function __croftctl_at\n  set -l path\n  for word in (commandline -opc)[2..-1]\n    switch \"$path "
      "$word\"\n";
  for (const Level& level : levels) {
    if (!level.path.empty())
      absl::StrAppend(&script, "      case ", ShellQuoted(absl::StrCat(" ", level.path)),
                      "\n        set path \"$path $word\"\n");
  }
  absl::StrAppend(&script, "    end\n  end\n  test \"$path\" = \"$argv[1]\"\nend\n");
  for (const Level& level : levels) {
    const std::string at = level.path.empty() ? "" : absl::StrCat(" ", level.path);
    const std::string line = absl::StrCat("complete -c croftctl -n ",
                                          ShellQuoted(absl::StrCat("__croftctl_at ", ShellQuoted(at))));
    for (const auto& [verb, description] : level.verbs) {
      absl::StrAppend(&script, line, " -f -a ", ShellQuoted(verb), " -d ", ShellQuoted(description), "\n");
    }
    for (const auto& [flag, description] : level.flags) {
      absl::StrAppend(&script, level.path.empty() ? "complete -c croftctl" : line, " -l ",
                      ShellQuoted(flag.substr(2)), " -d ", ShellQuoted(description), "\n");
    }
  }
  return script;
}

}  // namespace

void AddCompletion(Noun& root) {
  struct Arguments {
    std::string shell;
    const CLI::App* tree = nullptr;
  };
  auto verb =
      root.AddVerb<Arguments>("completion", "Print a script that completes croftctl's words in a shell");
  verb->tree = verb.app.get_parent();
  verb.app.add_option("SHELL", verb->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb.RunsLocally([](const Tool& tool, const Arguments& arguments) -> absl::Status {
    std::vector<Level> levels;
    Collect(*arguments.tree, "", levels);
    tool.printer.Text(arguments.shell == "bash"  ? Bash(levels)
                      : arguments.shell == "zsh" ? Zsh(levels)
                                                 : Fish(levels));
    return absl::OkStatus();
  });
}

}  // namespace croft::ctl
