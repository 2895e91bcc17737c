#include "common/crypto/scram.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_split.h>
#include <gtest/gtest.h>

#include "common/crypto/hash.h"

namespace croft::crypto {
namespace {

// RFC 2104, by hand, so that the verifier is not checked with its own tools.
std::string Hmac(std::string key, absl::string_view data) {
  key.resize(64, '\0');
  std::string inner = key;
  std::string outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return Sha256(outer + Sha256(inner + std::string(data)));
}

std::string Decode(absl::string_view base64) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(base64, &bytes)) << base64;
  return bytes;
}

// RFC 7677, section 3: user `user`, password `pencil`.
constexpr char kSalt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr char kAuthMessage[] =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr char kClientProof[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr char kServerSignature[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

struct Keys {
  std::string head;
  std::string stored;
  std::string server;
};

Keys Parse(const std::string& verifier) {
  const std::vector<std::string> parts = absl::StrSplit(verifier, '$');
  EXPECT_EQ(parts.size(), 3u);
  const std::vector<std::string> keys = absl::StrSplit(parts.at(2), ':');
  EXPECT_EQ(keys.size(), 2u);
  return {parts.at(0) + "$" + parts.at(1), Decode(keys.at(0)), Decode(keys.at(1))};
}

TEST(Scram, VerifierAcceptsTheExchangeOfRfc7677) {
  const Keys keys = Parse(ScramVerifier("pencil", Decode(kSalt)));
  EXPECT_EQ(keys.head, std::string("SCRAM-SHA-256$4096:") + kSalt);
  EXPECT_EQ(absl::Base64Escape(Hmac(keys.server, kAuthMessage)), kServerSignature);
  std::string client_key = Decode(kClientProof);
  const std::string signature = Hmac(keys.stored, kAuthMessage);
  for (size_t i = 0; i < client_key.size(); ++i)
    client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
  EXPECT_EQ(Sha256(client_key), keys.stored);
}

TEST(Scram, PasswordAndSaltBothChangeTheVerifier) {
  const std::string salt(16, 's');
  EXPECT_EQ(ScramVerifier("a", salt), ScramVerifier("a", salt));
  EXPECT_NE(Parse(ScramVerifier("a", salt)).stored, Parse(ScramVerifier("b", salt)).stored);
  EXPECT_NE(Parse(ScramVerifier("a", salt)).stored, Parse(ScramVerifier("a", std::string(16, 't'))).stored);
}

TEST(Scram, PasswordsAreLongAlphanumericAndDiffer) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = NewPassword(random);
    EXPECT_EQ(password.size(), 32u);
    EXPECT_EQ(password.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
              std::string::npos);
    EXPECT_TRUE(seen.insert(password).second);
  }
}

class CountingRandom final : public Random {
 public:
  std::string Bytes(size_t count) override {
    std::string bytes;
    while (bytes.size() < count) bytes.push_back(static_cast<char>(next_++));
    return bytes;
  }

 private:
  unsigned char next_ = 0;
};

TEST(Scram, EveryCharacterOfAPasswordIsEquallyLikely) {
  CountingRandom random;  // every byte value once in 256
  std::map<char, int> counts;
  for (int i = 0; i < 31; ++i) {  // 31 passwords of 32 are 62 times 16 characters
    for (const char c : NewPassword(random)) ++counts[c];
  }
  EXPECT_EQ(counts.size(), 62u);
  for (const auto& [character, count] : counts) EXPECT_EQ(count, 16) << character;
}

}  // namespace
}  // namespace croft::crypto
