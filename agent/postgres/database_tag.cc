// Writes and parses the comment that says whose a database is.

#include "agent/postgres/database_tag.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

namespace croft::agent {
namespace {

constexpr absl::string_view kUid = "croft uid=";
constexpr absl::string_view kGeneration = " generation=";
constexpr absl::string_view kSealedSuffix = "_f";

}  // namespace

std::string FormatDatabaseTag(const DatabaseTag& tag) {
  return absl::StrCat(kUid, tag.uid, kGeneration, tag.generation);
}

std::optional<DatabaseTag> ParseDatabaseTag(absl::string_view comment) {
  absl::string_view rest = comment;
  if (!absl::ConsumePrefix(&rest, kUid)) return std::nullopt;
  const size_t end = rest.find(kGeneration);
  if (end == absl::string_view::npos) return std::nullopt;
  DatabaseTag tag{.uid = std::string(rest.substr(0, end))};
  if (tag.uid.empty() || !absl::SimpleAtoi(rest.substr(end + kGeneration.size()), &tag.generation)) {
    return std::nullopt;
  }
  if (FormatDatabaseTag(tag) != comment) return std::nullopt;
  return tag;
}

std::string SealedName(absl::string_view database) { return absl::StrCat(database, kSealedSuffix); }

}  // namespace croft::agent
