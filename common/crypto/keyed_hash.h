#pragma once

#include <cstdint>
#include <string>

#include <absl/numeric/int128.h>
#include <absl/strings/string_view.h>

// Keyed hashes of 128 bits for content that is compared under a key that nobody else has: SipHash-2-4-128. Who does not
// know the key finds no two contents with one hash, nor two sets of contents whose hashes have one sum. Not for
// passwords, nor for anything that outlives its key.
namespace croft::crypto {

inline constexpr size_t kHashKeyBytes = 16;

class KeyedHash {
 public:
  // `key` is kHashKeyBytes random bytes. Hashes of different `purpose` have nothing to do with each other.
  KeyedHash(absl::string_view key, absl::string_view purpose);

  [[nodiscard]] absl::uint128 Of(absl::string_view bytes) const;

 private:
  friend class KeyedHashStream;
  unsigned char key_[kHashKeyBytes];
};

// A hash of bytes that come in pieces, the same for every cut. It is not KeyedHash::Of the whole.
class KeyedHashStream {
 public:
  explicit KeyedHashStream(const KeyedHash& hash);

  void Update(absl::string_view bytes);
  // Of all bytes since it was made or finished last, and begins anew.
  absl::uint128 Finish();

  uint64_t size() const { return size_; }

 private:
  void Flush();

  KeyedHash hash_;
  std::string block_;  // what went before, as a hash, and the bytes since
  uint64_t size_ = 0;
};

}  // namespace croft::crypto
