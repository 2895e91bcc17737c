// Suggests nouns and verbs for unknown words.

#include "tools/croftctl/suggest.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/closest.h"

namespace croft::ctl {

namespace {

std::vector<std::string> VerbsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    // Those without a group are hidden.
    if (!sub->get_group().empty()) names.push_back(sub->get_name());
  }
  return names;
}

// What other tools call it. Croft's own words say what is destroyed, so these are never taken for one of them.
std::string Advice(const CLI::App& noun, const std::string& word) {
  static const char* const destroying[] = {"rm", "delete", "del", "remove", "destroy", "drop"};
  if (std::find(std::begin(destroying), std::end(destroying), word) == std::end(destroying)) return "";
  const std::string name = noun.get_name();
  if (name == "tenant" || noun.get_parent() == nullptr) {
    return absl::StrCat(
        "; 'croftctl tenant retire ID' closes a tenant and keeps it for a week, "
        "'croftctl tenant purge ID' then destroys it");
  }
  if (name == "op") return "; 'croftctl op cancel ID' stops an operation";
  for (const char* verb : {"delete", "remove", "revoke"}) {
    if (FindVerb(noun, verb) != nullptr) return absl::StrCat("; use 'croftctl ", name, " ", verb, "'");
  }
  return "";
}

// The flags that are known at `app`: its own and those of all above it.
std::vector<const CLI::Option*> OptionsAt(const CLI::App* app) {
  std::vector<const CLI::Option*> options;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) options.push_back(option);
  }
  return options;
}

const CLI::Option* FindOption(const CLI::App& app, const std::string& flag) {
  const auto options = OptionsAt(&app);
  const auto it = std::find_if(options.begin(), options.end(),
                               [&](const CLI::Option* o) { return o->check_name(flag); });
  return it == options.end() ? nullptr : *it;
}

std::string ClosestFlag(const CLI::App& app, const std::string& flag) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : OptionsAt(&app)) {
    for (const std::string& name : option->get_lnames()) flags.push_back(absl::StrCat("--", name));
  }
  return DidYouMean(flag, flags);
}

}  // namespace

const CLI::App* FindVerb(const CLI::App& app, const std::string& word) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->check_name(word)) return sub;
  }
  return nullptr;
}

std::string Unknown(const CLI::App& root, const std::vector<std::string>& arguments) {
  const CLI::App* app = &root;
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (absl::StartsWith(word, "-") && word.size() > 1) {
      const size_t equals = word.find('=');
      const CLI::Option* option = FindOption(*app, word.substr(0, equals));
      if (option == nullptr)
        return absl::StrCat("'", word, "' is not known here", ClosestFlag(*app, word.substr(0, equals)));
      if (option->get_items_expected_max() > 0 && equals == std::string::npos) ++i;
      continue;
    }
    const std::vector<std::string> verbs = VerbsOf(*app);
    if (verbs.empty()) continue;
    const CLI::App* verb = FindVerb(*app, word);
    if (verb == nullptr) {
      const std::string advice = Advice(*app, word);
      return absl::StrCat("'", word, "' is not known here",
                          advice.empty() ? DidYouMean(word, verbs) : advice);
    }
    app = verb;
  }
  return "";
}

}  // namespace croft::ctl
