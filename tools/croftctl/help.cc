// The verb help.

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/suggest.h"
#include "tools/croftctl/verbs.h"

// `help NOUN VERB`, which is `NOUN VERB --help`.
namespace croft::ctl {

void AddHelp(Noun& root) {
  struct Arguments {
    std::vector<std::string> words;
    const CLI::App* tree = nullptr;
  };
  auto verb = root.AddVerb<Arguments>("help", "Show the help of croftctl, a noun or a verb");
  verb->tree = verb.app.get_parent();
  verb.app.add_option("WORDS", verb->words, "A noun and a verb, such as tenant create");
  verb.RunsLocally([](const Tool& tool, const Arguments& arguments) -> absl::Status {
    const CLI::App* app = arguments.tree;
    std::string path = app->get_name();
    for (const std::string& word : arguments.words) {
      const CLI::App* below = FindVerb(*app, word);
      if (below == nullptr) return UsageError(Unknown(*arguments.tree, arguments.words));
      app = below;
      absl::StrAppend(&path, " ", app->get_name());
    }
    tool.printer.Text(app->get_formatter()->make_help(app, path, CLI::AppFormatMode::Normal));
    return absl::OkStatus();
  });
}

}  // namespace croft::ctl
