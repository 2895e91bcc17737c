// Reads TOML files of configuration with the place of each value.

#include "common/config/toml_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include "common/files.h"

namespace croft::config {
namespace {

constexpr size_t kMostBytes = 1 << 20;

Place At(const std::string& path, const toml::source_position& position) {
  return {Origin::kFile, absl::StrCat(path, ":", position.line, ":", position.column)};
}

// Why the file cannot be trusted; empty when it can.
std::string Distrust(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return absl::StrCat("cannot be read: ", std::strerror(errno));
  if ((facts.st_mode & S_IWOTH) != 0 && S_ISREG(facts.st_mode)) {
    return absl::StrCat("anybody may change it, and with it what the daemon does; chmod o-w ", path);
  }
  if (facts.st_uid != 0 && facts.st_uid != geteuid()) {
    return absl::StrCat("belongs to user ", facts.st_uid,
                        ", neither to root nor to the user of this program; chown root ", path);
  }
  return "";
}

std::optional<std::vector<std::string>> TextsOf(const toml::array& array) {
  std::vector<std::string> texts;
  for (const toml::node& node : array) {
    if (!node.is_string()) return std::nullopt;
    texts.push_back(node.value_or(std::string()));
  }
  return texts;
}

// What is wrong with the value; empty when it is taken.
std::string ReadValue(const toml::node& node, Entry& entry) {
  if (node.is_table()) return "options are not in tables; write it as `key = value`, above any [section]";
  if (node.is_string()) {
    entry.values = {node.value_or(std::string())};
  } else if (node.is_integer()) {
    entry.kind = Kind::kNumber;
    entry.values = {absl::StrCat(node.value_or(int64_t{0}))};
  } else if (node.is_boolean()) {
    entry.kind = Kind::kSwitch;
    entry.values = {node.value_or(false) ? "true" : "false"};
  } else if (const toml::array* array = node.as_array()) {
    entry.kind = Kind::kList;
    const auto texts = TextsOf(*array);
    if (!texts) return "the array holds something other than texts; write each in quotes";
    entry.values = *texts;
  } else {
    return "the value is neither a text, a whole number, true, false nor an array of texts";
  }
  return "";
}

bool Before(const toml::source_position& a, const toml::source_position& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

void ReadTable(const std::string& path, const toml::table& table, TomlFile& file) {
  std::vector<std::pair<const toml::key*, const toml::node*>> in_order;
  for (auto&& [key, node] : table) in_order.emplace_back(&key, &node);
  std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
    return Before(a.first->source().begin, b.first->source().begin);
  });
  for (const auto& [key, node] : in_order) {
    Entry entry{.key = std::string(key->str()),
                .key_place = At(path, key->source().begin),
                .value_place = At(path, node->source().begin)};
    const std::string wrong = ReadValue(*node, entry);
    if (wrong.empty()) {
      file.entries.push_back(std::move(entry));
    } else {
      file.problems.push_back({entry.key_place, absl::StrCat(entry.key, ": ", wrong)});
    }
  }
}

}  // namespace

TomlFile ReadTomlFile(const std::string& path) {
  TomlFile file;
  const Place whole{Origin::kFile, path};
  if (const std::string distrust = Distrust(path); !distrust.empty()) {
    file.problems.push_back({whole, distrust});
    return file;
  }
  if (path == "/dev/null") return file;  // no configuration file
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kMostBytes);
  if (!text.ok()) {
    file.problems.push_back({whole, std::string(text.status().message())});
    return file;
  }
  try {
    ReadTable(path, toml::parse(*text), file);
  } catch (const toml::parse_error& error) {
    file.problems.push_back({At(path, error.source().begin), std::string(error.description())});
  }
  return file;
}

std::vector<std::string> ConfigurationFiles(const std::string& path, Problems& problems) {
  std::vector<std::string> files = {path};
  absl::string_view stem = path;
  if (!absl::ConsumeSuffix(&stem, ".toml")) return files;
  const std::string folder = absl::StrCat(stem, ".conf.d");
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return files;
  std::vector<std::string> more;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".toml") more.push_back(it->path().string());
  }
  if (error)
    problems.push_back({{Origin::kFile, folder}, absl::StrCat("cannot be read: ", error.message())});
  std::sort(more.begin(), more.end());
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

}  // namespace croft::config
