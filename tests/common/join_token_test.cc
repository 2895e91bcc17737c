#include "common/join_token.h"

#include <string>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft {
namespace {

JoinToken Example() {
  return {.host = "h1",
          .secret = std::string(42, 'a') + "_",
          .servers = {"croft.example.org:7443", "10.0.0.1:7443", "[::1]:7443"},
          .authority = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"};
}

std::string FromJson(const std::string& json) { return "croft_join_" + absl::WebSafeBase64Escape(json); }

void ExpectRefused(const std::string& text) {
  const absl::Status status = DecodeJoinToken(text).status();
  ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_EQ(DetailsOf(status).violations.front().field, "token");
  EXPECT_FALSE(absl::StrContains(status.message(), "aaaa")) << status;
}

TEST(JoinToken, DecodesWhatWasEncoded) {
  const std::string text = EncodeJoinToken(Example());
  EXPECT_EQ(*DecodeJoinToken(text), Example());
  EXPECT_EQ(*DecodeJoinToken(" " + text + "\n"), Example());
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
            std::string::npos);
}

TEST(JoinToken, MissingOrMalformedPartsAreRefused) {
  const std::string authority = "-----BEGIN CERTIFICATE-----";
  const std::string secret(43, 'a');
  const auto make = [](const std::string& host, const std::string& key, const std::string& server,
                       const std::string& pem) {
    return FromJson(R"({"host":")" + host + R"(","secret":")" + key + R"(","server":")" + server +
                    R"(","authority":")" + pem + R"("})");
  };
  ASSERT_TRUE(DecodeJoinToken(make("h1", secret, "a:1", authority)).ok());
  for (const char* host : {"", "H1", "../x", "a b", "-a"})
    ExpectRefused(make(host, secret, "a:1", authority));
  for (const std::string& key :
       {std::string(), std::string(42, 'a'), std::string(44, 'a'), std::string(43, '=')}) {
    ExpectRefused(make("h1", key, "a:1", authority));
  }
  for (const char* server :
       {"", ",", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "::1:7443", "a b:1", "http://a:1", "a:1,b"}) {
    ExpectRefused(make("h1", secret, server, authority));
  }
  ExpectRefused(make("h1", secret, "a:1", ""));
}

TEST(JoinToken, OtherTextIsRefused) {
  const std::string text = EncodeJoinToken(Example());
  for (const std::string& bad :
       {std::string(), std::string("croft_join_"), std::string("croft_aaaa"), text.substr(1), text + "=",
        text.substr(0, 30) + "\n" + text.substr(30), std::string("croft_join_") + std::string(70'000, 'a'),
        FromJson("null"), FromJson("[]"), FromJson("{"), FromJson(R"({"host":1})"),
        FromJson(std::string(9000, '['))}) {
    ExpectRefused(bad);
  }
  for (size_t size = 0; size < text.size(); ++size) ExpectRefused(text.substr(0, size));
}

}  // namespace
}  // namespace croft
