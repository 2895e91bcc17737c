// Reads and writes the file of contexts.

#include "tools/croftctl/contexts.h"

#include <filesystem>
#include <sstream>

#include <absl/strings/str_cat.h>
#include <toml++/toml.h>

#include "common/errors.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/settings.h"

namespace croft::ctl {
namespace {

absl::Status Bad(const std::string& path, absl::string_view what) {
  return UsageError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<Context> ReadContext(const std::string& path, const std::string& name,
                                    const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return Bad(path, absl::StrCat("contexts.", name, " is not a table"));
  Context context;
  for (const auto& [key, value] : *table) {
    const std::string setting(key.str());
    if (!IsConnectionSetting(setting) || !value.is_string()) {
      return Bad(path, absl::StrCat("contexts.", name, ".", setting,
                                    " is not one of server, ca, cert, key, token_file with a text"));
    }
    context[setting] = value.value_or(std::string());
  }
  return context;
}

}  // namespace

absl::StatusOr<Contexts> ReadContexts(const std::string& path) {
  Contexts contexts;
  if (!std::filesystem::exists(path)) return contexts;
  if (OpenToOthers(path)) return Bad(path, absl::StrCat("is open to others; chmod 600 ", path));
  CROFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, "contexts"));
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Bad(path,
               absl::StrCat("line ", error.source().begin.line, ": ", std::string(error.description())));
  }
  contexts.current = root["current"].value_or(std::string());
  if (const toml::table* tables = root["contexts"].as_table()) {
    for (const auto& [key, node] : *tables) {
      const std::string name(key.str());
      CROFT_ASSIGN_OR_RETURN(contexts.by_name[name], ReadContext(path, name, node));
    }
  }
  return contexts;
}

absl::Status WriteContexts(const std::string& path, const Contexts& contexts) {
  toml::table tables;
  for (const auto& [name, context] : contexts.by_name) {
    toml::table table;
    for (const auto& [key, value] : context) table.insert(key, value);
    tables.insert(name, table);
  }
  toml::table root;
  if (!contexts.current.empty()) root.insert("current", contexts.current);
  root.insert("contexts", tables);
  std::ostringstream text;
  text << root << "\n";
  return WritePrivateFile(path, text.str());
}

}  // namespace croft::ctl
