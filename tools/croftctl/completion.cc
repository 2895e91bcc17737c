// Completion of nouns, verbs, flags, values and ids for bash, zsh and fish.

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/time/clock.h>

#include "common/names.h"
#include "croft/v1/usage.pb.h"
#include "tools/croftctl/client.h"
#include "tools/croftctl/contexts.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/suggest.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// Completion of nouns, verbs, flags, their values and ids. The shells' scripts ask a hidden verb, which reads the
// command tree and, for ids, asks the control plane.
namespace croft::ctl {
namespace {

// Nobody waits longer for the tabulator key.
constexpr absl::Duration kTimeout = absl::Seconds(2);
constexpr size_t kMostIds = 500;

using Words = std::vector<std::string>;

// The command line up to the word that is completed.
struct Place {
  const CLI::App* app = nullptr;        // the noun or verb that it stands behind
  const CLI::Option* option = nullptr;  // the flag whose value it is
  Words operands;                       // words before it that are neither nouns, verbs nor flags
  Flags flags;                          // what was given of the connection's
};

// Nearest first: of the verb, its noun, the root.
const CLI::Option* FindOption(const CLI::App* app, const std::string& flag) {
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->check_name(flag)) return option;
    }
  }
  return nullptr;
}

void Remember(const std::string& flag, const std::string& value, Flags& flags) {
  std::string name = absl::StrReplaceAll(flag.substr(std::min<size_t>(2, flag.size())), {{"-", "_"}});
  if (name == "context") flags.context = value;
  if (IsConnectionSetting(name)) flags.connection[name] = value;
}

Place FindPlace(const CLI::App& root, const Words& words) {
  Place place{.app = &root};
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (absl::StartsWith(word, "-") && word.size() > 1) {
      const size_t equals = word.find('=');
      const std::string flag = word.substr(0, equals);
      const CLI::Option* option = FindOption(place.app, flag);
      if (equals != std::string::npos) Remember(flag, word.substr(equals + 1), place.flags);
      if (option == nullptr || option->get_items_expected_max() == 0 || equals != std::string::npos)
        continue;
      if (i + 1 == words.size()) {
        place.option = option;
      } else {
        Remember(flag, words[++i], place.flags);
      }
    } else if (const CLI::App* verb = FindVerb(*place.app, word);
               verb != nullptr && place.operands.empty()) {
      place.app = verb;
    } else {
      place.operands.push_back(word);
    }
  }
  return place;
}

// The positional that the word is, after those before it.
const CLI::Option* PositionalAt(const Place& place) {
  size_t left = place.operands.size();
  for (const CLI::Option* option : place.app->get_options()) {
    if (!option->get_positional()) continue;
    const auto most = static_cast<size_t>(option->get_items_expected_max());
    if (left < most) return option;
    left -= most;
  }
  return nullptr;
}

template <class Stub, class Request, class Response, class Item>
Words NamesOf(Client& client, const Listing<Stub, Request, Response, Item>& listing,
              const Request& request) {
  Words names;
  const auto listed = ListAll(client, listing, request, kMostIds);
  if (!listed.ok()) return names;
  for (const Item& item : listed->items) names.push_back(LastPart(item.name()));
  return names;
}

// The ids that stand for `kind`, a positional's name or a flag's, asked of the control plane.
Words IdsOf(const std::string& kind, const Place& place, Client& client) {
  if (kind == "HOST") return NamesOf(client, kHosts, v1::ListHostsRequest());
  if (kind == "OPERATION") return NamesOf(client, kOperations, v1::ListOperationsRequest());
  if (kind == "PRINCIPAL") return NamesOf(client, kPrincipals, v1::ListPrincipalsRequest());
  if (kind == "BACKUP") {
    v1::ListBackupsRequest request;
    request.set_parent(TenantName(place.operands.empty() ? "-" : LastPart(place.operands.front())));
    Words names = NamesOf(client, kBackups, request);
    names.insert(names.begin(), "latest");
    return names;
  }
  v1::ListTenantsRequest request;
  request.set_show_retired(true);
  return NamesOf(client, kTenants, request);
}

