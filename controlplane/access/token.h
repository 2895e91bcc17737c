#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/random.h"

// Tokens are random, shown once, and stored as the SHA-256 (lower-case hexadecimal) of their secret part.
namespace croft::access {

struct IssuedToken {
  std::string text;  // for the one who asked; never stored, never logged
  std::string hash;
};

// With which one agent joins as `host`. common/join_token.h has its form.
[[nodiscard]] IssuedToken MakeJoinToken(absl::string_view host,
                                        const std::vector<std::string>& server_addresses,
                                        absl::string_view authority, Random& random);

struct PresentedJoinToken {
  std::string host;
  std::string secret_hash;
};
// INVALID_ARGUMENT naming the field `token`, never quoting it.
[[nodiscard]] absl::StatusOr<PresentedJoinToken> ParseJoinToken(absl::string_view text);

// `croft_` and 43 characters of base64url: 256 random bits.
[[nodiscard]] IssuedToken MakeBearerToken(Random& random);
// The hash to look up. INVALID_ARGUMENT naming the field `token` for what cannot be a bearer token.
[[nodiscard]] absl::StatusOr<std::string> BearerTokenHash(absl::string_view text);

}  // namespace croft::access
