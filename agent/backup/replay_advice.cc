// Explains why an entry failed to restore and what the tenant can do about it.

#include "agent/backup/replay_advice.h"

#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "agent/backup/replay_plan.h"
#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"
#include "agent/postgres/sql_error.h"

namespace croft::agent {
namespace {

// The names of functions that a message's CONTEXT speaks of: `PL/pgSQL function public.slug(text) line 1`, `SQL
// function "plain" during inlining`. Bare, without schema and arguments.
std::vector<std::string> FunctionsIn(absl::string_view message) {
  constexpr absl::string_view kBefore = "function ";
  std::vector<std::string> names;
  for (absl::string_view line : absl::StrSplit(message, '\n')) {
    const size_t at = line.find(kBefore);
    if (at == absl::string_view::npos) continue;
    line.remove_prefix(at + kBefore.size());
    std::string name;
    if (absl::ConsumePrefix(&line, "\"")) {
      name = std::string(line.substr(0, line.find('"')));
    } else {
      name = std::string(line.substr(0, line.find_first_of("( ")));
      if (const size_t dot = name.rfind('.'); dot != std::string::npos) name.erase(0, dot + 1);
    }
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

// The function of the dump that the message blames first: the outermost is the one that an object calls.
const TocEntry* BlamedFunction(const Toc& toc, absl::string_view message) {
  const std::vector<std::string> names = FunctionsIn(message);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    for (const TocEntry& entry : toc.entries) {
      const bool function = entry.kind == "FUNCTION" || entry.kind == "PROCEDURE";
      if (function && absl::StartsWith(entry.tag, absl::StrCat(*name, "("))) return &entry;
    }
  }
  return nullptr;
}

// The generated column of `table` that calls the function. pg_dump writes a column a line.
std::string ColumnThatCalls(const Toc& toc, const TocEntry& data, const TocEntry& function) {
  const std::string call = absl::StrCat(QuoteName(function.tag.substr(0, function.tag.find('('))), "(");
  for (const TocEntry& table : toc.entries) {
    if (table.kind != "TABLE" || table.tag != data.tag || table.schema != data.schema) continue;
    for (absl::string_view line : absl::StrSplit(table.definition, '\n')) {
      line = absl::StripLeadingAsciiWhitespace(line);
      if (!absl::StrContains(line, "GENERATED ALWAYS AS (") || !absl::StrContains(line, call)) continue;
      if (!absl::ConsumePrefix(&line, "\"")) continue;
      return std::string(line.substr(0, line.find('"')));
    }
  }
  return "";
}

std::string FixOf(const TocEntry& function) {
  return absl::StrCat("ALTER ", ObjectName(function), " SET search_path = \"$user\", public;");
}

bool IsRows(const TocEntry& entry) { return entry.kind == "TABLE DATA"; }

// What a failure that may be the search path's calls for.
std::string PathRemedy(const Toc& toc, absl::string_view message) {
  const TocEntry* function = BlamedFunction(toc, message);
  return function == nullptr ? "" : FixOf(*function);
}

}  // namespace

Finding HealedByOrder(const TocEntry& entry, const absl::Status& before) {
  return {
      .severity = Severity::kNote,
      .reason = "RESTORED_OUT_OF_ORDER",
      .object = ObjectName(entry),
      .owner = entry.owner,
      .message = "It restores only after objects and rows that nothing says it depends on.",
      .postgres_message = PostgresMessageOf(before),
      .remedy = "use a trigger or a foreign key instead of a CHECK or a function that reads other tables"};
}

Finding HealedByPath(const Toc& toc, const TocEntry& entry, const absl::Status& before) {
  const std::string said = PostgresMessageOf(before);
  Finding finding{.severity = Severity::kNote,
                  .reason = "SEARCH_PATH_NEEDED",
                  .object = ObjectName(entry),
                  .owner = entry.owner,
                  .message = "It restores only with the tenant's own search path.",
                  .postgres_message = said,
                  .remedy = "write the schemas of what it uses into its definition"};
  const TocEntry* function = BlamedFunction(toc, said);
  if (function == nullptr) return finding;
  const std::string column = IsRows(entry) ? ColumnThatCalls(toc, entry, *function) : "";
  finding.message = absl::StrCat(
      "It restores only with the tenant's own search path, on which ", ObjectName(*function), " relies",
      column.empty() ? "" : absl::StrCat(" for the column ", QuoteName(column)), ".");
  finding.remedy = FixOf(*function);
  return finding;
}

Finding MissingEntry(const Toc& toc, const TocEntry& entry, const absl::Status& why) {
  const std::string said = PostgresMessageOf(why);
  Finding finding{
      .severity = Severity::kMissing,
      .reason = IsRows(entry) || entry.kind == "BLOBS" ? "ROWS_NOT_RESTORED" : "OBJECT_NOT_RESTORED",
      .object = ObjectName(entry),
      .owner = entry.owner,
      .message = IsRows(entry) ? "Its rows do not restore." : "It does not restore.",
      .postgres_message = said,
      .remedy = PathRemedy(toc, said)};
  if (finding.remedy.empty()) {
    finding.remedy = "mend it in the tenant's database, or drop it there, then back up again";
  }
  return finding;
}

Finding LeftOutGrant(const TocEntry& entry, absl::string_view grantee, absl::string_view statement) {
  return {.severity = Severity::kNote,
          .reason = "GRANT_LEFT_OUT",
          .object = ObjectName(entry),
          .owner = entry.owner,
          .message = absl::StrCat("A grant to ", QuoteName(grantee),
                                  " is not restored: the role is not the tenant's, or is not there."),
          .remedy = absl::StrCat(statement, ";")};
}

Finding LeftOutPolicy(const TocEntry& entry, absl::string_view role) {
  return {.severity = Severity::kNote,
          .reason = "POLICY_LEFT_OUT",
          .object = ObjectName(entry),
          .owner = entry.owner,
          .message = absl::StrCat("A policy for ", QuoteName(role),
                                  " is not restored: the role is not the tenant's, or is not there."),
          .remedy = std::string(absl::StripAsciiWhitespace(entry.definition))};
}

}  // namespace croft::agent
