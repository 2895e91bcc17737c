#pragma once

#include <string>
#include <vector>

#include <absl/strings/string_view.h>

// The SQL that pg_dump writes with --quote-all-identifiers, as tokens. Any text at all gives tokens: what is not closed
// reaches to the end.
namespace croft::agent {

enum class TokenType {
  kComment,     // `-- …` up to the line's end, or /* … */
  kIdentifier,  // quoted: "a ""b"""
  kWord,        // keyword, or identifier without quotes
  kString,      // 'it''s', E'\'', B'01', X'ff', U&'…' and $tag$ … $tag$
  kNumber,      // also a parameter: $1
  kOperator,    // as many of + - * / < > = ~ ! @ # % ^ & | ` ? : as stand together
  kMark,        // one of ( ) [ ] , ; . and whatever else there is
};

struct Token {
  TokenType type;
  absl::string_view text;  // as it stands

  bool Is(absl::string_view mark_or_word) const {
    return (type == TokenType::kMark || type == TokenType::kWord || type == TokenType::kOperator) &&
           text == mark_or_word;
  }
};

// Views into `sql`. White space is left out.
[[nodiscard]] std::vector<Token> ScanSql(absl::string_view sql);

// The name that an identifier or a word stands for: without quotes, or in lower case.
[[nodiscard]] std::string NameOf(const Token& token);
[[nodiscard]] bool IsName(const Token& token);
// `name` in quotes.
[[nodiscard]] std::string QuoteName(absl::string_view name);

}  // namespace croft::agent
