#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// The options of a daemon, each under one name in three forms: `--calls-per-second` on the command line,
// `CROFTD_CALLS_PER_SECOND` in the environment, `calls_per_second` in a TOML file. The command line wins over the
// environment, that over the files, and those over the default.
namespace croft::config {

// Where a value comes from.
enum class Origin { kDefault, kFile, kVariable, kFlag };

struct Place {
  Origin origin = Origin::kDefault;
  std::string text = "default";  // such as `/etc/croft/croftd.toml:3:10`, `CROFTD_LISTEN` or `--listen`
};

// Something wrong with the configuration.
struct Problem {
  Place place;
  std::string text;  // a sentence that names what is right

  // `place: text`, one line.
  std::string Line() const;
};
using Problems = std::vector<Problem>;

// The smallest and the largest number that an option takes.
struct Range {
  int64_t least = 0;
  int64_t most = 0;
};

// What the values of an option are, and so how a TOML file writes them. No option is a kSwitch, yet a file may hold one.
enum class Kind { kText, kList, kNumber, kSwitch };

struct Option {
  std::string name;  // as on the command line, without dashes in front
  Kind kind = Kind::kText;
  std::string shape;  // what a value looks like, such as HOST:PORT
  std::string help;
  std::vector<std::string> choices;  // all there are; empty for free values
  bool reloadable = false;           // whether a running daemon takes a new value at SIGHUP
  std::vector<std::string> values;   // in force: one, or for a list any number
  Place place;
  // Checks values of the right kind and hands them to the daemon.
  std::function<absl::Status(const std::vector<std::string>&)> set;

  // As in a TOML file.
  std::string key() const;
  // Marks it as one that SIGHUP changes.
  Option& Reloads();
};

// Where the values are looked for.
struct Sources {
  std::map<std::string, std::vector<std::string>> flags;  // by name of the option
  std::map<std::string, std::string> environment;         // all of it
  std::string file;                                       // the TOML file
  bool file_must_exist = false;
};

// The options of one program. Each is bound to a variable of the caller's, whose value at that time is the default. Not
// thread-safe.
class Options {
 public:
  // `prefix` is that of the variables, such as CROFTD_.
  explicit Options(std::string prefix) : prefix_(std::move(prefix)) {}
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // `target` outlives this object's last Load.
  Option& Text(std::string name, std::string& target, std::string shape, std::string help);
  // A text that is an address and a port.
  Option& Address(std::string name, std::string& target, std::string help);
  Option& List(std::string name, std::vector<std::string>& target, std::string shape, std::string help);
  Option& Seconds(std::string name, absl::Duration& target, Range range, std::string help);
  template <typename Number>
  Option& Whole(std::string name, Number& target, Range range, std::string help) {
    return AddNumber(std::move(name), static_cast<int64_t>(target), range, std::move(help),
                     [&target](int64_t value) { target = static_cast<Number>(value); });
  }
  template <typename Value>
  Option& Choice(std::string name, Value& target, std::vector<std::pair<std::string, Value>> names,
                 std::string help) {
    std::vector<std::string> choices;
    std::string initial;
    for (const auto& [text, value] : names) {
      choices.push_back(text);
      if (value == target) initial = text;
    }
    return AddChoice(std::move(name), initial, std::move(choices), std::move(help),
                     [&target, names](absl::string_view chosen) {
                       for (const auto& [text, value] : names) {
                         if (text == chosen) target = value;
                       }
                     });
  }

  // Sets every option from the strongest source that gives it, and answers all that is wrong. The file's `conf.d` beside
  // it (`croftd.conf.d/*.toml` for `croftd.toml`) is read after it, in the order of names; a later file wins.
  [[nodiscard]] Problems Load(const Sources& sources);

  // Takes the value of the same option of another table of this program, which was checked there.
  void Adopt(const Option& option);

  const std::deque<Option>& all() const { return options_; }
  // The option of that name, which exists.
  const Option& Get(absl::string_view name) const;
  // The option's name as a variable.
  std::string VariableOf(const Option& option) const;
  // What is in force as a TOML file, with the place of each value as a comment.
  std::string Dump() const;
  // Variables that begin with the prefix and are no option: a typing mistake, as likely as not.
  [[nodiscard]] Problems UnknownVariables(const std::map<std::string, std::string>& environment) const;

 private:
  Option& Add(Option option);
  Option& AddNumber(std::string name, int64_t initial, Range range, std::string help,
                    std::function<void(int64_t)> set);
  Option& AddChoice(std::string name, const std::string& initial, std::vector<std::string> choices,
                    std::string help, std::function<void(absl::string_view)> set);
  Option* Find(absl::string_view key);
  std::vector<std::string> Keys() const;
  void LoadFile(const std::string& path, Problems& problems);
  void LoadVariables(const std::map<std::string, std::string>& environment, Problems& problems);
  void LoadFlags(const std::map<std::string, std::vector<std::string>>& flags, Problems& problems);
  static void Take(Option& option, std::vector<std::string> values, Place place, Problems& problems);

  const std::string prefix_;
  std::deque<Option> options_;  // addresses stay
};

// What differs between the values that a daemon runs with and those that were loaded anew: those it can take while it
// runs, and those that need a restart. Both tables describe the same program.
struct Changes {
  std::vector<const Option*> reloadable;  // of `next`
  std::vector<const Option*> restart;
};
[[nodiscard]] Changes Compare(const Options& running, const Options& next);

// The option's values as a TOML file writes them.
[[nodiscard]] std::string TomlText(const Option& option);

// "HOST:PORT" with a port of 0 to 65535, "[::1]:7443" for IPv6; for options whose text is an address.
[[nodiscard]] absl::Status CheckAddress(absl::string_view text);

}  // namespace croft::config
