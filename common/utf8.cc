// Checks and repairs UTF-8.

#include "common/utf8.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

namespace croft {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

size_t Utf8CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first < 0xE0   ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_high = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Presentable(absl::string_view text, size_t limit) {
  constexpr absl::string_view kCut = "…";
  std::string result;
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    if (result.size() + std::max<size_t>(length, 1) + kCut.size() > limit)
      return absl::StrCat(result, kCut);
    if (length == 0) {
      result += '?';
      text.remove_prefix(1);
    } else {
      absl::StrAppend(&result, text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return result;
}

}  // namespace croft
