// Reads update masks: nested paths, `*`, and the empty mask.

#include "controlplane/wire/mask.h"

#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr int kMostPaths = 100;
constexpr size_t kLongestQuoted = 80;
constexpr char kField[] = "update_mask";
constexpr char kEverything[] = "*";

std::string Quoted(const std::string& path) {
  const bool cut = path.size() > kLongestQuoted;
  return absl::StrCat("\"", path.substr(0, kLongestQuoted), cut ? "…" : "", "\"");
}

}  // namespace

std::string MaskReader::Choices(absl::string_view path) const {
  const size_t dot = path.find('.');
  if (dot != absl::string_view::npos) {
    const std::string whole(path.substr(0, dot + 1));
    std::vector<absl::string_view> names;
    for (auto part = parts_.lower_bound(whole);
         part != parts_.end() && absl::StartsWith(part->first, whole); ++part) {
      names.push_back(absl::string_view(part->first).substr(whole.size()));
    }
    if (!names.empty()) return absl::StrCat(whole, absl::StrJoin(names, "|"));
  }
  std::vector<std::string> choices = {kEverything};
  for (const auto& [name, whole] : fields_) choices.push_back(name);
  for (const auto& [name, take] : keys_) choices.push_back(absl::StrCat(name, ".KEY"));
  std::set<std::string> wholes;
  for (const auto& [name, take] : parts_) wholes.insert(name.substr(0, name.find('.')));
  for (const std::string& whole : wholes) choices.push_back(absl::StrCat(whole, ".PART"));
  return absl::StrJoin(choices, ", ");
}

void MaskReader::Read(const google::protobuf::FieldMask& mask, Violations& violations) const {
  if (mask.paths_size() > kMostPaths) {
    violations.Add(kField, absl::StrCat("must be at most ", kMostPaths, " paths"));
    return;
  }
  const std::set<std::string> paths(mask.paths().begin(), mask.paths().end());
  const bool everything = paths.count(kEverything) > 0;
  if (everything && paths.size() > 1) {
    violations.Add(kField, "names * and other fields; name one or the other");
    return;
  }
  if (paths.empty() || everything) {
    for (const auto& [path, whole] : fields_) {
      if (whole.is_set || everything) whole.take();
    }
    return;
  }
  for (const std::string& path : paths) ReadPath(path, paths, violations);
}

void MaskReader::ReadPath(const std::string& path, const std::set<std::string>& paths,
                          Violations& violations) const {
  const size_t dot = path.find('.');
  const std::string top = path.substr(0, dot);
  const auto part = parts_.find(path);
  const auto keyed = dot == std::string::npos ? keys_.end() : keys_.find(top);
  if (const auto whole = fields_.find(path); whole != fields_.end()) {
    whole->second.take();
  } else if (const auto fixed = fixed_.find(path); fixed != fixed_.end()) {
    violations.Add(kField, absl::StrCat("names ", path, ", which ", fixed->second));
  } else if (part == parts_.end() && keyed == keys_.end()) {
    violations.Add(kField,
                   absl::StrCat("names ", Quoted(path),
                                ", which is not there or cannot be changed; it may name ", Choices(path)));
  } else if (paths.count(top) > 0) {
    violations.Add(kField, absl::StrCat("names ", top, " and ", Quoted(path), "; name one or the other"));
  } else if (part != parts_.end()) {
    part->second();
  } else if (!IsLabelKey(path.substr(dot + 1))) {
    violations.Add(kField, absl::StrCat("names ", Quoted(path),
                                        "; a key must be 1 to 63 characters A-Z, a-z, 0-9, ., _ "
                                        "and -"));
  } else {
    keyed->second(path.substr(dot + 1));
  }
}

}  // namespace croft::wire
