#include "agent/backup/archive_list.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

namespace croft::agent {
namespace {

// The list shows names with their line breaks as spaces.
std::string Listed(absl::string_view name) { return absl::StrReplaceAll(name, {{"\n", " "}, {"\r", " "}}); }

// `3445; 1262 5 TABLE public t owner` without the three numbers; empty for a comment.
absl::string_view EntryOf(absl::string_view line) {
  size_t spaces = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[0] == ';') break;
    if (line[i] == ' ' && ++spaces == 3) return line.substr(i + 1);
  }
  return {};
}

bool IsGrant(absl::string_view entry) {
  return absl::StartsWith(entry, "ACL ") || absl::StartsWith(entry, "DEFAULT ACL ");
}

// Default privileges are restored as their owner, and the tenant's login restores as the owner role alone.
bool IsOthersDefault(absl::string_view entry, const Manifest& manifest) {
  return absl::StartsWith(entry, "DEFAULT ACL ") &&
         !absl::EndsWith(absl::StripTrailingAsciiWhitespace(entry), absl::StrCat(" ", manifest.owner_role));
}

bool IsAllTablesPublication(absl::string_view entry, const Manifest& manifest) {
  return std::any_of(manifest.all_tables_publications.begin(), manifest.all_tables_publications.end(),
                     [&](const std::string& name) {
                       return absl::StartsWith(entry, absl::StrCat("PUBLICATION - ", Listed(name), " ")) ||
                              absl::StartsWith(entry,
                                               absl::StrCat("COMMENT - PUBLICATION ", Listed(name), " "));
                     });
}

bool IsForeignPolicy(absl::string_view entry, const Manifest& manifest) {
  return std::any_of(
      manifest.foreign_policies.begin(), manifest.foreign_policies.end(), [&](const PolicyName& policy) {
        const std::string name =
            absl::StrCat(Listed(policy.schema), " ", Listed(policy.table), " ", Listed(policy.policy));
        return absl::StartsWith(entry, absl::StrCat("POLICY ", name, " "));
      });
}

bool IsLeftOut(absl::string_view entry, const Manifest& manifest) {
  return absl::StartsWith(entry, "EVENT TRIGGER ") || absl::StartsWith(entry, "COMMENT - EVENT TRIGGER ") ||
         IsOthersDefault(entry, manifest) || IsAllTablesPublication(entry, manifest) ||
         IsForeignPolicy(entry, manifest);
}

}  // namespace

RestoreLists PartList(absl::string_view list, const Manifest& manifest) {
  RestoreLists lists;
  for (const absl::string_view line : absl::StrSplit(list, '\n')) {
    const absl::string_view entry = EntryOf(line);
    if (entry.empty() || IsLeftOut(entry, manifest)) continue;
    if (IsGrant(entry)) {
      absl::StrAppend(&lists.grants, line, "\n");
      ++lists.grant_count;
    } else {
      absl::StrAppend(&lists.contents, line, "\n");
    }
  }
  return lists;
}

}  // namespace croft::agent
