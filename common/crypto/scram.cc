// Makes passwords and their SCRAM-SHA-256 verifiers.

#include "common/crypto/scram.h"

#include <cstdlib>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/crypto/hash.h"

namespace croft::crypto {
namespace {

// PostgreSQL's own number, and the least that RFC 7677 allows.
constexpr int kIterations = 4096;
constexpr size_t kDigestBytes = 32;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Hmac(absl::string_view key, absl::string_view data) {
  std::string digest(kDigestBytes, '\0');
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(data), data.size(),
           reinterpret_cast<unsigned char*>(digest.data()), nullptr) == nullptr) {
    std::abort();
  }
  return digest;
}

std::string SaltedPassword(absl::string_view password, absl::string_view salt) {
  std::string derived(kDigestBytes, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), Bytes(salt),
                        static_cast<int>(salt.size()), kIterations, EVP_sha256(), kDigestBytes,
                        reinterpret_cast<unsigned char*>(derived.data())) != 1) {
    std::abort();
  }
  return derived;
}

}  // namespace

std::string ScramVerifier(absl::string_view password, absl::string_view salt) {
  const std::string salted = SaltedPassword(password, salt);
  const std::string stored_key = Sha256(Hmac(salted, "Client Key"));
  const std::string server_key = Hmac(salted, "Server Key");
  return absl::StrCat("SCRAM-SHA-256$", kIterations, ":", absl::Base64Escape(salt), "$",
                      absl::Base64Escape(stored_key), ":", absl::Base64Escape(server_key));
}

std::string NewPassword(Random& random) {
  constexpr absl::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr size_t kLength = 32;
  // Bytes from here on are passed over: counting them would make some characters likelier than others.
  constexpr size_t kLimit = 256 / kAlphabet.size() * kAlphabet.size();
  std::string password;
  while (password.size() < kLength) {
    for (const char c : random.Bytes(kLength - password.size())) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < kLimit) password.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
  }
  return password;
}

}  // namespace croft::crypto
