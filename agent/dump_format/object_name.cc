// Names of the objects that entries of a dump are about, quoted for people.

#include "agent/dump_format/object_name.h"

#include <map>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

// Entries that are a part of what the other kind makes.
const std::map<std::string, std::string>& PartsOf() {
  static const std::map<std::string, std::string> parts = {
      {"TABLE DATA", "TABLE"},           {"TABLE ATTACH", "TABLE"},
      {"SEQUENCE SET", "SEQUENCE"},      {"INDEX ATTACH", "INDEX"},
      {"SEQUENCE OWNED BY", "SEQUENCE"}, {"MATERIALIZED VIEW DATA", "MATERIALIZED VIEW"},
      {"BLOB", "LARGE OBJECT"},          {"BLOB METADATA", "LARGE OBJECTS"}};
  return parts;
}

bool IsOfTable(const std::string& kind) {
  return kind == "CONSTRAINT" || kind == "CHECK CONSTRAINT" || kind == "FK CONSTRAINT" ||
         kind == "TRIGGER" || kind == "RULE" || kind == "POLICY" || kind == "DEFAULT";
}

// The part of the first statement after `begin` and before one of `ends`, outside of parentheses.
std::string Between(const TocEntry& entry, absl::string_view begin,
                    const std::vector<absl::string_view>& ends) {
  const std::vector<Token> tokens = ScanSql(entry.definition);
  const char* from = nullptr;
  const char* to = nullptr;
  int depth = 0;
  for (const Token& token : tokens) {
    if (token.Is("(")) ++depth;
    if (token.Is(")")) --depth;
    if (from == nullptr) {
      if (token.Is(begin) && depth == 0) from = token.text.data() + token.text.size() + 1;
      continue;
    }
    if (token.Is(";")) break;
    for (const absl::string_view end : ends) {
      if (depth == 0 && token.Is(end)) return to == nullptr ? "" : std::string(from, to);
    }
    to = token.text.data() + token.text.size();
  }
  return "";
}

struct PartOfTable {
  QualifiedName table;
  std::string own_name;
};

// What a constraint, trigger, rule, policy or default says; its own name stands behind the table's in the tag.
std::optional<PartOfTable> ReadPart(const TocEntry& entry) {
  if (!IsOfTable(entry.kind)) return std::nullopt;
  const std::vector<Token> tokens = ScanSql(entry.definition);
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!tokens[i].Is("TABLE") && !tokens[i].Is("ONLY") && !tokens[i].Is("ON") && !tokens[i].Is("TO"))
      continue;
    size_t name = i + 1;
    if (name + 2 < tokens.size() && tokens[name + 1].Is(".")) name += 2;
    if (!IsName(tokens[name])) continue;
    absl::string_view own = entry.tag;
    const std::string table = NameOf(tokens[name]);
    if (!absl::ConsumePrefix(&own, absl::StrCat(table, " "))) continue;
    return PartOfTable{.table = {entry.schema, table}, .own_name = std::string(own)};
  }
  return std::nullopt;
}

std::string Plain(const TocEntry& entry, const std::string& kind) {
  if (absl::StartsWith(kind, "LARGE OBJECT")) return absl::StrCat(kind, " ", entry.tag);
  // A function's arguments stand behind its name.
  const size_t arguments = absl::EndsWith(entry.tag, ")") ? entry.tag.find('(') : std::string::npos;
  const bool has_arguments = kind == "FUNCTION" || kind == "PROCEDURE" || kind == "AGGREGATE";
  const std::string name = has_arguments ? entry.tag.substr(0, arguments) : entry.tag;
  const std::string rest =
      has_arguments && arguments != std::string::npos ? entry.tag.substr(arguments) : "";
  return absl::StrCat(kind, " ", Quoted({entry.schema, name}), rest);
}

}  // namespace

std::string ObjectName(const TocEntry& entry) {
  const auto prefixed = [&](absl::string_view prefix, const std::string& subject) {
    return absl::StrCat(prefix, subject.empty() ? entry.tag : subject);
  };
  if (entry.kind == "COMMENT") return prefixed("COMMENT ON ", Between(entry, "ON", {"IS"}));
  if (entry.kind == "SECURITY LABEL") return prefixed("SECURITY LABEL ON ", Between(entry, "ON", {"IS"}));
  if (entry.kind == "ACL") return prefixed("GRANTS ON ", Between(entry, "ON", {"TO", "FROM"}));
  if (entry.kind == "DEFAULT ACL") {
    return entry.schema.empty() ? entry.tag
                                : absl::StrCat(entry.tag, " IN SCHEMA ", QuoteName(entry.schema));
  }
  if (entry.kind == "BLOBS") return "LARGE OBJECTS";
  if (const std::optional<PartOfTable> of = ReadPart(entry))
    return absl::StrCat(entry.kind, " ", QuoteName(of->own_name), " ON ", Quoted(of->table));
  const auto part = PartsOf().find(entry.kind);
  return Plain(entry, part == PartsOf().end() ? entry.kind : part->second);
}

std::optional<QualifiedName> TableOfPart(const TocEntry& entry) {
  std::optional<PartOfTable> part = ReadPart(entry);
  if (!part) return std::nullopt;
  return std::move(part->table);
}

}  // namespace croft::agent
