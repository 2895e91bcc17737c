// Keyed hashes by SipHash.

#include "common/crypto/keyed_hash.h"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace croft::crypto {
namespace {

constexpr size_t kHashBytes = crypto_shorthash_siphashx24_BYTES;
constexpr size_t kBlockBytes = 16 << 10;

absl::uint128 SipHash(absl::string_view bytes, const unsigned char* key) {
  unsigned char hash[kHashBytes];
  crypto_shorthash_siphashx24(hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                              key);
  uint64_t halves[2];
  std::memcpy(halves, hash, sizeof(halves));
  return absl::MakeUint128(halves[1], halves[0]);
}

}  // namespace

static_assert(kHashKeyBytes == crypto_shorthash_siphashx24_KEYBYTES && kHashKeyBytes == kHashBytes);

KeyedHash::KeyedHash(absl::string_view key, absl::string_view purpose) {
  if (key.size() != kHashKeyBytes) std::abort();
  crypto_shorthash_siphashx24(key_, reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
                              reinterpret_cast<const unsigned char*>(key.data()));
}

absl::uint128 KeyedHash::Of(absl::string_view bytes) const { return SipHash(bytes, key_); }

KeyedHashStream::KeyedHashStream(const KeyedHash& hash) : hash_(hash), block_(kHashBytes, '\0') {
  block_.reserve(kHashBytes + kBlockBytes);
}

void KeyedHashStream::Update(absl::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    const absl::string_view part = bytes.substr(0, kHashBytes + kBlockBytes - block_.size());
    block_.append(part.data(), part.size());
    bytes.remove_prefix(part.size());
    if (block_.size() == kHashBytes + kBlockBytes) Flush();
  }
}

void KeyedHashStream::Flush() {
  const absl::uint128 hash = hash_.Of(block_);
  block_.resize(kHashBytes);
  std::memcpy(block_.data(), &hash, kHashBytes);
}

absl::uint128 KeyedHashStream::Finish() {
  Flush();
  // The size at the end: no beginning of a content has a hash that continues into another's.
  block_.append(reinterpret_cast<const char*>(&size_), sizeof(size_));
  const absl::uint128 hash = hash_.Of(block_);
  block_.assign(kHashBytes, '\0');
  size_ = 0;
  return hash;
}

}  // namespace croft::crypto
