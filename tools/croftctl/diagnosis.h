#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "croft/v1/admin.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/operation.pb.h"

// What doctor concludes from what it found. Pure: `now` and all facts are given.
namespace croft::ctl {

enum class Level { kOk, kWarn, kFail };

struct Finding {
  Level level = Level::kOk;
  std::string subject;  // what was looked at, such as "server 127.0.0.1:7443"
  std::string text;
  std::string remedy;  // empty when all is well
};
using Findings = std::vector<Finding>;

// On the validity of one certificate (PEM); a month before its end is a warning.
[[nodiscard]] Finding CheckValidity(const std::string& subject, const std::string& certificate,
                                    absl::Time now);

// Whether `chain`, as `server` (host:port) shows it, is valid, leads to one of `authorities`, and names the server.
// With no authorities the second is not looked at.
[[nodiscard]] Findings CheckServerChain(const std::string& server, const std::vector<std::string>& chain,
                                        const std::vector<std::string>& authorities, absl::Time now);

// Whether a certificate with `names` is good for `host`: the same address or name, or a wildcard of one label.
[[nodiscard]] bool NamesHost(const std::vector<std::string>& names, absl::string_view host);

// Versions that differ in more than their last part should not talk for long.
[[nodiscard]] Finding CheckVersions(const std::string& server, const std::string& client);

[[nodiscard]] Findings CheckHost(const v1::Host& host, absl::Time now);

// On the backups of one tenant: those of its operations that make one, the newest first. Only those that failed since the
// last that did not are a finding.
[[nodiscard]] std::optional<Finding> CheckBackups(const std::vector<v1::Operation>& operations,
                                                  absl::Time now);

}  // namespace croft::ctl
