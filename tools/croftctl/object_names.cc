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

// What follows the uid in a name, after an underscore. A rotation goes from one login of a pair to the other.
constexpr absl::string_view kAppLogin = "a";
constexpr absl::string_view kOtherAppLogin = "b";
constexpr absl::string_view kReaderLogin = "ra";
constexpr absl::string_view kOtherReaderLogin = "rb";
constexpr absl::string_view kReaderRole = "r";
constexpr char kGeneration = 'g';  // followed by its number
constexpr absl::string_view kSealed = "f";

// `suffix` is what follows the uid, split at its underscores.
std::string DescribeSuffix(const std::vector<absl::string_view>& suffix) {
  if (suffix.empty()) return "the role that owns its objects";
  if (suffix[0] == kAppLogin || suffix[0] == kOtherAppLogin) return "a login of its application";
  if (suffix[0] == kReaderRole) return "the role that reads its objects";
  if (suffix[0] == kReaderLogin || suffix[0] == kOtherReaderLogin) return "a login that only reads";
  if (suffix[0].size() > 1 && suffix[0][0] == kGeneration) {
    const bool sealed = suffix.size() > 1 && suffix[1] == kSealed;
    return absl::StrCat("its database, generation ", suffix[0].substr(1), sealed ? ", sealed" : "");
  }
  return absl::StrCat("a short-lived role of Croft's (", absl::StrJoin(suffix, "_"), ")");
}

}  // namespace

absl::StatusOr<ObjectName> ParseObjectName(absl::string_view name) {
  if (IsUid(name)) return ObjectName{.uid = std::string(name)};
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '_');
  if (parts.front() == "t") {
    // Search from the right: the slug (before the uid) may itself look like a uid.
    for (size_t i = parts.size() - 1; i >= 2; --i) {
      if (!IsUid(parts[i])) continue;
      return ObjectName{std::string(parts[i]),
                        DescribeSuffix({parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, parts.end()})};
    }
  }
  return UsageError(
      absl::StrCat("'", name, "' is not a name that Croft gives: t_<tenant>_<uid> and what follows"));
}

}  // namespace croft::ctl
