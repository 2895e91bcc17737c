// Reads update masks: nested paths, `*`, and the empty mask.

#include "controlplane/wire/mask.h"

#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr int kMostPaths = 100;
constexpr size_t kLongestQuoted = 40;
constexpr char kField[] = "update_mask";
constexpr char kEverything[] = "*";

std::string Quoted(const std::string& path) {
  const bool cut = path.size() > kLongestQuoted;
  return absl::StrCat("\"", path.substr(0, kLongestQuoted), cut ? "…" : "", "\"");
}

}  // namespace

std::string MaskReader::Choices() const {
  std::vector<std::string> choices = {kEverything};
  for (const auto& [path, whole] : fields_) choices.push_back(path);
  for (const auto& [path, take] : keys_) choices.push_back(absl::StrCat(path, ".KEY"));
  // Parts of one field together, such as quota.connections|statement_timeout.
  std::string last;
  for (const auto& [path, take] : parts_) {
    const size_t dot = path.rfind('.');
    const std::string whole = path.substr(0, dot);
    if (whole == last) {
      absl::StrAppend(&choices.back(), "|", path.substr(dot + 1));
    } else {
      choices.push_back(path);
    }
    last = whole;
  }
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
                                ", which is not there or cannot be changed; it may name ", Choices()));
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
