// Reads facts out of SQL definitions as pg_dump writes them: names, roles, attachments, COPY.

#include "agent/dump_format/definition.h"

#include <algorithm>
#include <set>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

using Tokens = std::vector<Token>;

bool IsGrants(const TocEntry& entry) { return entry.kind == "ACL" || entry.kind == "DEFAULT ACL"; }

// In GRANT … TO role, REVOKE … FROM role, SET SESSION AUTHORIZATION role, FOR ROLE role, GRANTED BY role.
bool StandsBeforeRole(const Token& token) {
  return token.Is("TO") || token.Is("FROM") || token.Is("AUTHORIZATION") || token.Is("ROLE") ||
         token.Is("BY") || token.Is("GROUP");
}

std::vector<size_t> RolesOfGrants(const Tokens& tokens) {
  std::vector<size_t> found;
  bool in_list = false;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const bool next = StandsBeforeRole(tokens[i - 1]) || (in_list && tokens[i - 1].Is(","));
    if (next && IsName(tokens[i]) && !StandsBeforeRole(tokens[i])) {
      found.push_back(i);
      in_list = true;
    } else if (!tokens[i].Is(",")) {
      in_list = false;
    }
  }
  return found;
}

// Of CREATE POLICY … ON … TO role, role USING (…): what stands in parentheses is an expression.
std::vector<size_t> RolesOfPolicy(const Tokens& tokens) {
  std::vector<size_t> found;
  for (size_t i = 0; i < tokens.size() && !tokens[i].Is("("); ++i) {
    if (!tokens[i].Is("TO")) continue;
    for (size_t role = i + 1; role < tokens.size() && IsName(tokens[role]); role += 2) {
      found.push_back(role);
      if (role + 1 >= tokens.size() || !tokens[role + 1].Is(",")) break;
    }
    break;
  }
  return found;
}

// Of CREATE USER MAPPING FOR role SERVER ….
std::vector<size_t> RolesOfMapping(const Tokens& tokens) {
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].Is("FOR")) return {i + 1};
  }
  return {};
}

std::vector<size_t> RolesOf(const TocEntry& entry, const Tokens& tokens) {
  std::vector<size_t> found;
  if (IsGrants(entry)) found = RolesOfGrants(tokens);
  if (entry.kind == "POLICY") found = RolesOfPolicy(tokens);
  if (entry.kind == "USER MAPPING") found = RolesOfMapping(tokens);
  // PostgreSQL knows no role of this name, in quotes or not.
  found.erase(std::remove_if(found.begin(), found.end(),
                             [&](size_t i) {
                               const std::string name = NameOf(tokens[i]);
                               return name == "public" ||
                                      (tokens[i].type == TokenType::kWord && name == "default");
                             }),
              found.end());
  return found;
}

// The comments around and between statements are pg_dump's own.
Tokens WithoutComments(absl::string_view sql) {
  Tokens tokens = ScanSql(sql);
  tokens.erase(std::remove_if(tokens.begin(), tokens.end(),
                              [](const Token& token) { return token.type == TokenType::kComment; }),
               tokens.end());
  return tokens;
}

// `schema.name` or `name` at `at`, which is moved behind it.
std::optional<QualifiedName> TakeName(const Tokens& tokens, size_t& at) {
  if (at >= tokens.size() || !IsName(tokens[at])) return std::nullopt;
  QualifiedName name{.name = NameOf(tokens[at++])};
  if (at + 1 < tokens.size() && tokens[at].Is(".") && IsName(tokens[at + 1])) {
    name = {std::move(name.name), NameOf(tokens[at + 1])};
    at += 2;
  }
  return name;
}

// Whether `words` stand at `at`, which is moved behind them then.
bool TakeWords(const Tokens& tokens, size_t& at, std::initializer_list<absl::string_view> words) {
  size_t next = at;
  for (const absl::string_view word : words) {
    if (next >= tokens.size() || !tokens[next].Is(word)) return false;
    ++next;
  }
  at = next;
  return true;
}

// `"btree" ("a", "b" DESC)` at `at`, which is moved behind it then. An expression, or an option of an operator class, has
// parentheses of its own.
bool TakeColumns(const Tokens& tokens, size_t& at) {
  if (at >= tokens.size() || !IsName(tokens[at])) return false;
  size_t next = at + 1;
  if (!TakeWords(tokens, next, {"("})) return false;
  while (next < tokens.size() && (IsName(tokens[next]) || tokens[next].Is(",") || tokens[next].Is(".")))
    ++next;
  if (!TakeWords(tokens, next, {")"})) return false;
  at = next;
  return true;
}

// CREATE [UNIQUE] INDEX name ON [ONLY] table USING method (columns
bool TakeIndexOfColumns(const Tokens& tokens, size_t& at) {
  if (!TakeWords(tokens, at, {"CREATE"})) return false;
  (void)TakeWords(tokens, at, {"UNIQUE"});
  if (!TakeWords(tokens, at, {"INDEX"}) || !TakeName(tokens, at) || !TakeWords(tokens, at, {"ON"}))
    return false;
  (void)TakeWords(tokens, at, {"ONLY"});
  return TakeName(tokens, at) && TakeWords(tokens, at, {"USING"}) && TakeColumns(tokens, at);
}

// ALTER TABLE [ONLY] table ADD CONSTRAINT name PRIMARY KEY
bool TakeKey(const Tokens& tokens, size_t& at) {
  if (!TakeWords(tokens, at, {"ALTER", "TABLE"})) return false;
  (void)TakeWords(tokens, at, {"ONLY"});
  if (!TakeName(tokens, at) || !TakeWords(tokens, at, {"ADD", "CONSTRAINT"}) || !TakeName(tokens, at))
    return false;
  return TakeWords(tokens, at, {"PRIMARY", "KEY"}) || TakeWords(tokens, at, {"UNIQUE"});
}

}  // namespace

