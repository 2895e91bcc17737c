// The state of a host, from what is known of it.

#include "controlplane/domain/host.h"

namespace croft::domain {

HostState StateOf(const Host& host) {
  if (host.missing) return HostState::kMissing;
  if (host.certificate_fingerprint.empty()) return HostState::kExpected;
  if (!host.accepted_system_identifier.empty() && !host.report.system_identifier.empty() &&
      host.report.system_identifier != host.accepted_system_identifier) {
    return HostState::kIdentityChanged;
  }
  if (host.up) return host.unconfirmed ? HostState::kUnconfirmed : HostState::kUp;
  return host.awaited ? HostState::kAwaited : HostState::kAway;
}

}  // namespace croft::domain