Words ContextsThere(const Environment& environment) {
  Words names;
  const auto path = ContextsPath(environment);
  if (!path.ok()) return names;
  const auto contexts = ReadContexts(*path);
  if (!contexts.ok()) return names;
  for (const auto& [name, context] : contexts->by_name) names.push_back(name);
  return names;
}

template <class Enum>
Words ValuesOf(absl::string_view prefix) {
  Words values;
  const auto& type = *google::protobuf::GetEnumDescriptor<Enum>();
  for (int i = 1; i < type.value_count(); ++i) {
    std::string value = EnumName(type, prefix, type.value(i)->number());
    absl::AsciiStrToLower(&value);
    values.push_back(absl::StrReplaceAll(value, {{"_", "-"}}));
  }
  return values;
}

// What a flag or positional takes: a fixed set of words, or the ids of a kind.
struct Takes {
  Words values;
  std::string ids;
  bool contexts = false;
};

Takes TakenBy(const CLI::App& app, const std::string& name) {
  if (name == "--output") return {{"table", "wide", "json", "yaml", "name", "csv"}};
  if (name == "--top") return {ValuesOf<v1::UsageOrder>("USAGE_ORDER_")};
  if (name == "--color") return {{"auto", "always", "never"}};
  if (name == "--delete-protection") return {{"on", "off"}};
  if (name == "--mode") return {ValuesOf<v1::SuspendMode>("SUSPEND_MODE_")};
  if (name == "--role") return {ValuesOf<v1::Role>("ROLE_")};
  if (name == "ROLE") return {ValuesOf<v1::Binding::Role>("ROLE_")};
  if (name == "SHELL") return {{"bash", "zsh", "fish"}};
  if (name == "--context" || name == "CONTEXT") return {.contexts = true};
  const std::string noun = app.get_parent() == nullptr ? "" : app.get_parent()->get_name();
  if (name == "--state" && noun == "host") return {ValuesOf<v1::Host::State>("STATE_")};
  if (name == "--state" && noun == "op") return {ValuesOf<v1::Operation::State>("STATE_")};
  if (name == "--state") return {ValuesOf<v1::Tenant::State>("STATE_")};
  static const std::map<std::string, std::string> ids = {
      {"TENANT", "TENANT"},       {"--tenant", "TENANT"},
      {"HOST", "HOST"},           {"--host", "HOST"},
      {"OPERATION", "OPERATION"}, {"--parent", "OPERATION"},
      {"BACKUP", "BACKUP"},       {"--backup", "BACKUP"},
      {"PRINCIPAL", "PRINCIPAL"}, {"--accept-incomplete", "BACKUP"}};
  const auto it = ids.find(name);
  return it == ids.end() ? Takes() : Takes{.ids = it->second};
}

Words Asked(const Tool& tool, const Place& place, const std::string& kind) {
  const auto settings = ResolveSettings(place.flags, tool.environment);
  if (!settings.ok()) return {};
  const auto connection = ToConnection(*settings);
  if (!connection.ok()) return {};
  const auto identity = ReadIdentity(*connection);
  if (!identity.ok()) return {};
  Client client(*connection, *identity, absl::Now() + kTimeout, tool.interrupts, tool.terminal);
  return IdsOf(kind, place, client);
}

Words ValuesAt(const Tool& tool, const Place& place, const CLI::Option& option) {
  // `backup verify TENANT BACKUP…` has one positional for both.
  const bool behind_tenant = option.get_positional() && option.get_name() == "TENANT" &&
                             !place.operands.empty() && place.app->get_name() == "verify";
  const std::string name =
      option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
  Takes takes = TakenBy(*place.app, behind_tenant ? "BACKUP" : name);
  if (takes.contexts) return ContextsThere(tool.environment);
  return takes.ids.empty() ? takes.values : Asked(tool, place, takes.ids);
}

Words FlagsAt(const CLI::App* app) {
  Words flags;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
  }
  return flags;
}

