// Splits and compares the grants of a dump, those of many large objects included.

#include "agent/dump_format/grants.h"

#include <algorithm>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

constexpr absl::string_view kSetRole = "SET SESSION AUTHORIZATION ";
constexpr absl::string_view kResetRole = "RESET SESSION AUTHORIZATION";

constexpr absl::string_view kLargeObjects = "LARGE OBJECT";

// With one space between two tokens, and another number for a large object where `oid` is not 0.
std::string Canonical(absl::string_view statement, uint32_t oid) {
  std::string text;
  bool after_object = false;
  for (const Token& token : ScanSql(statement)) {
    absl::StrAppend(&text, text.empty() ? "" : " ");
    if (after_object && token.type == TokenType::kNumber && oid != 0) {
      absl::StrAppend(&text, oid);
    } else {
      absl::StrAppend(&text, token.text);
    }
    after_object = token.Is("OBJECT");
  }
  return text;
}

bool NamesOneOf(const TocEntry& statement, const std::set<std::string>& roles) {
  const std::vector<std::string> named = RolesNamed(statement);
  return std::any_of(named.begin(), named.end(),
                     [&](const std::string& role) { return roles.count(role) > 0; });
}

// Those of `left_out` have no part in it.
void AddStatements(const TocEntry& entry, const RoleNames& roles, const std::set<std::string>& left_out,
                   uint32_t oid, std::set<std::string>& statements) {
  std::string grantor;
  for (std::string& split : SplitStatements(entry.definition)) {
    const TocEntry statement{.kind = entry.kind, .definition = std::move(split)};
    std::string text = Canonical(DefinitionWithRoles(statement, roles), oid);
    if (absl::StartsWith(text, kSetRole)) {
      grantor = text.substr(kSetRole.size());
    } else if (absl::StartsWith(text, kResetRole)) {
      grantor.clear();
    } else if (!NamesOneOf(statement, left_out)) {
      statements.insert(grantor.empty() ? std::move(text) : absl::StrCat(text, " GRANTED BY ", grantor));
    }
  }
}

bool IsLargeObjects(const TocEntry& entry) { return entry.kind == "BLOB" || entry.kind == "BLOB METADATA"; }

}  // namespace

std::vector<uint32_t> LargeObjectsOf(const TocEntry& entry) {
  if (!IsLargeObjects(entry)) return {};
  const std::string& list = entry.kind == "BLOB" ? entry.tag : entry.definition;
  std::vector<uint32_t> oids;
  for (const absl::string_view text : absl::StrSplit(list, '\n', absl::SkipEmpty())) {
    uint32_t oid = 0;
    if (absl::SimpleAtoi(text, &oid)) oids.push_back(oid);
  }
  return oids;
}

std::vector<std::string> GrantStatements(const TocEntry& entry, const std::vector<uint32_t>& objects) {
  std::vector<std::string> statements = SplitStatements(entry.definition);
  if (objects.size() < 2 || !absl::StartsWith(entry.tag, kLargeObjects)) return statements;
  std::vector<std::string> of_each;
  for (const uint32_t oid : objects) {
    for (const std::string& statement : statements) of_each.push_back(Canonical(statement, oid));
  }
  return of_each;
}

std::map<GrantSubject, Grants> GrantsOf(const DumpDigest& dump, const RoleNames& roles,
                                        const LeftOutGrants& left_out) {
  std::map<int32_t, std::vector<uint32_t>> objects;
  for (const TocEntry& entry : dump.entries) {
    if (IsLargeObjects(entry)) objects[entry.dump_id] = LargeObjectsOf(entry);
  }
  static const std::set<std::string> kNobody;
  std::map<GrantSubject, Grants> found;
  const auto add = [&](const TocEntry& entry, const std::string& tag, const std::string& object,
                       uint32_t oid) {
    Grants& grants = found[{entry.kind, entry.schema, tag}];
    grants.object = object;
    grants.entries.insert(entry.dump_id);
    const auto without = left_out.find(entry.dump_id);
    AddStatements(entry, roles, without == left_out.end() ? kNobody : without->second, oid,
                  grants.statements);
  };
  for (const TocEntry& entry : dump.entries) {
    if (entry.kind != "ACL" && entry.kind != "DEFAULT ACL") continue;
    const auto of = entry.dependencies.empty() ? objects.end() : objects.find(entry.dependencies.front());
    if (of == objects.end() || !absl::StartsWith(entry.tag, kLargeObjects)) {
      add(entry, entry.tag, ObjectName(entry), 0);
      continue;
    }
    for (const uint32_t oid : of->second) {
      const std::string tag = absl::StrCat("LARGE OBJECT ", oid);
      add(entry, tag, absl::StrCat("GRANTS ON ", tag), oid);
    }
  }
  return found;
}

std::map<uint32_t, std::string> LargeObjectOwners(const DumpDigest& dump, const RoleNames& roles) {
  std::map<uint32_t, std::string> owners;
  for (const TocEntry& entry : dump.entries) {
    if (!IsLargeObjects(entry)) continue;
    const auto renamed = roles.find(entry.owner);
    for (const uint32_t oid : LargeObjectsOf(entry))
      owners[oid] = renamed == roles.end() ? entry.owner : renamed->second;
  }
  return owners;
}

}  // namespace croft::agent
