// Compares definitions of which PostgreSQL rewrote one during a restore.

#include "agent/dump_format/normal_form.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

using Tokens = std::vector<Token>;

template <size_t N>
bool IsOneOf(const Token& token, const std::array<absl::string_view, N>& words) {
  return token.type == TokenType::kWord &&
         std::any_of(words.begin(), words.end(),
                     [&](absl::string_view word) { return absl::EqualsIgnoreCase(token.text, word); });
}

constexpr std::array<absl::string_view, 6> kIntervalFields = {"year", "month",  "day",
                                                              "hour", "minute", "second"};
// Before these a parenthesis groups; before any other word or name it may hold arguments.
constexpr std::array<absl::string_view, 14> kBeforeGroups = {"AND",   "OR",     "NOT",  "WHEN",   "THEN",
                                                             "ELSE",  "CASE",   "LIKE", "ILIKE",  "BETWEEN",
                                                             "WHERE", "SELECT", "IS",   "DEFAULT"};
constexpr std::array<absl::string_view, 4> kBeginsQuery = {"SELECT", "WITH", "VALUES", "TABLE"};

// Steps over the type's name that follows a `::`, as format_type() writes it.
class TypeReader {
 public:
  TypeReader(const Tokens& tokens, size_t at) : tokens_(tokens), at_(at) {}

  // Where the type ends; where it began when there is none.
  size_t End() {
    const size_t begin = at_;
    if (!IsHere() || !IsName(tokens_[at_])) return begin;
    const Token first = tokens_[at_++];
    while (Take(".")) {
      if (IsHere() && IsName(tokens_[at_])) ++at_;
    }
    if (first.type == TokenType::kWord) TakeMoreWords(first);
    TakeModifier();
    while (IsHere() && tokens_[at_].Is("[") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].Is("]"))
      at_ += 2;
    return at_;
  }

 private:
  bool IsHere() const { return at_ < tokens_.size(); }
  bool Take(absl::string_view word) {
    if (!IsHere() || !tokens_[at_].Is(word)) return false;
    ++at_;
    return true;
  }

  void TakeMoreWords(const Token& first) {
    if (first.Is("double")) {
      Take("precision");
    } else if (first.Is("character") || first.Is("bit")) {
      Take("varying");
    } else if (first.Is("timestamp") || first.Is("time")) {
      TakeModifier();
      if (Take("with") || Take("without")) {
        Take("time");
        Take("zone");
      }
    } else if (first.Is("interval")) {
      while (IsHere() && (IsOneOf(tokens_[at_], kIntervalFields) || tokens_[at_].Is("to"))) ++at_;
    }
  }

  // `(10,2)`: numbers, and nothing that could be arguments.
  void TakeModifier() {
    if (!IsHere() || !tokens_[at_].Is("(")) return;
    size_t end = at_ + 1;
    while (end < tokens_.size() && (tokens_[end].type == TokenType::kNumber || tokens_[end].Is(",") ||
                                    tokens_[end].Is("-") || tokens_[end].type == TokenType::kString)) {
      ++end;
    }
    if (end < tokens_.size() && tokens_[end].Is(")")) at_ = end + 1;
  }

  const Tokens& tokens_;
  size_t at_;
};

Tokens WithoutCasts(const Tokens& tokens) {
  Tokens kept;
  kept.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size();) {
    if (tokens[i].Is("::")) {
      const size_t end = TypeReader(tokens, i + 1).End();
      if (end > i + 1) {
        i = end;
        continue;
      }
    }
    kept.push_back(tokens[i++]);
  }
  return kept;
}

// The name that PostgreSQL itself gives a NOT NULL: `<table>_<column>_not_null`, with a number where that is taken.
bool IsNameOfNotNull(const Token& token) {
  std::string name = NameOf(token);
  while (!name.empty() && absl::ascii_isdigit(static_cast<unsigned char>(name.back()))) name.pop_back();
  return absl::EndsWith(name, "_not_null");
}

// From 18 on each NOT NULL has a name, and which number it has depends on the order of all tables' statements.
Tokens WithoutNamesOfNotNull(const Tokens& tokens) {
  Tokens kept;
  kept.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool named = i + 3 < tokens.size() && tokens[i].Is("CONSTRAINT") && tokens[i + 2].Is("NOT") &&
                       tokens[i + 3].Is("NULL") && IsNameOfNotNull(tokens[i + 1]);
    if (named) ++i;
    if (!named) kept.push_back(tokens[i]);
  }
  return kept;
}

bool Opens(const Token& token) { return token.Is("(") || token.Is("["); }
bool Closes(const Token& token) { return token.Is(")") || token.Is("]"); }

// Takes pairs of parentheses away that change nothing, from the inside out.
class Stripper {
 public:
  explicit Stripper(Tokens tokens) : tokens_(std::move(tokens)), gone_(tokens_.size(), false) {
    MatchAll();
  }

