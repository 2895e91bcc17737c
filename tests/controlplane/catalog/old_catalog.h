#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tests/common/sqlite/raw_file.h"

namespace croft::catalog {

// Makes `old` a catalog of an earlier version: its tables as migration `version` left them, with the rows of the catalog
// `now` as far as those tables have the columns. Operations and their steps are left out: their tables were others.
inline void MakeOldCatalog(const std::string& old, int version, const std::string& now) {
  std::set<std::filesystem::path> scripts;
  for (const auto& script : std::filesystem::directory_iterator(CATALOG_MIGRATIONS))
    scripts.insert(script.path());
  RawFile file(old);
  int number = 0;
  for (const std::filesystem::path& script : scripts) {
    if (++number > version) break;
    std::ostringstream text;
    text << std::ifstream(script).rdbuf();
    file.Run(text.str());
  }
  file.Run(absl::StrCat("ATTACH '", now, "' AS now"));
  for (const std::string& table : file.Run("SELECT name FROM main.sqlite_schema WHERE type = 'table'")) {
    if (table == "operations" || table == "steps") continue;
    const std::vector<std::string> columns =
        file.Run(absl::StrCat("SELECT a.name FROM pragma_table_info('", table, "', 'main') a JOIN ",
                              "pragma_table_info('", table, "', 'now') b ON a.name = b.name"));
    const std::string names = absl::StrJoin(columns, ", ");
    file.Run(
        absl::StrCat("INSERT INTO main.", table, " (", names, ") SELECT ", names, " FROM now.", table));
  }
  file.Run(absl::StrCat("PRAGMA application_id = ", file.Run("PRAGMA now.application_id").front()));
  file.Run(absl::StrCat("PRAGMA user_version = ", version));
  file.Run("PRAGMA journal_mode = WAL");
}

}  // namespace croft::catalog
