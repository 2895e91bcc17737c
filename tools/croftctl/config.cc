// The verbs of `croftctl config`.

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "tools/croftctl/contexts.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/table.h"
#include "tools/croftctl/verbs.h"

// The verbs over the file of contexts.
namespace croft::ctl {
namespace {

struct WhichContext {
  std::string name;

  void AddTo(CLI::App& verb) { verb.add_option("CONTEXT", name, "Its name")->required(); }
};

absl::Status NoSuchContext(const std::string& name) {
  return absl::NotFoundError(
      absl::StrCat("there is no context '", name, "'; croftctl config list shows those there are"));
}

// Reads the file, lets `change` have it, writes it.
absl::Status ChangeContexts(const Tool& tool, const std::function<absl::Status(Contexts&)>& change) {
  if (tool.flags.dry_run) return UsageError("this verb has no --dry-run");
  CROFT_ASSIGN_OR_RETURN(const std::string path, ContextsPath(tool.environment));
  CROFT_ASSIGN_OR_RETURN(Contexts contexts, ReadContexts(path));
  CROFT_RETURN_IF_ERROR(change(contexts));
  return WriteContexts(path, contexts);
}

void AddSet(Noun& noun) {
  auto verb = noun.AddVerb<WhichContext>(
      "set", "Make or change a context from --server, --ca, --cert, --key, --token-file");
  verb->AddTo(verb.app);
  verb.RunsLocally([](const Tool& tool, const WhichContext& which) -> absl::Status {
    return ChangeContexts(tool, [&](Contexts& contexts) -> absl::Status {
      Context& context = contexts.by_name[which.name];
      const auto given = [&](const char* setting) { return !tool.flags.connection.at(setting).empty(); };
      // Who the caller is comes from one place, as ResolveSettings has it.
      if (given("token_file") || given("cert") || given("key")) {
        for (const char* setting : {"token_file", "cert", "key"}) context.erase(setting);
      }
      for (const auto& [setting, value] : tool.flags.connection) {
        if (value.empty()) continue;
        context[setting] = setting == "server" ? value : std::filesystem::absolute(value).string();
      }
      if (context.empty())
        return UsageError("nothing to set; give --server, --ca, --cert, --key or --token-file");
      if (contexts.current.empty()) contexts.current = which.name;
      if (context.count("server") == 0)
        return UsageError(absl::StrCat("context ", which.name, " has no server yet; give --server"));
      return absl::OkStatus();
    });
  });
}

void AddUse(Noun& noun) {
  auto verb = noun.AddVerb<WhichContext>("use", "Use a context from now on");
  verb->AddTo(verb.app);
  verb.RunsLocally([](const Tool& tool, const WhichContext& which) -> absl::Status {
    return ChangeContexts(tool, [&](Contexts& contexts) -> absl::Status {
      if (contexts.by_name.count(which.name) == 0) return NoSuchContext(which.name);
      contexts.current = which.name;
      return absl::OkStatus();
    });
  });
}

void AddDelete(Noun& noun) {
  auto verb = noun.AddVerb<WhichContext>("delete", "Forget a context");
  verb->AddTo(verb.app);
  verb.RunsLocally([](const Tool& tool, const WhichContext& which) -> absl::Status {
    return ChangeContexts(tool, [&](Contexts& contexts) -> absl::Status {
      if (contexts.by_name.erase(which.name) == 0) return NoSuchContext(which.name);
      if (contexts.current == which.name) contexts.current.clear();
      return absl::OkStatus();
    });
  });
}

void AddList(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>("list", "List contexts");
  verb.RunsLocally([](const Tool& tool, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const std::string path, ContextsPath(tool.environment));
    CROFT_ASSIGN_OR_RETURN(const Contexts contexts, ReadContexts(path));
    auto list = nlohmann::ordered_json::array();
    std::vector<std::vector<Cell>> rows;
    for (const auto& [name, context] : contexts.by_name) {
      const bool current = name == contexts.current;
      const auto server = context.find("server");
      list.push_back({{"name", name}, {"current", current}, {"settings", context}});
      rows.push_back(
          {{"", current ? "*" : " "}, {"", name}, {"", server == context.end() ? "" : server->second}});
    }
    tool.printer.Document({{"contexts", list}},
                          TableText({{"current"}, {"name"}, {"server"}}, rows, tool.printer.look()));
    return absl::OkStatus();
  });
}

void AddShow(Noun& noun) {
  auto verb = noun.AddVerb<NoArguments>("show", "Show which settings hold now, and where each comes from");
  verb.RunsLocally([](const Tool& tool, const NoArguments&) -> absl::Status {
    CROFT_RETURN_IF_ERROR(tool.settings.connection_problem);
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    std::vector<std::vector<Cell>> rows;
    for (const std::string& name : ConnectionSettings()) {
      const Setting& setting = tool.settings.connection.at(name);
      json[name] = {{"value", setting.value}, {"source", setting.source}};
      rows.push_back({{"", name}, {"", setting.value}, {"", setting.source}});
    }
    json["origin"] = tool.settings.origin;
    tool.terminal.Say(absl::StrCat("in force: ", tool.settings.origin));
    tool.printer.Document(json, TableText({{"setting"}, {"value"}, {"from"}}, rows, tool.printer.look()));
    return absl::OkStatus();
  });
}

}  // namespace

void AddConfig(Noun& root) {
  Noun noun = root.AddNoun("config", "Contexts: control planes and who you are to them");
  AddSet(noun);
  AddUse(noun);
  AddDelete(noun);
  AddList(noun);
  AddShow(noun);
}

}  // namespace croft::ctl
