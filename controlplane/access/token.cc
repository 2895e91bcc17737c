// Makes and hashes bearer tokens and join tokens.

#include "controlplane/access/token.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/join_token.h"

namespace croft::access {
namespace {

constexpr absl::string_view kBearerPrefix = "croft_";
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretCharacters = 43;

std::string NewSecret(Random& random) { return absl::WebSafeBase64Escape(random.Bytes(kSecretBytes)); }

std::string HashOf(absl::string_view secret) { return crypto::Hex(crypto::Sha256(secret)); }

}  // namespace

IssuedToken MakeJoinToken(absl::string_view host, const std::vector<std::string>& server_addresses,
                          absl::string_view authority, Random& random) {
  const std::string secret = NewSecret(random);
  return {.text = EncodeJoinToken({.host = std::string(host),
                                   .secret = secret,
                                   .servers = server_addresses,
                                   .authority = std::string(authority)}),
          .hash = HashOf(secret)};
}

absl::StatusOr<PresentedJoinToken> ParseJoinToken(absl::string_view text) {
  CROFT_ASSIGN_OR_RETURN(const JoinToken token, DecodeJoinToken(text));
  return PresentedJoinToken{.host = token.host, .secret_hash = HashOf(token.secret)};
}

IssuedToken MakeBearerToken(Random& random) {
  const std::string secret = NewSecret(random);
  return {.text = absl::StrCat(kBearerPrefix, secret), .hash = HashOf(secret)};
}

absl::StatusOr<std::string> BearerTokenHash(absl::string_view text) {
  absl::string_view secret = text;
  const bool fits = absl::ConsumePrefix(&secret, kBearerPrefix) && secret.size() == kSecretCharacters &&
                    std::all_of(secret.begin(), secret.end(), [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
                    });
  if (!fits) return InvalidField("token", "is not a token of Croft's: `croft_` and 43 characters");
  return HashOf(secret);
}

}  // namespace croft::access
