// The version of croftctl.

#include "tools/croftctl/version.h"

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "tools/croftctl/format.h"
#include "tools/croftctl/verbs.h"

namespace croft::ctl {

std::string Version() { return CROFT_VERSION; }

void AddVersion(Noun& root) {
  auto verb = root.AddVerb<NoArguments>("version", "Print croftctl's version");
  verb.RunsLocally([](const Tool& tool, const NoArguments&) -> absl::Status {
    const nlohmann::ordered_json json = {{"version", Version()}};
    tool.printer.Document(json, absl::StrCat("croftctl ", Version(), "\n"));
    return absl::OkStatus();
  });
}

}  // namespace croft::ctl
