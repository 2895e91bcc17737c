#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

// The certificates that a server shows.
namespace croft::ctl {

// The certificates, PEM and leaf first, that `server` (host:port) shows in a TLS handshake, whether they can be
// trusted or not. The handshake is then refused and nothing is sent. UNAVAILABLE where none comes about.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ShownCertificates(const std::string& server,
                                                                         absl::Duration timeout);

// The certificates of a PEM text that may hold several.
[[nodiscard]] std::vector<std::string> SplitCertificates(const std::string& pem);

}  // namespace croft::ctl
