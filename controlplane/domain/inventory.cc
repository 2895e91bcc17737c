// Reads whose an object on a server is out of its name.

#include "controlplane/domain/inventory.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

namespace croft::domain {
namespace {

constexpr absl::string_view kSeal = "_f";
constexpr absl::string_view kScratch = "v_";
constexpr size_t kUidLength = 16;

bool IsUid(absl::string_view part) {
  return part.size() == kUidLength && std::all_of(part.begin(), part.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
         });
}

}  // namespace

std::string UidInName(absl::string_view name) {
  const bool scratch = IsScratch(name);
  if (!scratch && !absl::StartsWith(name, "t_")) return "";
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '_');
  if (scratch) return IsUid(parts[1]) ? std::string(parts[1]) : "";
  // The last one: a tenant's id may look like a uid, what follows the uid does not.
  const auto found = std::find_if(parts.rbegin(), parts.rend(), IsUid);
  return found == parts.rend() ? "" : std::string(*found);
}

std::string WithoutSeal(absl::string_view database) {
  if (absl::EndsWith(database, kSeal)) database.remove_suffix(kSeal.size());
  return std::string(database);
}

std::string WithSeal(absl::string_view database) { return absl::StrCat(database, kSeal); }

bool IsScratch(absl::string_view database) { return absl::StartsWith(database, kScratch); }

}  // namespace croft::domain
