// Encrypts files to a passphrase, and decrypts them, in the format of age, https://age-encryption.org/v1.

#include "common/crypto/age.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

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

// Eleven bytes that count, the highest first, and one that marks the last.
Nonce ChunkNonce(uint64_t number, bool last) {
  Nonce nonce{};
  for (size_t i = nonce.size() - 1; i-- > 0 && number != 0; number >>= 8) nonce[i] = number & 0xff;
  nonce.back() = last ? 1 : 0;
  return nonce;
}

absl::StatusOr<std::string> Decrypt(const Key& key, const Nonce& nonce, absl::string_view sealed) {
  const absl::Status altered = absl::DataLossError("it was altered");
  if (sealed.size() < crypto_aead_chacha20poly1305_ietf_ABYTES) return altered;
  std::string plaintext(sealed.size() - crypto_aead_chacha20poly1305_ietf_ABYTES, '\0');
  if (crypto_aead_chacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plaintext.data()), nullptr,
                                                nullptr, Data(sealed), sealed.size(), nullptr, 0,
                                                nonce.data(), key.data()) != 0) {
    return altered;
  }
  return plaintext;
}

absl::Status NotAHeader(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("its header was altered: ", what));
}

// Only as Base64() writes it: every other text of the same bytes is refused.
absl::StatusOr<std::string> FromBase64(absl::string_view text, size_t size) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes) || bytes.size() != size || Base64(bytes) != text)
    return NotAHeader("a field is not as the format says");
  return bytes;
}

struct ParsedHeader {
  std::string salt;
  int work_factor = 0;
  std::string wrapped;
  std::string mac;
  absl::string_view signed_part;
  absl::string_view nonce;
};

absl::StatusOr<ParsedHeader> ParseHeader(absl::string_view header) {
  ParsedHeader parsed;
  const size_t lines_end = header.size() - kAgeNonceBytes;
  parsed.nonce = header.substr(lines_end);
  const std::vector<absl::string_view> lines = absl::StrSplit(header.substr(0, lines_end), '\n');
  // The text ends with a line feed.
  if (lines.size() != 5 || !lines[4].empty()) {
    return absl::InvalidArgumentError(
        "it is encrypted to keys, or to more than a passphrase: decrypt it with age -d first");
  }
  const std::vector<absl::string_view> stanza = absl::StrSplit(lines[1], ' ');
  if (stanza.size() < 2 || stanza[0] != "->") return NotAHeader("it has no recipient");
  if (stanza[1] != "scrypt" || stanza.size() != 4) {
    return absl::InvalidArgumentError(
        "it is encrypted to a key and not to a passphrase: decrypt it with age -d first");
  }
  if (!absl::SimpleAtoi(stanza[3], &parsed.work_factor) || absl::StrCat(parsed.work_factor) != stanza[3] ||
      parsed.work_factor < 1 || parsed.work_factor > AgeOpener::kMostWork)
    return NotAHeader("its work factor is not 1 to 22");
  absl::string_view mac = lines[3];
  if (!absl::ConsumePrefix(&mac, "--- ")) return NotAHeader("it has no end");
  CROFT_ASSIGN_OR_RETURN(parsed.salt, FromBase64(stanza[2], kSaltBytes));
  CROFT_ASSIGN_OR_RETURN(parsed.wrapped,
                         FromBase64(lines[2], kFileKeyBytes + crypto_aead_chacha20poly1305_ietf_ABYTES));
  CROFT_ASSIGN_OR_RETURN(parsed.mac, FromBase64(mac, crypto_auth_hmacsha256_BYTES));
  parsed.signed_part = header.substr(0, static_cast<size_t>(mac.data() - header.data()) - 1);
  return parsed;
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
  return Encrypt(state_->key, ChunkNonce(state_->counter++, last), plaintext);
}

absl::StatusOr<std::optional<size_t>> AgeHeaderBytes(absl::string_view begun) {
  constexpr size_t kLongest = 4096;
  const absl::string_view intro = begun.substr(0, kAgeIntro.size());
  if (intro != kAgeIntro.substr(0, intro.size())) return NotAHeader("it does not begin as one");
  const size_t end = begun.find("\n---");
  const size_t line_end = end == absl::string_view::npos ? end : begun.find('\n', end + 1);
  if (line_end == absl::string_view::npos) {
    if (begun.size() > kLongest) return NotAHeader("it is too long");
    return std::nullopt;
  }
  const size_t size = line_end + 1 + kAgeNonceBytes;
  return begun.size() < size ? std::nullopt : std::optional<size_t>(size);
}

struct AgeOpener::State {
  Key key;
  uint64_t counter = 0;

  ~State() { sodium_memzero(key.data(), key.size()); }
};

absl::StatusOr<std::unique_ptr<AgeOpener>> AgeOpener::New(absl::string_view header,
                                                          absl::string_view passphrase) {
  if (sodium_init() < 0) std::abort();
  CROFT_ASSIGN_OR_RETURN(const std::optional<size_t> size, AgeHeaderBytes(header));
  if (size != header.size()) return NotAHeader("its end is missing");
  CROFT_ASSIGN_OR_RETURN(const ParsedHeader parsed, ParseHeader(header));
  CROFT_ASSIGN_OR_RETURN(Key wrapping, Stretch(passphrase, parsed.salt, parsed.work_factor));
  absl::StatusOr<std::string> file_key = Decrypt(wrapping, Nonce{}, parsed.wrapped);
  sodium_memzero(wrapping.data(), wrapping.size());
  if (!file_key.ok()) return absl::InvalidArgumentError("the passphrase is another one");
  const std::string mac = Mac(Derive(*file_key, "", "header"), parsed.signed_part);
  if (sodium_memcmp(mac.data(), parsed.mac.data(), mac.size()) != 0)
    return NotAHeader("its digest is another");
  auto state = std::make_unique<State>();
  const std::string key = Derive(*file_key, parsed.nonce, "payload");
  std::copy(key.begin(), key.end(), state->key.begin());
  sodium_memzero(file_key->data(), file_key->size());
  return std::unique_ptr<AgeOpener>(new AgeOpener(std::move(state)));
}

AgeOpener::AgeOpener(std::unique_ptr<State> state) : state_(std::move(state)) {}
AgeOpener::~AgeOpener() = default;

absl::StatusOr<std::string> AgeOpener::Chunk(absl::string_view sealed, bool last) {
  const uint64_t number = state_->counter++;
  CROFT_ASSIGN_OR_RETURN(std::string plaintext, Decrypt(state_->key, ChunkNonce(number, last), sealed));
  const bool fits = last ? !plaintext.empty() || number == 0 : plaintext.size() == kAgeChunkBytes;
  if (!fits) return absl::DataLossError("a chunk has the wrong length");
  return plaintext;
}

}  // namespace croft::crypto
