// The environment variables of the process.

#include "tools/croftctl/environment.h"

#include <unistd.h>

#include <absl/strings/str_cat.h>

#include "tools/croftctl/exit_code.h"

namespace croft::ctl {

Environment Environment::OfThisProcess() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

std::string Environment::Get(const std::string& name) const {
  const auto it = variables_.find(name);
  return it == variables_.end() ? "" : it->second;
}

absl::StatusOr<std::string> Environment::Folder(const std::string& variable,
                                                const std::string& below_home) const {
  // XDG's rule: a relative path there is to be ignored.
  if (const std::string base = Get(variable); base.rfind('/', 0) == 0)
    return absl::StrCat(base, "/croftctl");
  if (const std::string home = Get("HOME"); !home.empty())
    return absl::StrCat(home, "/", below_home, "/croftctl");
  return UsageError(absl::StrCat("neither ", variable, " nor HOME is set: set one"));
}

}  // namespace croft::ctl
