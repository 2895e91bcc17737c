#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft {

// What an agent needs to join as a host: `croft_join_` and the base64url (no padding) of JSON with the keys
// host, secret, server (addresses joined by commas) and authority.
struct JoinToken {
  std::string host;                  // id, without `hosts/`
  std::string secret;                // 43 characters of base64url: 256 random bits
  std::vector<std::string> servers;  // `host:port` of control planes, IPv6 as `[::1]:7443`; at least one
  std::string authority;             // PEM of the certificate authority to trust, and no other

  friend bool operator==(const JoinToken&, const JoinToken&) = default;
};

[[nodiscard]] std::string EncodeJoinToken(const JoinToken& token);

// Space around `text` is passed over, such as the end of a file's line. INVALID_ARGUMENT naming the field
// `token`, never quoting it, when any part is missing or malformed.
[[nodiscard]] absl::StatusOr<JoinToken> DecodeJoinToken(absl::string_view text);

}  // namespace croft
