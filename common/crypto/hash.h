#pragma once

#include <memory>
#include <string>

#include <absl/strings/string_view.h>

// SHA-256, hexadecimal text, and comparison in constant time.
namespace croft::crypto {

// 32 raw bytes.
[[nodiscard]] std::string Sha256(absl::string_view data);
[[nodiscard]] std::string Hex(absl::string_view bytes);
// Takes the same time whatever the contents; false when the lengths differ.
[[nodiscard]] bool EqualInConstantTime(absl::string_view a, absl::string_view b);

// SHA-256 of data that comes in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(absl::string_view data);
  // 32 raw bytes; call once, last.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::crypto
