#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>

namespace croft::fuzz {

// Bytes taken apart: numbers and texts, one after another; zero and empty when there are no more.
class Pieces {
 public:
  explicit Pieces(absl::string_view bytes) : rest_(bytes) {}

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  int64_t Number() {
    uint64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8U | Byte();
    return static_cast<int64_t>(number);
  }
  // Of a length that stands before it.
  std::string Text() {
    const size_t said = Byte();
    const size_t size = std::min(said, rest_.size());
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  std::string Rest() { return std::string(rest_); }
  bool empty() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
};

}  // namespace croft::fuzz
