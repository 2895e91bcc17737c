// Encrypts files to a passphrase in the format of age, https://age-encryption.org/v1.

#include "common/crypto/age.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::crypto {
namespace {

constexpr size_t kFileKeyBytes = 16;
constexpr size_t kSaltBytes = 16;
constexpr size_t kAgeNonceBytes = 16;
constexpr uint32_t kScryptBlock = 8;
constexpr absl::string_view kScryptLabel = "age-encryption.org/v1/scrypt";

using Key = std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_KEYBYTES>;
using Nonce = std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

const unsigned char* Data(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string Random(size_t size) {
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), size);
  return bytes;
}

std::string Mac(absl::string_view key, absl::string_view message) {
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Data(key), key.size());
  crypto_auth_hmacsha256_update(&state, Data(message), message.size());
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  sodium_memzero(&state, sizeof(state));
  return mac;
}

// HKDF with SHA-256, of one block.
std::string Derive(absl::string_view secret, absl::string_view salt, absl::string_view purpose) {
  return Mac(Mac(salt, secret), absl::StrCat(purpose, absl::string_view("\x01", 1)));
}

// The format's base64 has no padding.
std::string Base64(absl::string_view bytes) {
  std::string text = absl::Base64Escape(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::string Encrypt(const Key& key, const Nonce& nonce, absl::string_view plaintext) {
  std::string sealed(plaintext.size() + crypto_aead_chacha20poly1305_ietf_ABYTES, '\0');
  crypto_aead_chacha20poly1305_ietf_encrypt(reinterpret_cast<unsigned char*>(sealed.data()), nullptr,
                                            Data(plaintext), plaintext.size(), nullptr, 0, nullptr,
                                            nonce.data(), key.data());
  return sealed;
}

absl::StatusOr<Key> Stretch(absl::string_view passphrase, absl::string_view salt, int work_factor) {
  Key key;
  const std::string salted = absl::StrCat(kScryptLabel, salt);
  if (crypto_pwhash_scryptsalsa208sha256_ll(Data(passphrase), passphrase.size(), Data(salted),
                                            salted.size(), uint64_t{1} << work_factor, kScryptBlock, 1,
                                            key.data(), key.size()) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("encrypting to a passphrase takes ",
                                                     (int64_t{1} << work_factor) / 1024,
                                                     " MiB of memory, which are not there"));
  }
  return key;
}

absl::StatusOr<std::string> Header(absl::string_view file_key, absl::string_view passphrase,
                                   int work_factor) {
  const std::string salt = Random(kSaltBytes);
  CROFT_ASSIGN_OR_RETURN(Key wrapping, Stretch(passphrase, salt, work_factor));
  std::string header = absl::StrCat("age-encryption.org/v1\n-> scrypt ", Base64(salt), " ", work_factor,
                                    "\n", Base64(Encrypt(wrapping, Nonce{}, file_key)), "\n---");
  sodium_memzero(wrapping.data(), wrapping.size());
  absl::StrAppend(&header, " ", Base64(Mac(Derive(file_key, "", "header"), header)), "\n");
  return header;
}

}  // namespace

struct AgeSealer::State {
  std::string header;
  Key key;
  uint64_t counter = 0;

  ~State() { sodium_memzero(key.data(), key.size()); }
};

absl::StatusOr<std::unique_ptr<AgeSealer>> AgeSealer::New(absl::string_view passphrase, int work_factor) {
  if (sodium_init() < 0) std::abort();
  auto state = std::make_unique<State>();
  std::string file_key = Random(kFileKeyBytes);
  const std::string nonce = Random(kAgeNonceBytes);
  CROFT_ASSIGN_OR_RETURN(state->header, Header(file_key, passphrase, work_factor));
  absl::StrAppend(&state->header, nonce);
  const std::string key = Derive(file_key, nonce, "payload");
  std::copy(key.begin(), key.end(), state->key.begin());
  sodium_memzero(file_key.data(), file_key.size());
  return std::unique_ptr<AgeSealer>(new AgeSealer(std::move(state)));
}

AgeSealer::AgeSealer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AgeSealer::~AgeSealer() = default;

const std::string& AgeSealer::header() const { return state_->header; }

std::string AgeSealer::Chunk(absl::string_view plaintext, bool last) {
  // Eleven bytes that count, the highest first, and one that marks the last.
  Nonce nonce{};
  uint64_t left = state_->counter++;
  for (size_t i = nonce.size() - 1; i-- > 0 && left != 0; left >>= 8) nonce[i] = left & 0xff;
  nonce.back() = last ? 1 : 0;
  return Encrypt(state_->key, nonce, plaintext);
}

}  // namespace croft::crypto
