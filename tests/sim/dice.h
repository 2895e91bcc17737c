#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "common/random.h"

namespace croft::sim {

// All chance of one run, from its seed. The same on every machine.
class Dice final : public Random {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {
    // Neighbouring seeds have nothing in common.
    state_ = Next() ^ (seed << 32);
    state_ = Next();
  }

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // 0 to `sides` - 1.
  int64_t Roll(int64_t sides) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(sides)); }
  // True `parts` times in `whole`.
  bool Chance(int64_t parts, int64_t whole) { return Roll(whole) < parts; }
  absl::Duration Between(absl::Duration low, absl::Duration high) {
    return low + absl::Microseconds(Roll(absl::ToInt64Microseconds(high - low) + 1));
  }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Roll(static_cast<int64_t>(from.size())))];
  }
  std::string Bytes(size_t count) override {
    std::string bytes;
    while (bytes.size() < count) {
      uint64_t word = Next();
      for (int i = 0; i < 8 && bytes.size() < count; ++i, word >>= 8)
        bytes.push_back(static_cast<char>(word & 255));
    }
    return bytes;
  }

 private:
  uint64_t state_;
};

}  // namespace croft::sim
