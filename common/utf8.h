#pragma once

#include <cstddef>
#include <string>

#include <absl/strings/string_view.h>

// Checks and repairs UTF-8.
namespace croft {

// Length of the well-formed character that `text`, which is not empty, begins with, or 0 when there is none (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] size_t Utf8CharacterLength(absl::string_view text);

// Whether all of `text` is well-formed UTF-8.
[[nodiscard]] bool IsUtf8(absl::string_view text);

// `text` as well-formed UTF-8 of at most `limit` bytes, for what is quoted and can be anything: bytes that are none
// become `?`, what is cut off becomes `…`. `limit` is at least 3.
[[nodiscard]] std::string Presentable(absl::string_view text, size_t limit);

}  // namespace croft
