#pragma once

#include <cstddef>
#include <string>

#include <absl/strings/string_view.h>

namespace croft {

// `text` as well-formed UTF-8 of at most `limit` bytes, for what is quoted and can be anything: bytes that are none
// become `?`, what is cut off becomes `…`. `limit` is at least 3.
[[nodiscard]] std::string Presentable(absl::string_view text, size_t limit);

}  // namespace croft
