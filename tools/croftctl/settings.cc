// Decides which control plane to call and as whom, from flags, variables and contexts.

#include "tools/croftctl/settings.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "common/errors.h"
#include "tools/croftctl/contexts.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr char kDefaultServer[] = "127.0.0.1:7443";
constexpr int kDefaultPort = 7443;

std::string VariableOf(absl::string_view setting) {
  return absl::StrCat("CROFT_", absl::AsciiStrToUpper(setting));
}

std::string FlagOf(absl::string_view setting) {
  std::string flag = absl::StrCat("--", setting);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// From the flag, else the variable; a value that neither gives is empty.
Setting FlagOrVariable(const std::string& given, const std::string& setting,
                       const Environment& environment) {
  if (!given.empty()) return {given, FlagOf(setting)};
  if (std::string value = environment.Get(VariableOf(setting)); !value.empty()) {
    return {std::move(value), VariableOf(setting)};
  }
  return {};
}

absl::StatusOr<Format> ParseFormat(const Setting& setting) {
  if (setting.value == "wide") return Format::kTable;
  static const std::map<std::string, Format> formats = {{"", Format::kTable},    {"table", Format::kTable},
                                                        {"json", Format::kJson}, {"yaml", Format::kYaml},
                                                        {"name", Format::kName}, {"csv", Format::kCsv}};
  const auto it = formats.find(setting.value);
  if (it != formats.end()) return it->second;
  return UsageError(absl::StrCat(setting.source, " wants table, wide, json, yaml, name or csv, not '",
                                 setting.value, "'"));
}

absl::StatusOr<Settings::Color> ParseColor(const Setting& setting) {
  static const std::map<std::string, Settings::Color> colors = {{"", Settings::Color::kAuto},
                                                                {"auto", Settings::Color::kAuto},
                                                                {"always", Settings::Color::kAlways},
                                                                {"never", Settings::Color::kNever}};
  const auto it = colors.find(setting.value);
  if (it != colors.end()) return it->second;
  return UsageError(
      absl::StrCat(setting.source, " wants auto, always or never, not '", setting.value, "'"));
}

absl::StatusOr<std::string> ParseServer(absl::string_view text) {
  const absl::Status bad = UsageError(absl::StrCat(
      "'", text, "' is not a server; write host, host:port or [IPv6]:port, several with commas"));
  absl::string_view host = text;
  int port = kDefaultPort;
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  if (colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket)) {
    if (!absl::SimpleAtoi(text.substr(colon + 1), &port)) return bad;
    host = text.substr(0, colon);
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (port < 1 || port > 65535 || host.empty() || host.find('/') != absl::string_view::npos) return bad;
  if (!bracketed && host.find_first_of(":[]") != absl::string_view::npos) return bad;
  return absl::StrCat(host, ":", port);
}

// Where to, and as whom.
struct ChosenTarget {
  std::map<std::string, Setting> settings;  // every connection setting
  std::string origin;
  std::string context;  // its name where it is one
};

absl::StatusOr<ChosenTarget> FromContext(const Contexts& contexts, const std::string& path,
                                         const Setting& named) {
  const auto it = contexts.by_name.find(named.value);
  if (it == contexts.by_name.end()) {
    return UsageError(absl::StrCat(named.source.empty() ? path : named.source, " names the context '",
                                   named.value,
                                   "', which is not there; croftctl config list shows those that are"));
  }
  ChosenTarget chosen{
      .origin = absl::StrCat("context ", named.value, ", ",
                             named.source.empty() ? "the current one" : "by " + named.source),
      .context = named.value};
  for (const auto& [name, value] : it->second)
    chosen.settings[name] = {value, absl::StrCat("context ", named.value)};
  return chosen;
}

// The variables that say where to, or as whom; empty when there are none.
ChosenTarget FromVariables(const Environment& environment) {
  ChosenTarget chosen;
  std::vector<std::string> set;
  for (const std::string& name : ConnectionSettings()) {
    const std::string variable = VariableOf(name);
    if (std::string value = environment.Get(variable); !value.empty()) {
      chosen.settings[name] = {std::move(value), variable};
      set.push_back(variable);
    }
  }
  if (!set.empty())
    chosen.origin =
        absl::StrCat(set.size() == 1 ? "the variable " : "the variables ", absl::StrJoin(set, ", "));
  return chosen;
}

// Without the flags that replace single settings.
absl::StatusOr<ChosenTarget> ChooseBase(const Flags& flags, const Environment& environment) {
  const auto path = ContextsPath(environment);
  const auto from_context = [&](const Setting& named) -> absl::StatusOr<ChosenTarget> {
    CROFT_RETURN_IF_ERROR(path.status());
    CROFT_ASSIGN_OR_RETURN(const Contexts contexts, ReadContexts(*path));
    return FromContext(contexts, *path, named);
  };
  if (!flags.context.empty()) return from_context({flags.context, "--context"});
  ChosenTarget variables = FromVariables(environment);
  const std::string named = environment.Get("CROFT_CONTEXT");
  if (!named.empty() && !variables.settings.empty()) {
    return UsageError(
        absl::StrCat("CROFT_CONTEXT is set beside ", variables.settings.begin()->second.source,
                     ", and each names a control plane or an identity of its own; unset one, or give "
                     "--context"));
  }
  if (!named.empty()) return from_context({named, "CROFT_CONTEXT"});
  if (!variables.settings.empty() || !path.ok()) return variables;
  CROFT_ASSIGN_OR_RETURN(const Contexts contexts, ReadContexts(*path));
  if (contexts.current.empty()) return variables;
  return FromContext(contexts, *path, {contexts.current, ""});
}

// Whether every server of `asked` is one of `known`; both are lists with commas.
bool AreServersOf(const std::string& asked, const std::string& known) {
  const std::vector<std::string> servers = absl::StrSplit(known, ',', absl::SkipWhitespace());
  for (const absl::string_view server : absl::StrSplit(asked, ',', absl::SkipWhitespace())) {
    const bool found = std::any_of(servers.begin(), servers.end(), [&](const std::string& one) {
      return absl::StripAsciiWhitespace(one) == absl::StripAsciiWhitespace(server);
    });
    if (!found) return false;
  }
  return true;
}

// A context's identity is for its own servers alone.
absl::Status KeepFromOtherServers(const std::string& server, bool named_by_flag, ChosenTarget& base) {
  if (base.context.empty() || server.empty() || AreServersOf(server, base.settings["server"].value)) {
    return absl::OkStatus();
  }
  if (named_by_flag) {
    return UsageError(absl::StrCat("--context ", base.context, " is for ", base.settings["server"].value,
                                   ", not for --server ", server, "; give one of the two"));
  }
  base = ChosenTarget();
  return absl::OkStatus();
}

absl::StatusOr<ChosenTarget> ChooseConnection(const Flags& flags, const Environment& environment) {
  const auto given = [&](const std::string& name) {
    const auto it = flags.connection.find(name);
    return it == flags.connection.end() ? "" : it->second;
  };
  CROFT_ASSIGN_OR_RETURN(ChosenTarget chosen, ChooseBase(flags, environment));
  CROFT_RETURN_IF_ERROR(KeepFromOtherServers(given("server"), !flags.context.empty(), chosen));
  // Who the caller is comes from one place.
  if (!given("token_file").empty() || !given("cert").empty() || !given("key").empty()) {
    for (const char* name : {"token_file", "cert", "key"}) chosen.settings.erase(name);
  }
  std::vector<std::string> replaced;
  for (const std::string& name : ConnectionSettings()) {
    Setting& setting = chosen.settings[name];
    if (std::string value = given(name); !value.empty()) {
      setting = {std::move(value), FlagOf(name)};
      replaced.push_back(FlagOf(name));
    }
  }
  if (Setting& server = chosen.settings["server"]; server.value.empty())
    server = {kDefaultServer, "default"};
  if (!replaced.empty())
    absl::StrAppend(&chosen.origin, chosen.origin.empty() ? "" : ", with ", absl::StrJoin(replaced, ", "));
  if (chosen.origin.empty()) chosen.origin = "the default";
  return chosen;
}

}  // namespace

