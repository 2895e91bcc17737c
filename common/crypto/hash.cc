// SHA-256, hexadecimal and comparison in constant time.

#include "common/crypto/hash.h"

#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace croft::crypto {
namespace {

constexpr size_t kDigestBytes = 32;

// libcrypto fails here only without memory or without SHA-256; neither leaves anything sensible to do.
void Require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  Require(state_->context != nullptr);
  Require(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(absl::string_view data) {
  Require(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1);
}

std::string Sha256Stream::Finish() {
  std::string digest(kDigestBytes, '\0');
  Require(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), nullptr) ==
          1);
  return digest;
}

std::string Sha256(absl::string_view data) {
  Sha256Stream stream;
  stream.Update(data);
  return stream.Finish();
}

std::string Hex(absl::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text;
}

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace croft::crypto