  Tokens Strip() {
    // A pair closes after all pairs within it.
    for (size_t close = 0; close < tokens_.size(); ++close) {
      if (tokens_[close].Is(")") && partner_[close] != kNone && IsRedundant(partner_[close], close)) {
        gone_[partner_[close]] = gone_[close] = true;
      }
    }
    Tokens kept;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!gone_[i]) kept.push_back(tokens_[i]);
    }
    return kept;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  void MatchAll() {
    partner_.assign(tokens_.size(), kNone);
    std::vector<size_t> open;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (Opens(tokens_[i])) open.push_back(i);
      if (!Closes(tokens_[i]) || open.empty()) continue;
      partner_[i] = open.back();
      partner_[open.back()] = i;
      open.pop_back();
    }
  }

  size_t Before(size_t i) const {
    while (i-- > 0) {
      if (!gone_[i]) return i;
    }
    return kNone;
  }
  size_t After(size_t i) const {
    while (++i < tokens_.size()) {
      if (!gone_[i]) return i;
    }
    return kNone;
  }

  bool IsRedundant(size_t open, size_t close) const {
    const size_t first = After(open);
    if (first >= close || IsOneOf(tokens_[first], kBeginsQuery)) return false;
    const size_t before = Before(open);
    const size_t after = After(close);
    const bool fenced = before != kNone && after != kNone &&
                        (Opens(tokens_[before]) || tokens_[before].Is(",")) &&
                        (Closes(tokens_[after]) || tokens_[after].Is(","));
    if (fenced) return !HasComma(open, close);
    return IsPrimary(first, close) && CanGroup(before) && !Continues(after);
  }

  // A row, or several arguments.
  bool HasComma(size_t open, size_t close) const {
    for (size_t i = open + 1; i < close; ++i) {
      if (Opens(tokens_[i]) && partner_[i] != kNone && !gone_[i]) {
        i = partner_[i];
      } else if (tokens_[i].Is(",")) {
        return true;
      }
    }
    return false;
  }

  // A literal, a name, a call or an ARRAY[…].
  bool IsPrimary(size_t first, size_t close) const {
    size_t next = After(first);
    if (IsOneOf(tokens_[first], kBeforeGroups)) return false;  // NOT (a) is no call
    if (!IsName(tokens_[first])) {
      return next == close &&
             (tokens_[first].type == TokenType::kString || tokens_[first].type == TokenType::kNumber);
    }
    while (next < close && tokens_[next].Is(".")) {
      next = After(next);
      if (next >= close || !IsName(tokens_[next])) return false;
      next = After(next);
    }
    if (next < close && Opens(tokens_[next]) && partner_[next] != kNone) next = After(partner_[next]);
    return next == close;
  }

  bool CanGroup(size_t before) const {
    if (before == kNone) return false;
    const Token& token = tokens_[before];
    if (token.type == TokenType::kOperator || Opens(token) || token.Is(",")) return true;
    return IsOneOf(token, kBeforeGroups);
  }

  // (a).b and (a)[1] are not a.b and a[1].
  bool Continues(size_t after) const {
    return after != kNone && (tokens_[after].Is(".") || tokens_[after].Is("[") || tokens_[after].Is("("));
  }

  Tokens tokens_;
  std::vector<bool> gone_;
  std::vector<size_t> partner_;
};

// CREATE TABLE … (item, …) INHERITS …, its items sorted; any other statement as it is.
std::string WithSortedItems(const std::string& statement) {
  const Tokens tokens = ScanSql(statement);
  std::vector<absl::string_view> items;
  const char* begin = nullptr;  // of the item
  int depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const char* const at = tokens[i].text.data();
    if (tokens[i].Is("(") && depth++ == 0) begin = at + 1;
    const bool last = tokens[i].Is(")") && --depth == 0;
    if (!last && (depth != 1 || !tokens[i].Is(","))) continue;
    items.push_back(absl::StripAsciiWhitespace(absl::string_view(begin, static_cast<size_t>(at - begin))));
    begin = at + 1;
    if (!last) continue;
    if (i + 1 == tokens.size() || !tokens[i + 1].Is("INHERITS")) return statement;
    const absl::string_view before(statement.data(),
                                   static_cast<size_t>(items.front().data() - statement.data()));
    const absl::string_view after =
        absl::string_view(statement).substr(static_cast<size_t>(at - statement.data()));
    std::sort(items.begin(), items.end());
    return absl::StrCat(before, absl::StrJoin(items, ", "), after);
  }
  return statement;
}

}  // namespace

std::string NormalForm(absl::string_view sql) {
  std::string text;
  text.reserve(sql.size());
  for (const Token& token : Stripper(WithoutCasts(WithoutNamesOfNotNull(ScanSql(sql)))).Strip()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", token.text);
  }
  return text;
}

Likeness CompareDefinitions(absl::string_view a, absl::string_view b) {
  if (a == b) return Likeness::kSame;
  return NormalForm(a) == NormalForm(b) ? Likeness::kEquivalent : Likeness::kDifferent;
}

std::string WithoutColumnOrder(absl::string_view definition) {
  std::vector<std::string> statements = SplitStatements(definition);
  if (statements.empty()) return std::string(definition);
  std::string sorted = WithSortedItems(statements.front());
  if (sorted == statements.front()) return std::string(definition);
  // Such as ALTER COLUMN … SET STORAGE, in the order of the columns.
  std::sort(statements.begin() + 1, statements.end());
  statements.front() = std::move(sorted);
  return absl::StrJoin(statements, ";\n");
}

}  // namespace croft::agent
