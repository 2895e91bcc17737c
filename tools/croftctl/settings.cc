#include "tools/croftctl/settings.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
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

struct ChosenContext {
  std::string name;
  Context context;
};

absl::StatusOr<ChosenContext> ChooseContext(const Flags& flags, const Environment& environment) {
  const auto path = ContextsPath(environment);
  const Setting named = FlagOrVariable(flags.context, "context", environment);
  if (!path.ok())
    return named.value.empty() ? absl::StatusOr<ChosenContext>(ChosenContext()) : path.status();
  CROFT_ASSIGN_OR_RETURN(const Contexts contexts, ReadContexts(*path));
  const std::string& name = named.value.empty() ? contexts.current : named.value;
  if (name.empty()) return ChosenContext();
  const auto it = contexts.by_name.find(name);
  if (it == contexts.by_name.end()) {
    return UsageError(absl::StrCat(named.value.empty() ? *path : named.source, " names the context '", name,
                                   "', which is not there; croftctl config list shows those that are"));
  }
  return ChosenContext{name, it->second};
}

absl::StatusOr<Format> ParseFormat(const Setting& setting) {
  static const std::map<std::string, Format> formats = {{"", Format::kTable},
                                                        {"table", Format::kTable},
                                                        {"json", Format::kJson},
                                                        {"yaml", Format::kYaml},
                                                        {"name", Format::kName}};
  const auto it = formats.find(setting.value);
  if (it != formats.end()) return it->second;
  return UsageError(
      absl::StrCat(setting.source, " wants table, json, yaml or name, not '", setting.value, "'"));
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
  CROFT_ASSIGN_OR_RETURN(settings.format, ParseFormat(FlagOrVariable(flags.output, "output", environment)));
  CROFT_ASSIGN_OR_RETURN(settings.color, ParseColor(FlagOrVariable(flags.color, "color", environment)));
  if (const Setting timeout = FlagOrVariable(flags.timeout, "timeout", environment);
      !timeout.value.empty()) {
    CROFT_ASSIGN_OR_RETURN(settings.timeout, ParseDuration(timeout.value, timeout.source));
  }
  CROFT_ASSIGN_OR_RETURN(const ChosenContext chosen, ChooseContext(flags, environment));
  for (const std::string& name : ConnectionSettings()) {
    const auto given = flags.connection.find(name);
    Setting& setting = settings.connection[name];
    setting = FlagOrVariable(given == flags.connection.end() ? "" : given->second, name, environment);
    if (const auto it = chosen.context.find(name); setting.value.empty() && it != chosen.context.end()) {
      setting = {it->second, absl::StrCat("context ", chosen.name)};
    }
  }
  if (Setting& server = settings.connection["server"]; server.value.empty())
    server = {kDefaultServer, "default"};
  return settings;
}

absl::StatusOr<Connection> ToConnection(const Settings& settings) {
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
