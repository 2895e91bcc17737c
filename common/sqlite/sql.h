#pragma once

#include <cstddef>
#include <string>

#include <absl/strings/string_view.h>

namespace croft::sqlite {

// SQL that was written as a literal in the source, which is the only SQL there is: values are bound, never
// pasted.
class Sql {
 public:
  template <size_t N>
  consteval Sql(const char (&text)[N]) : text_(text, N - 1) {}  // NOLINT(google-explicit-constructor)

  constexpr absl::string_view text() const { return text_; }

 private:
  absl::string_view text_;
};

// A statement put together at run time, of literals only.
class SqlBuilder {
 public:
  SqlBuilder& Append(Sql piece) {
    text_.append(piece.text().data(), piece.text().size());
    return *this;
  }
  SqlBuilder& Append(const SqlBuilder& other) {
    text_ += other.text_;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace croft::sqlite