std::vector<std::string> RolesNamed(const TocEntry& entry) {
  const Tokens tokens = WithoutComments(entry.definition);
  std::set<std::string> names;
  for (const size_t i : RolesOf(entry, tokens)) names.insert(NameOf(tokens[i]));
  return {names.begin(), names.end()};
}

std::string DefinitionWithRoles(const TocEntry& entry, const RoleNames& names) {
  const absl::string_view text = entry.definition;
  const Tokens tokens = WithoutComments(text);
  std::string result;
  size_t copied = 0;
  for (const size_t i : RolesOf(entry, tokens)) {
    const auto renamed = names.find(NameOf(tokens[i]));
    if (renamed == names.end()) continue;
    const size_t begin = static_cast<size_t>(tokens[i].text.data() - text.data());
    absl::StrAppend(&result, text.substr(copied, begin - copied), QuoteName(renamed->second));
    copied = begin + tokens[i].text.size();
  }
  absl::StrAppend(&result, text.substr(copied));
  return result;
}

TocEntry WithRoles(TocEntry entry, const RoleNames& names) {
  entry.definition = DefinitionWithRoles(entry, names);
  if (const auto renamed = names.find(entry.owner); renamed != names.end()) entry.owner = renamed->second;
  return entry;
}

std::vector<std::string> SplitStatements(absl::string_view definition) {
  std::vector<std::string> statements;
  const char* begin = nullptr;
  const char* end = nullptr;
  const auto finish = [&] {
    if (begin != nullptr) statements.emplace_back(begin, end);
    begin = nullptr;
  };
  for (const Token& token : ScanSql(definition)) {
    if (token.Is(";")) {
      finish();
    } else if (begin != nullptr || token.type != TokenType::kComment) {
      if (begin == nullptr) begin = token.text.data();
      end = token.text.data() + token.text.size();
    }
  }
  finish();
  return statements;
}

std::string Quoted(const QualifiedName& name) {
  return name.schema.empty() ? QuoteName(name.name)
                             : absl::StrCat(QuoteName(name.schema), ".", QuoteName(name.name));
}

std::vector<Attachment> Attachments(absl::string_view definition) {
  std::vector<Attachment> found;
  if (!absl::StrContains(definition, "ATTACH PARTITION")) return found;
  const Tokens tokens = WithoutComments(definition);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !tokens[i - 1].Is(";")) continue;
    size_t at = i;
    if (!TakeWords(tokens, at, {"ALTER", "TABLE"})) continue;
    (void)TakeWords(tokens, at, {"ONLY"});
    const auto parent = TakeName(tokens, at);
    if (!parent || !TakeWords(tokens, at, {"ATTACH", "PARTITION"})) continue;
    if (const auto child = TakeName(tokens, at)) found.push_back({*parent, *child});
  }
  return found;
}

bool IsHashPartitioned(absl::string_view definition) {
  if (!absl::StrContains(definition, "PARTITION BY HASH")) return false;
  const Tokens tokens = WithoutComments(definition);
  int depth = 0;
  for (size_t i = 0; i < tokens.size() && !tokens[i].Is(";"); ++i) {
    if (tokens[i].Is("(")) ++depth;
    if (tokens[i].Is(")")) --depth;
    size_t at = i;
    if (depth == 0 && TakeWords(tokens, at, {"PARTITION", "BY", "HASH"})) return true;
  }
  return false;
}

std::optional<CopyTarget> ParseCopy(absl::string_view copy_statement) {
  const Tokens tokens = WithoutComments(copy_statement);
  size_t at = 0;
  if (!TakeWords(tokens, at, {"COPY"})) return std::nullopt;
  const auto table = TakeName(tokens, at);
  if (!table) return std::nullopt;
  CopyTarget target{.table = *table};
  if (TakeWords(tokens, at, {"("})) {
    do {
      if (at >= tokens.size() || !IsName(tokens[at])) return std::nullopt;
      target.columns.push_back(NameOf(tokens[at++]));
    } while (TakeWords(tokens, at, {","}));
    if (!TakeWords(tokens, at, {")"})) return std::nullopt;
  }
  if (!TakeWords(tokens, at, {"FROM", "stdin"})) return std::nullopt;
  return target;
}

std::string FrozenCopy(absl::string_view copy_statement) {
  const Tokens tokens = WithoutComments(copy_statement);
  const size_t count = tokens.size();
  const bool plain =
      ParseCopy(copy_statement) && count >= 2 && tokens[count - 2].Is("stdin") && tokens[count - 1].Is(";");
  if (!plain) return "";
  const size_t end = static_cast<size_t>(tokens[count - 1].text.data() - copy_statement.data());
  return absl::StrCat(copy_statement.substr(0, end), " WITH (FREEZE);");
}

bool IsOfColumnsAlone(const TocEntry& entry) {
  const Tokens tokens = WithoutComments(entry.definition);
  size_t at = 0;
  const bool known = entry.kind == "INDEX" ? TakeIndexOfColumns(tokens, at)
                                           : entry.kind == "CONSTRAINT" && TakeKey(tokens, at);
  if (!known || !tokens.back().Is(";")) return false;
  return std::none_of(tokens.begin() + static_cast<ptrdiff_t>(at), tokens.end() - 1,
                      [](const Token& token) { return token.Is(";") || token.Is("WHERE"); });
}

}  // namespace croft::agent
