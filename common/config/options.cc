// Collects the values of options from command line, environment and files, and checks them.

#include "common/config/options.h"

#include <algorithm>
#include <filesystem>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include "common/closest.h"
#include "common/config/toml_file.h"

namespace croft::config {
namespace {

absl::Status Wrong(absl::string_view text) { return absl::InvalidArgumentError(text); }

// A value of the environment or the command line, in the parts that its kind has.
std::vector<std::string> Parts(const Option& option, absl::string_view text) {
  if (option.kind != Kind::kList) return {std::string(text)};
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

absl::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kText: return "a text in quotes";
    case Kind::kList: return "an array of texts";
    case Kind::kNumber: return "a whole number without quotes";
    case Kind::kSwitch: return "true or false";
  }
  return "";
}

// A list of one may be written without brackets.
bool Fits(Kind wanted, Kind written) {
  return wanted == written || (wanted == Kind::kList && written == Kind::kText);
}

// TOML's basic string: JSON's escapes.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      absl::StrAppend(&quoted, "\\", absl::string_view(&c, 1));
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&quoted, "\\u00", absl::Hex(byte, absl::kZeroPad2));
    } else {
      quoted.push_back(c);
    }
  }
  return absl::StrCat(quoted, "\"");
}

}  // namespace

std::string Problem::Line() const { return absl::StrCat(place.text, ": ", text); }

std::string Option::key() const { return absl::StrReplaceAll(name, {{"-", "_"}}); }

Option& Option::Reloads() {
  reloadable = true;
  return *this;
}

Option& Options::Add(Option option) {
  options_.push_back(std::move(option));
  return options_.back();
}

Option& Options::Text(std::string name, std::string& target, std::string shape, std::string help) {
  return Add({.name = std::move(name),
              .kind = Kind::kText,
              .shape = std::move(shape),
              .help = std::move(help),
              .values = {target},
              .set = [&target](const std::vector<std::string>& values) {
                target = values.front();
                return absl::OkStatus();
              }});
}

Option& Options::Address(std::string name, std::string& target, std::string help) {
  Option& option = Text(std::move(name), target, "HOST:PORT", std::move(help));
  option.set = [&target](const std::vector<std::string>& values) {
    const absl::Status status = CheckAddress(values.front());
    if (status.ok()) target = values.front();
    return status;
  };
  return option;
}

Option& Options::List(std::string name, std::vector<std::string>& target, std::string shape,
                      std::string help) {
  return Add({.name = std::move(name),
              .kind = Kind::kList,
              .shape = std::move(shape),
              .help = std::move(help),
              .values = target,
              .set = [&target](const std::vector<std::string>& values) {
                target = values;
                return absl::OkStatus();
              }});
}

Option& Options::Seconds(std::string name, absl::Duration& target, Range range, std::string help) {
  return AddNumber(std::move(name), absl::ToInt64Seconds(target), range, std::move(help),
                   [&target](int64_t value) { target = absl::Seconds(value); });
}

Option& Options::AddNumber(std::string name, int64_t initial, Range range, std::string help,
                           std::function<void(int64_t)> set) {
  return Add({.name = std::move(name),
              .kind = Kind::kNumber,
              .shape = absl::StrCat(range.least, "-", range.most),
              .help = std::move(help),
              .values = {absl::StrCat(initial)},
              .set = [range, set = std::move(set)](const std::vector<std::string>& values) {
                int64_t number = 0;
                if (!absl::SimpleAtoi(values.front(), &number) || number < range.least ||
                    number > range.most) {
                  return Wrong(absl::StrCat("'", values.front(), "' is no whole number from ", range.least,
                                            " to ", range.most));
                }
                set(number);
                return absl::OkStatus();
              }});
}

Option& Options::AddChoice(std::string name, const std::string& initial, std::vector<std::string> choices,
                           std::string help, std::function<void(absl::string_view)> set) {
  return Add({.name = std::move(name),
              .kind = Kind::kText,
              .shape = absl::StrJoin(choices, "|"),
              .help = std::move(help),
              .choices = choices,
              .values = {initial},
              .set = [choices, set = std::move(set)](const std::vector<std::string>& values) {
                const std::string& chosen = values.front();
                if (std::find(choices.begin(), choices.end(), chosen) == choices.end()) {
                  return Wrong(absl::StrCat("'", chosen, "' is none of ", absl::StrJoin(choices, ", "),
                                            DidYouMean(chosen, choices)));
                }
                set(chosen);
                return absl::OkStatus();
              }});
}

void Options::Take(Option& option, std::vector<std::string> values, Place place, Problems& problems) {
  if (const absl::Status status = option.set(values); !status.ok()) {
    problems.push_back({std::move(place), absl::StrCat(option.key(), ": ", status.message())});
    return;
  }
  option.values = std::move(values);
  option.place = std::move(place);
}

