// Cuts SQL into tokens.

#include "agent/dump_format/scanner.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

namespace croft::agent {
namespace {

constexpr absl::string_view kOperatorCharacters = "+-*/<>=~!@#%^&|`?:";

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }
bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsOperator(char c) { return kOperatorCharacters.find(c) != absl::string_view::npos; }
bool BeginsWord(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool InWord(char c) { return BeginsWord(c) || IsDigit(c) || c == '$'; }

class Scanner {
 public:
  explicit Scanner(absl::string_view sql) : sql_(sql) {}

  std::vector<Token> Scan() {
    while (at_ < sql_.size()) {
      if (IsSpace(sql_[at_])) {
        ++at_;
        continue;
      }
      const size_t begin = at_;
      const TokenType type = Take();
      tokens_.push_back({type, sql_.substr(begin, at_ - begin)});
    }
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  bool Follows(absl::string_view text) const { return absl::StartsWith(sql_.substr(at_), text); }
  template <typename Condition>
  void TakeWhile(Condition condition) {
    while (at_ < sql_.size() && condition(sql_[at_])) ++at_;
  }

  TokenType Take() {
    const char c = Peek();
    if (Follows("--") || Follows("/*")) return TakeComment();
    if (c == '"') return TakeQuoted('"', false), TokenType::kIdentifier;
    if (c == '\'') return TakeQuoted('\'', false), TokenType::kString;
    if (c == '$') return TakeDollar();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return TakeNumber();
    if (BeginsWord(c)) return TakeWord();
    if (IsOperator(c)) return TakeOperator();
    ++at_;
    return TokenType::kMark;
  }

  TokenType TakeComment() {
    if (Follows("--")) {
      at_ = std::min(sql_.find('\n', at_), sql_.size());
      return TokenType::kComment;
    }
    int depth = 0;
    do {
      if (Follows("/*")) {
        ++depth;
        at_ += 2;
      } else if (Follows("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < sql_.size());
    return TokenType::kComment;
  }

  void TakeQuoted(char quote, bool with_backslashes) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (with_backslashes && Peek() == '\\') {
        ++at_;
      } else if (Peek() == quote) {
        if (Peek(1) != quote) break;
        ++at_;
      }
    }
    at_ = std::min(at_ + 1, sql_.size());
  }

  TokenType TakeDollar() {
    size_t end = at_ + 1;
    if (end < sql_.size() && IsDigit(sql_[end])) {
      ++at_;
      TakeWhile(IsDigit);
      return TokenType::kNumber;
    }
    if (end < sql_.size() && BeginsWord(sql_[end])) {
      while (end < sql_.size() && InWord(sql_[end]) && sql_[end] != '$') ++end;
    }
    if (end >= sql_.size() || sql_[end] != '$') {
      ++at_;
      return TokenType::kMark;
    }
    const absl::string_view tag = sql_.substr(at_, end + 1 - at_);
    const size_t close = sql_.find(tag, end + 1);
    at_ = close == absl::string_view::npos ? sql_.size() : close + tag.size();
    return TokenType::kString;
  }

  TokenType TakeNumber() {
    TakeWhile(IsDigit);
    if (Peek() == '.') ++at_;
    TakeWhile(IsDigit);
    if ((Peek() == 'e' || Peek() == 'E') &&
        (IsDigit(Peek(1)) || ((Peek(1) == '+' || Peek(1) == '-') && IsDigit(Peek(2))))) {
      at_ += 2;
      TakeWhile(IsDigit);
    }
    return TokenType::kNumber;
  }

  TokenType TakeWord() {
    const size_t begin = at_;
    TakeWhile(InWord);
    const absl::string_view word = sql_.substr(begin, at_ - begin);
    if (Peek() == '\'' && word.size() == 1 && absl::StrContains("eEbBxXnN", word)) {
      return TakeQuoted('\'', word == "e" || word == "E"), TokenType::kString;
    }
    if (Peek() == '&' && (word == "U" || word == "u") && (Peek(1) == '\'' || Peek(1) == '"')) {
      const char quote = Peek(1);
      ++at_;
      TakeQuoted(quote, false);
      return quote == '"' ? TokenType::kIdentifier : TokenType::kString;
    }
    return TokenType::kWord;
  }

  TokenType TakeOperator() {
    do {
      ++at_;
    } while (IsOperator(Peek()) && !Follows("--") && !Follows("/*"));
    return TokenType::kOperator;
  }

  absl::string_view sql_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> ScanSql(absl::string_view sql) { return Scanner(sql).Scan(); }

std::string NameOf(const Token& token) {
  if (token.type != TokenType::kIdentifier) return absl::AsciiStrToLower(token.text);
  absl::string_view inner = token.text.substr(1);
  if (absl::EndsWith(inner, "\"")) inner.remove_suffix(1);
  return absl::StrReplaceAll(inner, {{"\"\"", "\""}});
}

bool IsName(const Token& token) {
  return token.type == TokenType::kIdentifier || token.type == TokenType::kWord;
}

std::string QuoteName(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

}  // namespace croft::agent
