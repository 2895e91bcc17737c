// Reads a tenant's uid out of the name of a database or role.

#include "tools/croftctl/object_names.h"

#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

bool IsUid(absl::string_view text) {
  return text.size() == 16 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == absl::string_view::npos;
}

// `suffix` is what follows the uid, split at its underscores.
std::string Explain(const std::vector<absl::string_view>& suffix) {
  if (suffix.empty()) return "the role that owns its objects";
  if (suffix[0] == "a" || suffix[0] == "b") return "a login of its application";
  if (suffix[0] == "r") return "the role that reads its objects";
  if (suffix[0] == "ra" || suffix[0] == "rb") return "a login that only reads";
  if (suffix[0].size() > 1 && suffix[0][0] == 'g') {
    const bool sealed = suffix.size() > 1 && suffix[1] == "f";
    return absl::StrCat("its database, generation ", suffix[0].substr(1), sealed ? ", sealed" : "");
  }
  return absl::StrCat("a short-lived role of Croft's (", absl::StrJoin(suffix, "_"), ")");
}

}  // namespace

absl::StatusOr<ObjectName> ParseObjectName(absl::string_view name) {
  if (IsUid(name)) return ObjectName{.uid = std::string(name)};
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '_');
  // The last that looks like one: a slug may, too, and comes before it.
  for (size_t i = parts.size(); parts.front() == "t" && i-- > 2;) {
    if (!IsUid(parts[i])) continue;
    return ObjectName{std::string(parts[i]),
                      Explain({parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, parts.end()})};
  }
  return UsageError(
      absl::StrCat("'", name, "' is not a name that Croft gives: t_<tenant>_<uid> and what follows"));
}

}  // namespace croft::ctl