Problems Options::Load(const Sources& sources) {
  Problems problems;
  if (sources.file_must_exist || std::filesystem::exists(sources.file)) {
    for (const std::string& path : ConfigurationFiles(sources.file, problems)) LoadFile(path, problems);
  }
  LoadVariables(sources.environment, problems);
  LoadFlags(sources.flags, problems);
  return problems;
}

void Options::LoadFile(const std::string& path, Problems& problems) {
  const TomlFile file = ReadTomlFile(path);
  problems.insert(problems.end(), file.problems.begin(), file.problems.end());
  for (const Entry& entry : file.entries) {
    Option* option = Find(entry.key);
    if (option == nullptr) {
      problems.push_back({entry.key_place, absl::StrCat("there is no option '", entry.key, "'",
                                                        DidYouMean(entry.key, Keys()))});
    } else if (!Fits(option->kind, entry.kind)) {
      problems.push_back({entry.value_place, absl::StrCat(entry.key, ": must be ", NameOf(option->kind),
                                                          ", not ", NameOf(entry.kind))});
    } else {
      Take(*option, entry.values, entry.value_place, problems);
    }
  }
}

void Options::LoadVariables(const std::map<std::string, std::string>& environment, Problems& problems) {
  for (Option& option : options_) {
    const std::string variable = VariableOf(option);
    const auto found = environment.find(variable);
    if (found == environment.end()) continue;
    Take(option, Parts(option, found->second), {Origin::kVariable, variable}, problems);
  }
}

void Options::LoadFlags(const std::map<std::string, std::vector<std::string>>& flags, Problems& problems) {
  for (Option& option : options_) {
    const auto found = flags.find(option.name);
    if (found == flags.end()) continue;
    std::vector<std::string> values;
    for (const std::string& text : found->second) {
      for (std::string& part : Parts(option, text)) values.push_back(std::move(part));
    }
    Take(option, std::move(values), {Origin::kFlag, absl::StrCat("--", option.name)}, problems);
  }
}

Option* Options::Find(absl::string_view key) {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& option) { return option.key() == key; });
  return found == options_.end() ? nullptr : &*found;
}

const Option& Options::Get(absl::string_view name) const {
  return *std::find_if(options_.begin(), options_.end(),
                       [&](const Option& option) { return option.name == name; });
}

void Options::Adopt(const Option& option) {
  Option& own = *Find(option.key());
  if (!own.set(option.values).ok()) return;
  own.values = option.values;
  own.place = option.place;
}

std::vector<std::string> Options::Keys() const {
  std::vector<std::string> keys;
  for (const Option& option : options_) keys.push_back(option.key());
  return keys;
}

std::string Options::VariableOf(const Option& option) const {
  return absl::StrCat(prefix_, absl::AsciiStrToUpper(option.key()));
}

Problems Options::UnknownVariables(const std::map<std::string, std::string>& environment) const {
  std::vector<std::string> known;
  for (const Option& option : options_) known.push_back(VariableOf(option));
  known.push_back(absl::StrCat(prefix_, "CONFIG"));
  Problems problems;
  for (auto it = environment.lower_bound(prefix_);
       it != environment.end() && absl::StartsWith(it->first, prefix_); ++it) {
    if (std::find(known.begin(), known.end(), it->first) != known.end()) continue;
    problems.push_back(
        {{Origin::kVariable, it->first},
         absl::StrCat("there is no such option, so it does nothing", DidYouMean(it->first, known))});
  }
  return problems;
}

std::string TomlText(const Option& option) {
  switch (option.kind) {
    case Kind::kText: return Quoted(option.values.front());
    case Kind::kNumber:
    case Kind::kSwitch: return option.values.front();
    case Kind::kList: break;
  }
  return absl::StrCat("[",
                      absl::StrJoin(option.values, ", ",
                                    [](std::string* out, const std::string& value) {
                                      absl::StrAppend(out, Quoted(value));
                                    }),
                      "]");
}

std::string Options::Dump() const {
  std::string dump;
  for (const Option& option : options_) {
    absl::StrAppend(&dump, option.key(), " = ", TomlText(option), "  # ", option.place.text, "\n");
  }
  return dump;
}

Changes Compare(const Options& running, const Options& next) {
  Changes changes;
  for (const Option& option : next.all()) {
    if (running.Get(option.name).values == option.values) continue;
    (option.reloadable ? changes.reloadable : changes.restart).push_back(&option);
  }
  return changes;
}

absl::Status CheckAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  int port = -1;
  const bool has_port = colon != absl::string_view::npos &&
                        absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= 0 && port <= 65535;
  const absl::string_view host = text.substr(0, has_port ? colon : 0);
  const bool bare_ipv6 = absl::StrContains(host, ':') && !absl::StartsWith(host, "[");
  if (has_port && !bare_ipv6) return absl::OkStatus();
  return Wrong(absl::StrCat("'", text, "' is no address and port, such as 0.0.0.0:7443 or [::]:7443"));
}

}  // namespace croft::config
