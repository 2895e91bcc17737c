#pragma once

#include <string>

#include <absl/strings/string_view.h>

#include "common/random.h"

// SCRAM-SHA-256 as PostgreSQL stores it (RFC 5802, 7677).
namespace croft::crypto {

// `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`. `salt` is 16 bytes; `password` is ASCII, so that
// SASLprep leaves it as it is.
[[nodiscard]] std::string ScramVerifier(absl::string_view password, absl::string_view salt);

// 32 characters of `A-Za-z0-9`, over 190 bits.
[[nodiscard]] std::string NewPassword(Random& random);

}  // namespace croft::crypto