const std::vector<std::string>& ConnectionSettings() {
  static const std::vector<std::string> settings = {"server", "ca", "cert", "key", "token_file"};
  return settings;
}

bool IsConnectionSetting(absl::string_view name) {
  const auto& all = ConnectionSettings();
  return std::find(all.begin(), all.end(), name) != all.end();
}

absl::StatusOr<std::string> ContextsPath(const Environment& environment) {
  CROFT_ASSIGN_OR_RETURN(const std::string folder, environment.ConfigFolder());
  return absl::StrCat(folder, "/config.toml");
}

absl::StatusOr<Settings> ResolveSettings(const Flags& flags, const Environment& environment) {
  Settings settings;
  const Setting output = FlagOrVariable(flags.output, "output", environment);
  CROFT_ASSIGN_OR_RETURN(settings.format, ParseFormat(output));
  settings.wide = output.value == "wide";
  CROFT_ASSIGN_OR_RETURN(settings.color, ParseColor(FlagOrVariable(flags.color, "color", environment)));
  if (const Setting timeout = FlagOrVariable(flags.timeout, "timeout", environment);
      !timeout.value.empty()) {
    CROFT_ASSIGN_OR_RETURN(settings.timeout, ParseDuration(timeout.value, timeout.source));
  }
  absl::StatusOr<ChosenTarget> chosen = ChooseConnection(flags, environment);
  settings.connection_problem = chosen.status();
  if (!chosen.ok()) return settings;
  settings.connection = std::move(chosen->settings);
  settings.origin = std::move(chosen->origin);
  return settings;
}

absl::StatusOr<Connection> ToConnection(const Settings& settings) {
  CROFT_RETURN_IF_ERROR(settings.connection_problem);
  const auto value = [&](const char* name) { return settings.connection.at(name).value; };
  Connection connection{
      .ca = value("ca"), .cert = value("cert"), .key = value("key"), .token_file = value("token_file")};
  for (const absl::string_view text : absl::StrSplit(value("server"), ',', absl::SkipWhitespace())) {
    CROFT_ASSIGN_OR_RETURN(connection.servers.emplace_back(),
                           ParseServer(absl::StripAsciiWhitespace(text)));
  }
  if (connection.servers.empty()) return UsageError("no server is named; give --server host:port");
  if (connection.cert.empty() != connection.key.empty()) {
    return UsageError("--cert and --key (CROFT_CERT and CROFT_KEY) go together; only one is given");
  }
  return connection;
}

}  // namespace croft::ctl