// `--flag=` of a word that begins so, or nothing.
std::string FlagBegun(const std::string& word) {
  const size_t equals = word.find('=');
  const bool flag = absl::StartsWith(word, "--") && equals != std::string::npos;
  return flag ? word.substr(0, equals + 1) : "";
}

// bash takes `--flag=value` apart into three words.
Words WithoutLoneEquals(const Words& words) {
  Words joined;
  for (const std::string& word : words) {
    const bool behind_flag = !joined.empty() && absl::StartsWith(joined.back(), "--");
    if (word != "=" || !behind_flag) joined.push_back(word);
  }
  return joined;
}

// Everything that can stand where the last of `words` does.
Words Candidates(const Tool& tool, const CLI::App& root, Words words) {
  const bool value_begins = !words.empty() && words.back() == "=";
  words = WithoutLoneEquals(words);
  if (value_begins) words.emplace_back();
  const std::string begun = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  if (const std::string flag = FlagBegun(begun); !flag.empty()) {
    words.push_back(flag.substr(0, flag.size() - 1));
    const Place place = FindPlace(root, words);
    Words values = place.option == nullptr ? Words() : ValuesAt(tool, place, *place.option);
    for (std::string& value : values) value.insert(0, flag);
    return values;
  }
  const Place place = FindPlace(root, words);
  if (place.option != nullptr) return ValuesAt(tool, place, *place.option);
  if (absl::StartsWith(begun, "-")) return FlagsAt(place.app);
  Words candidates;
  for (const CLI::App* sub :
       place.app->get_subcommands([](const CLI::App* app) { return !app->get_group().empty(); }))
    candidates.push_back(sub->get_name());
  if (!candidates.empty()) return candidates;
  const CLI::Option* positional = PositionalAt(place);
  return positional == nullptr ? FlagsAt(place.app) : ValuesAt(tool, place, *positional);
}

constexpr char kBash[] = R"(_croftctl() {
  local IFS=$'\n'
  COMPREPLY=($(croftctl __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _croftctl croftctl
)";

constexpr char kZsh[] = R"(#compdef croftctl
_croftctl() {
  local -a all
  all=("${(@f)$(croftctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $all
}
compdef _croftctl croftctl
)";

constexpr char kFish[] = R"(function __croftctl_complete
  set -l words (commandline -opc)
  croftctl __complete -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c croftctl -f -a '(__croftctl_complete)'
)";

void AddScripts(Noun& root) {
  struct Arguments {
    std::string shell;
  };
  auto verb = root.AddVerb<Arguments>("completion",
                                      "Print a script that completes words, flags and ids in a shell");
  verb.app.add_option("SHELL", verb->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb.RunsLocally([](const Tool& tool, const Arguments& arguments) -> absl::Status {
    tool.printer.Text(arguments.shell == "bash" ? kBash : arguments.shell == "zsh" ? kZsh : kFish);
    return absl::OkStatus();
  });
}

// Prints a line for each word that can stand where the last one does. Says nothing where it does not know: a shell
// would show it amid what is typed.
void AddHidden(Noun& root) {
  struct Arguments {
    Words words;
    const CLI::App* tree = nullptr;
  };
  auto verb = root.AddVerb<Arguments>("__complete", "For the shells' scripts");
  verb.app.group("");
  verb->tree = verb.app.get_parent();
  verb.app.add_option("WORDS", verb->words, "The command line without its first word");
  verb.RunsLocally([](const Tool& tool, const Arguments& arguments) -> absl::Status {
    const std::string last = arguments.words.empty() ? "" : arguments.words.back();
    const std::string begun = last == "=" ? "" : last;
    for (const std::string& candidate : Candidates(tool, *arguments.tree, arguments.words)) {
      if (absl::StartsWith(candidate, begun)) tool.printer.Text(candidate + "\n");
    }
    return absl::OkStatus();
  });
}

}  // namespace

void AddCompletion(Noun& root) {
  AddScripts(root);
  AddHidden(root);
}

}  // namespace croft::ctl
