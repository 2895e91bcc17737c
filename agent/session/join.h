#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/session/identity.h"

namespace croft::agent {

// Trades the single-use token for certificates and keeps them in `files`. `servers` replaces the addresses in
// the token unless it is empty. While no control plane answers it tries again until `deadline`. The errors'
// sentences are for people; none quotes the token.
[[nodiscard]] absl::Status Join(const IdentityFiles& files, absl::string_view token_text,
                                const std::vector<std::string>& servers, absl::Time deadline);

// Trades the present certificate for a new one and keeps it in `files`.
[[nodiscard]] absl::Status Renew(const IdentityFiles& files, const Identity& identity,
                                 const std::string& address);

}  // namespace croft::agent
