#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/string_view.h>

#include "common/config/options.h"

// The options of a daemon as flags of its command line, and what its main does with them.
namespace croft::config {

// This process's environment.
[[nodiscard]] std::map<std::string, std::string> Environment();

// Collects the flags of a command line. It outlives the parsing.
class CommandLine {
 public:
  // `options` describes the program and outlives this. `default_file` is read where it exists and no other is named;
  // `file_variable` names another.
  CommandLine(const Options& options, std::string default_file, std::string file_variable)
      : options_(options),
        default_file_(std::move(default_file)),
        file_variable_(std::move(file_variable)) {}

  // Lets `command` take the options of these names, or all of them, and `--config`.
  void AddTo(CLI::App& command, std::initializer_list<absl::string_view> names);
  void AddTo(CLI::App& command);

  // What to load, once the command line was parsed.
  Sources ToSources() const;

 private:
  void AddFlag(CLI::App& command, const Option& option);
  void AddConfig(CLI::App& command);

  const Options& options_;
  const std::string default_file_;
  const std::string file_variable_;
  std::string file_;
  std::map<std::string, std::vector<std::string>> flags_;
};

// A program's configuration: `Values` with its table of options, which is bound to them by `describe(options, values)`.
template <typename Values>
struct Loaded {
  template <typename Describe>
  Loaded(absl::string_view prefix, Describe describe) : options(std::string(prefix)) {
    describe(options, values);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  Values values;
  Options options;
};

// `--check-config` and `config dump` of a program.
class ConfigCommands {
 public:
  // `app` is the program's command line.
  ConfigCommands(CLI::App& app, CommandLine& flags);

  // Whether one of the two was asked for; once the command line was parsed.
  bool asked() const { return check_ || dump_->parsed(); }
  // Does it and answers the exit code: 0, or 2 with `problems`, which are printed.
  int Run(absl::string_view program, const Options& options, const Sources& sources,
          const Problems& problems) const;

 private:
  bool check_ = false;
  CLI::App* dump_;
};

void Append(Problems& problems, Problems more);

// Prints `PROGRAM: PLACE: what is wrong` for each on standard error.
void Print(absl::string_view program, const Problems& problems);

// At SIGHUP: takes into `running` what may change while it runs and logs each change, with its place, and each option
// that a restart is needed for. With `problems` in what was loaded anew nothing is taken, and they are logged.
void TakeReloadable(Options& running, const Options& next, const Problems& problems);

}  // namespace croft::config
