#include "controlplane/access/token.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "common/crypto/hash.h"
#include "common/join_token.h"

namespace croft::access {
namespace {

constexpr char kAuthority[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

TEST(Token, AJoinTokenCarriesWhatAnAgentNeedsAndItsHashIsOfTheSecret) {
  SystemRandom random;
  const IssuedToken issued = MakeJoinToken("h1", {"croft:7443", "10.0.0.1:7443"}, kAuthority, random);
  const JoinToken token = *DecodeJoinToken(issued.text);
  EXPECT_EQ(token.host, "h1");
  EXPECT_EQ(token.servers, (std::vector<std::string>{"croft:7443", "10.0.0.1:7443"}));
  EXPECT_EQ(token.authority, kAuthority);
  EXPECT_EQ(issued.hash, crypto::Hex(crypto::Sha256(token.secret)));
  EXPECT_EQ(issued.text.find(issued.hash), std::string::npos);
  const PresentedJoinToken presented = *ParseJoinToken(issued.text + "\n");
  EXPECT_EQ(presented.host, "h1");
  EXPECT_EQ(presented.secret_hash, issued.hash);
}

TEST(Token, EveryTokenIsNew) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(seen.insert(MakeJoinToken("h1", {"a:1"}, kAuthority, random).hash).second);
    EXPECT_TRUE(seen.insert(MakeBearerToken(random).hash).second);
  }
}

TEST(Token, ABearerTokenIsKnownByItsHash) {
  SystemRandom random;
  const IssuedToken issued = MakeBearerToken(random);
  EXPECT_EQ(issued.text.size(), 6u + 43u);
  EXPECT_EQ(*BearerTokenHash(issued.text), issued.hash);
  EXPECT_NE(*BearerTokenHash(MakeBearerToken(random).text), issued.hash);
}

TEST(Token, OtherTextIsNoBearerToken) {
  SystemRandom random;
  const std::string text = MakeBearerToken(random).text;
  for (const std::string& bad :
       {std::string(), std::string("croft_"), text + "a", text.substr(0, 48), " " + text,
        "x" + text.substr(1), text.substr(0, 48) + "=", text.substr(0, 48) + std::string(1, '\0'),
        MakeJoinToken("h1", {"a:1"}, kAuthority, random).text}) {
    EXPECT_EQ(BearerTokenHash(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace croft::access
