// Reads a daemon's command line and handles the options that every daemon has.

#include "common/config/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/log.h"

namespace croft::config {

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != absl::string_view::npos)
      variables[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  return variables;
}

void CommandLine::AddTo(CLI::App& command, std::initializer_list<absl::string_view> names) {
  for (const absl::string_view name : names) AddFlag(command, options_.Get(name));
  AddConfig(command);
}

void CommandLine::AddTo(CLI::App& command) {
  for (const Option& option : options_.all()) AddFlag(command, option);
  AddConfig(command);
}

void CommandLine::AddConfig(CLI::App& command) {
  command
      .add_option("--config", file_,
                  absl::StrCat("TOML file with options, and FILE's conf.d beside it; ", default_file_,
                               " by default"))
      ->option_text("FILE");
}

void CommandLine::AddFlag(CLI::App& command, const Option& option) {
  const std::string flag = absl::StrCat("--", option.name);
  std::vector<std::string>& values = flags_[option.name];
  CLI::Option* added =
      command.add_option(flag, values, option.help)->allow_extra_args(false)->option_text(option.shape);
  if (option.kind != Kind::kList) added->expected(1);
  const std::string initial = absl::StrJoin(option.values, ",");
  if (!initial.empty()) added->option_text(absl::StrCat(option.shape, " [", initial, "]"));
}

Sources CommandLine::ToSources() const {
  Sources sources{.environment = Environment(), .file = default_file_};
  for (const auto& [name, values] : flags_) {
    if (!values.empty()) sources.flags[name] = values;
  }
  const auto variable = sources.environment.find(file_variable_);
  if (variable != sources.environment.end()) sources.file = variable->second;
  if (!file_.empty()) sources.file = file_;
  sources.file_must_exist = !file_.empty() || variable != sources.environment.end();
  return sources;
}

ConfigCommands::ConfigCommands(CLI::App& app, CommandLine& flags) {
  app.add_flag("--check-config", check_, "Check the configuration, print what is wrong, and end");
  CLI::App& config = *app.add_subcommand("config", "Look at the configuration");
  config.require_subcommand(1);
  dump_ = config.add_subcommand("dump", "Print what is in force, and where each value comes from");
  flags.AddTo(*dump_);
}

int ConfigCommands::Run(absl::string_view program, const Options& options, const Sources& sources,
                        const Problems& problems) const {
  constexpr int kUsage = 2;
  Print(program, problems);
  Print(program, options.UnknownVariables(sources.environment));
  if (!problems.empty()) return kUsage;
  if (dump_->parsed()) std::fputs(options.Dump().c_str(), stdout);
  if (check_) std::printf("%s: the configuration is good\n", std::string(program).c_str());
  return 0;
}

void Append(Problems& problems, Problems more) {
  problems.insert(problems.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

void Print(absl::string_view program, const Problems& problems) {
  for (const Problem& problem : problems) {
    std::fprintf(stderr, "%s: %s\n", std::string(program).c_str(), problem.Line().c_str());
  }
}

void TakeReloadable(Options& running, const Options& next, const Problems& problems) {
  if (!problems.empty()) {
    for (const Problem& problem : problems) {
      log::Error("the configuration is not taken",
                 {{"place", problem.place.text}, {"problem", problem.text}});
    }
    return;
  }
  const Changes changes = Compare(running, next);
  for (const Option* option : changes.reloadable) {
    log::Info("an option changed",
              {{"option", option->key()}, {"value", TomlText(*option)}, {"place", option->place.text}});
    running.Adopt(*option);
  }
  for (const Option* option : changes.restart) {
    log::Warning("an option changed that needs a restart",
                 {{"option", option->key()}, {"value", TomlText(*option)}, {"place", option->place.text}});
  }
}

}  // namespace croft::config
