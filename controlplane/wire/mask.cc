#include "controlplane/wire/mask.h"

#include <set>

#include <absl/strings/str_cat.h>

#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

constexpr int kMostPaths = 100;
constexpr char kField[] = "update_mask";

}  // namespace

void MaskReader::Read(const google::protobuf::FieldMask& mask, Violations& violations) const {
  if (mask.paths().empty()) {
    for (const auto& [path, whole] : fields_) {
      if (whole.is_set) whole.take();
    }
    return;
  }
  if (mask.paths_size() > kMostPaths) {
    violations.Add(kField, absl::StrCat("must be at most ", kMostPaths, " paths"));
    return;
  }
  const std::set<std::string> paths(mask.paths().begin(), mask.paths().end());
  for (const std::string& path : paths) {
    const size_t dot = path.find('.');
    const auto keyed = keys_.find(path.substr(0, dot));
    if (const auto whole = fields_.find(path); whole != fields_.end()) {
      whole->second.take();
    } else if (const auto fixed = fixed_.find(path); fixed != fixed_.end()) {
      violations.Add(kField, absl::StrCat(path, ": ", fixed->second));
    } else if (dot == std::string::npos || keyed == keys_.end()) {
      violations.Add(kField, "names a field that is not there or cannot be changed");
    } else if (!IsLabelKey(path.substr(dot + 1))) {
      violations.Add(kField, absl::StrCat(keyed->first,
                                          ".KEY: a key must be 1 to 63 characters A-Z, a-z, 0-9, ., "
                                          "_ and -"));
    } else if (paths.count(keyed->first) > 0) {
      violations.Add(kField,
                     absl::StrCat("names ", keyed->first, " and one of its keys; name one or the other"));
    } else {
      keyed->second(path.substr(dot + 1));
    }
  }
}

}  // namespace croft::wire
