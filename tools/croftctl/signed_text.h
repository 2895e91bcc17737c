#pragma once

#include <string>

#include <absl/status/status.h>

#include "tools/croftctl/tool.h"

// Texts that the control plane's authority has signed.
namespace croft::ctl {

// Writes PREFIX.txt and PREFIX.sig, each with exactly the bytes that `openssl dgst -verify` wants, and says so.
[[nodiscard]] absl::Status SaveSigned(Session& session, const std::string& prefix,
                                      const std::string& statement, const std::string& signature);

}  // namespace croft::ctl
