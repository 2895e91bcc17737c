#include "common/crypto/age.h"

#include <sodium.h>

#include <optional>
#include <string>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::crypto {
namespace {

using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int kQuick = 4;
constexpr char kPassphrase[] = "correct horse battery staple";

const unsigned char* Data(const std::string& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string Hmac(const std::string& key, const std::string& message) {
  std::string mac(32, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Data(key), key.size());
  crypto_auth_hmacsha256_update(&state, Data(message), message.size());
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  return mac;
}

// Empty where it is none. Bits that no byte needs are zero, as the format asks.
std::string Unbase64(std::string text) {
  while (text.size() % 4 != 0) text += '=';
  std::string bytes;
  return absl::Base64Unescape(text, &bytes) && absl::Base64Escape(bytes) == text ? bytes : "";
}

std::optional<std::string> Decrypt(const std::string& key, const std::string& nonce,
                                   const std::string& sealed) {
  if (sealed.size() < 16) return std::nullopt;
  std::string plain(sealed.size() - 16, '\0');
  if (crypto_aead_chacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plain.data()), nullptr,
                                                nullptr, Data(sealed), sealed.size(), nullptr, 0,
                                                Data(nonce), Data(key)) != 0) {
    return std::nullopt;
  }
  return plain;
}

// Opens a file as age-encryption.org/v1 says; nothing for one that does not open.
std::optional<std::string> Open(const std::string& file, const std::string& passphrase) {
  const std::vector<std::string> lines = absl::StrSplit(file, absl::MaxSplits('\n', 4));
  if (lines.size() != 5 || lines[0] != "age-encryption.org/v1") return std::nullopt;
  const std::vector<std::string> recipient = absl::StrSplit(lines[1], ' ');
  if (recipient.size() != 4 || recipient[1] != "scrypt" || lines[3].rfind("--- ", 0) != 0)
    return std::nullopt;
  const std::string salt = absl::StrCat("age-encryption.org/v1/scrypt", Unbase64(recipient[2]));
  std::string wrapping(32, '\0');
  EXPECT_EQ(crypto_pwhash_scryptsalsa208sha256_ll(
                reinterpret_cast<const unsigned char*>(passphrase.data()), passphrase.size(), Data(salt),
                salt.size(), uint64_t{1} << std::stoi(recipient[3]), 8, 1,
                reinterpret_cast<unsigned char*>(wrapping.data()), wrapping.size()),
            0);
  const auto file_key = Decrypt(wrapping, std::string(12, '\0'), Unbase64(lines[2]));
  if (!file_key) return std::nullopt;
  const std::string header_key = Hmac(Hmac("", *file_key), absl::StrCat("header", std::string(1, '\x01')));
  const std::string signed_part = absl::StrCat(lines[0], "\n", lines[1], "\n", lines[2], "\n---");
  if (Hmac(header_key, signed_part) != Unbase64(lines[3].substr(4))) return std::nullopt;
  const std::string payload_key =
      Hmac(Hmac(lines[4].substr(0, 16), *file_key), absl::StrCat("payload", std::string(1, '\x01')));
  std::string rest = lines[4].substr(16);
  std::string plain;
  for (int count = 0;; ++count) {
    const bool last = rest.size() <= kAgeChunkBytes + 16;
    std::string nonce(12, '\0');
    nonce[10] = static_cast<char>(count);
    nonce[11] = last ? 1 : 0;
    const auto chunk = Decrypt(payload_key, nonce, rest.substr(0, kAgeChunkBytes + 16));
    if (!chunk) return std::nullopt;
    plain += *chunk;
    if (last) return plain;
    rest.erase(0, kAgeChunkBytes + 16);
  }
}

std::string Sealed(const std::string& plain) {
  const auto sealer = *AgeSealer::New(kPassphrase, kQuick);
  std::string file = sealer->header();
  size_t at = 0;
  for (; plain.size() - at > kAgeChunkBytes; at += kAgeChunkBytes)
    file += sealer->Chunk(plain.substr(at, kAgeChunkBytes), false);
  return file + sealer->Chunk(plain.substr(at), true);
}

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

TEST(AgeTest, OpensWithThePassphraseAsTheFormatSays) {
  for (const size_t size : {size_t{0}, size_t{1}, kAgeChunkBytes, kAgeChunkBytes + 1, 3 * kAgeChunkBytes}) {
    EXPECT_TRUE(Open(Sealed(Bytes(size)), kPassphrase) == Bytes(size)) << size;
  }
}

TEST(AgeTest, AnotherPassphraseDoesNotOpenIt) {
  EXPECT_FALSE(Open(Sealed("secret"), "correct horse battery stable"));
}

TEST(AgeTest, NoByteCanBeChangedAddedOrCutOff) {
  const std::string file = Sealed(Bytes(2 * kAgeChunkBytes + 5));
  // From the header's code on; what stands before it makes another key, or another code.
  for (size_t at = file.find("\n--- ") + 5; at < file.size(); at += at < 300 ? 1 : 9001) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(Open(changed, kPassphrase)) << at;
  }
  EXPECT_FALSE(Open(file + "x", kPassphrase));
  EXPECT_FALSE(Open(file.substr(0, file.size() - 1), kPassphrase));
  EXPECT_FALSE(Open(file.substr(0, file.size() - 5 - 16), kPassphrase)) << "the last chunk is gone";
}

TEST(AgeTest, TheSameFileIsNeverEncryptedTheSameWay) {
  EXPECT_NE(Sealed("secret"), Sealed("secret"));
  EXPECT_THAT((*AgeSealer::New(kPassphrase, kQuick))->header(),
              StartsWith("age-encryption.org/v1\n-> scrypt "));
}

TEST(AgeTest, ChunksAreSixteenBytesLonger) {
  EXPECT_THAT((*AgeSealer::New(kPassphrase, kQuick))->Chunk(Bytes(kAgeChunkBytes), false),
              SizeIs(kAgeChunkBytes + 16));
}

}  // namespace
}  // namespace croft::crypto
